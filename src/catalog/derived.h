/*
 * Files that processing has made of an upload. Uploads of one content may share them: each has rows
 * of its own, and how many there are of an object is counted, never stored.
 */
#ifndef CATALOG_DERIVED_H
#define CATALOG_DERIVED_H

#include "db/db.h"

enum derived_kind { DERIVED_CHUNK, DERIVED_WAVEFORM };

/* A row of derived_files. */
struct derived {
    const char *storage_name;
    const char *storage_path;
    struct uuid upload_id;
    enum derived_kind kind;
    uint32_t number; /* the chunk's index; the waveform's samples per pixel */
    uint64_t size;   /* bytes */
    const char *checksum_md5;
    const char *checksum_sha256;
    struct uuid job_id; /* that made it, or took it over */
    int64_t lease_token;
    bool kept;             /* the job was completed */
    int64_t created_at_us; /* the object */
};

/* Names a file that is about to be there; it is not kept yet. Fails with ERR_CONFLICT if the upload
 * is gone. */
bool derived_add(struct db *tx, const struct derived *file, struct error *err);
/* All of a kind that was made under this lease is kept. */
bool derived_keep(struct db *tx, struct uuid job_id, int64_t lease_token, enum derived_kind kind,
                  struct error *err);
/* Whose a file becomes. */
struct derived_owner {
    struct uuid upload_id;
    struct uuid job_id;
    int64_t lease_token;
};
/* All files that were made with FROM, of its kind and upload, are TO's as well, for that to keep:
 * *COUNT of them, none if FROM's upload does not keep them any more. Fails as derived_add. */
bool derived_share(struct db *tx, const struct derived *from, const struct derived_owner *to,
                   uint64_t *count, struct error *err);
/* *IS_LAST: nobody else has the object. */
bool derived_remove(struct db *tx, const struct derived *file, bool *is_last, struct error *err);

/* At most LIMIT kept files of an upload from NUMBER on, in order. */
bool derived_kept(struct db *db, struct uuid upload_id, enum derived_kind kind, uint32_t number,
                  size_t limit, struct arena *mem, struct derived **out, size_t *count,
                  struct error *err);
/* At most LIMIT kept files of all uploads of a workspace that have the content. */
bool derived_of_content(struct db *db, struct uuid workspace_id, const char *sha256,
                        enum derived_kind kind, size_t limit, struct arena *mem,
                        struct derived **out, size_t *count, struct error *err);
/* The same, of those that are of LIKE's kind and number and have its SHA-256: the newest first, one
 * that several have once. */
bool derived_alike(struct db *db, struct uuid workspace_id, const char *sha256,
                   const struct derived *like, size_t limit, struct arena *mem,
                   struct derived **out, size_t *count, struct error *err);
/* At most LIMIT files of an upload, kept or not. */
bool derived_of_upload(struct db *db, struct uuid upload_id, size_t limit, struct arena *mem,
                       struct derived **out, size_t *count, struct error *err);
/* At most LIMIT that are not kept, and never will be: the lease they were made under has ended. */
bool derived_loose(struct db *db, size_t limit, struct arena *mem, struct derived **out,
                   size_t *count, struct error *err);
/* What stands at a place, kept by anybody if it is by one. ERR_NOT_FOUND. */
bool derived_at(struct db *db, const char *storage_name, const char *storage_path,
                struct arena *mem, struct derived *out, struct error *err);
/* Whether the upload keeps what stands there. */
bool derived_has(struct db *db, struct uuid upload_id, const char *storage_name,
                 const char *storage_path, bool *out, struct error *err);
/* At most LIMIT kept files of a store whose path is greater than AFTER, in their order; one that
 * several have once. */
bool derived_walk(struct db *db, const char *storage_name, const char *after, size_t limit,
                  struct arena *mem, struct derived **out, size_t *count, struct error *err);

/* What all files of a workspace take in the stores, but for those of a kind that one upload alone
 * has. */
bool derived_bytes_beside(struct db *db, struct uuid workspace_id, struct uuid upload_id,
                          enum derived_kind kind, uint64_t *out, struct error *err);

/* ---- recipes ---- */

/* An upload's files of a kind have been made by a job of these OPTIONS. */
bool derived_note_recipe(struct db *tx, struct uuid upload_id, enum derived_kind kind,
                         const char *options, int64_t now_us, struct error *err);
/* With which options they can be made again. ERR_NOT_FOUND if none ever were. */
bool derived_recipe(struct db *db, struct uuid upload_id, enum derived_kind kind, struct arena *mem,
                    const char **out, struct error *err);

#endif
