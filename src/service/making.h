/*
 * The files that a job makes of an upload, or takes over from another upload of the same content,
 * from a stage to an object that verify knows.
 *
 * Each is written as a stage of the job's lease. Then all get a row (catalog/derived.h) and become
 * objects, under keys that no other attempt has. In the transaction that completes the job they
 * take the place of those that there were. Of those an object that no other upload has goes on the
 * garbage list. Whatever a run that is not completed leaves behind, the sweep clears away.
 */
#ifndef SERVICE_MAKING_H
#define SERVICE_MAKING_H

#include "catalog/derived.h"
#include "catalog/job.h"
#include "service/app.h"

struct made_file {
    uint32_t number; /* of its kind (struct derived) */
    uint32_t stage;  /* the number of its stage */
    const char *key;
    uint64_t size;
    const char *checksum_md5;
    const char *checksum_sha256;
};

/* All of one kind. */
struct making {
    struct app *app;
    struct store *store;
    const struct job *job;
    enum derived_kind kind;
    struct arena *mem; /* lives as long as this */
    const atomic_bool *should_end;
    uint32_t stages; /* that were made */
    struct made_file *files;
    size_t count, room;
};

/* Fails with ERR_NOT_IMPLEMENTED where the store is not on this machine's disks. *FD is the
 * stage's, to write to. */
bool making_stage(struct making *self, struct stage **out, int *fd, struct error *err);
/* How a file is known. */
struct made_name {
    uint32_t number;  /* of its kind */
    const char *name; /* the last part of its key */
};

/* STAGE, the STAGE_NUMBERth that was made, is written. */
bool making_add(struct making *self, struct stage *stage, uint32_t stage_number,
                const struct made_name *name, uint64_t size, struct error *err);
/* All become objects. */
bool making_publish(const struct making *self, struct error *err);
/* In place of making any: takes over all COUNT files, of which FROM is one, that a job has made,
 * with a row for each from now on. *TAKEN is false if they are not kept any more. */
bool making_share(struct making *self, const struct derived *from, size_t count, bool *taken,
                  struct error *err);
/* Where the job is completed. */
bool making_keep(struct db *tx, const struct making *self, struct error *err);
/* Discards stages that are left; those that became objects are not stages any more. */
void making_release(const struct making *self);

/* The files of an upload that is about to go: *COUNT of them. */
bool making_drop_all(struct db *tx, const struct app *app, struct uuid upload_id, uint64_t *count,
                     struct error *err);
/* Those that no run will keep any more. */
bool making_drop_loose(struct db *tx, const struct app *app, uint64_t *count, struct error *err);

#endif
