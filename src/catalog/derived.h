/* Files that processing has made of an upload. */
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
    struct uuid job_id; /* that made it */
    int64_t lease_token;
    bool kept; /* the job was completed */
    int64_t created_at_us;
};

/* Names a file that is about to be there; it is not kept yet. Fails with ERR_CONFLICT if the upload
 * is gone. */
bool derived_add(struct db *tx, const struct derived *file, struct error *err);
/* All of a kind that was made under this lease is kept. */
bool derived_keep(struct db *tx, struct uuid job_id, int64_t lease_token, enum derived_kind kind,
                  struct error *err);
bool derived_remove(struct db *tx, const char *storage_name, const char *storage_path,
                    struct error *err);

/* At most LIMIT kept files of an upload from NUMBER on, in order. */
bool derived_kept(struct db *db, struct uuid upload_id, enum derived_kind kind, uint32_t number,
                  size_t limit, struct arena *mem, struct derived **out, size_t *count,
                  struct error *err);
/* At most LIMIT kept files of all uploads of a workspace that have the content. */
bool derived_of_content(struct db *db, struct uuid workspace_id, const char *sha256,
                        enum derived_kind kind, size_t limit, struct arena *mem,
                        struct derived **out, size_t *count, struct error *err);
/* At most LIMIT files of an upload, kept or not. */
bool derived_of_upload(struct db *db, struct uuid upload_id, size_t limit, struct arena *mem,
                       struct derived **out, size_t *count, struct error *err);
/* At most LIMIT that are not kept, and never will be: the lease they were made under has ended. */
bool derived_loose(struct db *db, size_t limit, struct arena *mem, struct derived **out,
                   size_t *count, struct error *err);
/* What stands at a place, kept or not. ERR_NOT_FOUND. */
bool derived_at(struct db *db, const char *storage_name, const char *storage_path,
                struct arena *mem, struct derived *out, struct error *err);
/* At most LIMIT kept files of a store whose path is greater than AFTER, in their order. */
bool derived_walk(struct db *db, const char *storage_name, const char *after, size_t limit,
                  struct arena *mem, struct derived **out, size_t *count, struct error *err);

/* ---- recipes ---- */

/* An upload's files of a kind have been made by a job of these OPTIONS. */
bool derived_note_recipe(struct db *tx, struct uuid upload_id, enum derived_kind kind,
                         const char *options, int64_t now_us, struct error *err);
/* With which options they can be made again. ERR_NOT_FOUND if none ever were. */
bool derived_recipe(struct db *db, struct uuid upload_id, enum derived_kind kind, struct arena *mem,
                    const char **out, struct error *err);

#endif
