/* An upload's chunks as they are cut: files, and then rows of audio_chunks. */
#ifndef SERVICE_CUTTING_H
#define SERVICE_CUTTING_H

#include "catalog/upload.h"
#include "media/work.h"
#include "service/making.h"

struct cut_piece {
    int64_t start_ms, end_ms;
    int64_t run_ms; /* that it took */
};

struct cutting {
    struct making files;
    struct media_cut cut;
    bool is_again;            /* what was cut like this before */
    uint64_t most_bytes;      /* that all files may have */
    uint64_t bytes;           /* that those that are done have */
    struct stage *stage;      /* of the chunk that is being written */
    struct cut_piece *pieces; /* as many as there are files */
    size_t room;
    int64_t began_us; /* the chunk */
};

/* Whether UPLOAD can be cut as OPTIONS say, as far as that can be told before it is decoded. Fails
 * with ERR_INVALID, naming the member; ERR_TOO_MANY_CHUNKS if it would be more than CHUNKS_MAX. */
bool cutting_fits(const struct app *app, const char *options, const struct upload *upload,
                  struct error *err);
/* What OPTIONS of the job FILES.JOB mean for UPLOAD. Fails as cutting_fits. */
bool cutting_prepare(struct cutting *self, const struct upload *upload, struct error *err);
/* How much there is room for; before the first file is opened. What is taken over from another cut
 * takes none, and need not ask. */
bool cutting_find_room(struct cutting *self, struct error *err);

/* The callbacks of struct media_sink. Fail with ERR_TOO_MANY_CHUNKS, with ERR_QUOTA_STORAGE where
 * the files become larger than what the workspace's quota leaves, ERR_STORAGE_FULL where the disk
 * has no more room. */
bool cutting_open(struct cutting *self, int *fd, struct error *err);
bool cutting_written(const struct cutting *self, uint64_t size_bytes, struct error *err);
bool cutting_chunk_done(struct cutting *self, const struct media_chunk *chunk, struct error *err);

/* In the transaction that completes the job: the rows say what the files are. A row whose span is
 * no longer one of the cut goes, and what was made of it; what is new gets a row. */
bool cutting_commit(struct db *tx, const struct cutting *self, struct error *err);
void cutting_release(struct cutting *self);

#endif
