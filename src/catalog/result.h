/* What others than the server have made of an upload or its chunks: the JSON of a kind of job. */
#ifndef CATALOG_RESULT_H
#define CATALOG_RESULT_H

#include "db/db.h"

#define RESULT_WHOLE (-1) /* the part that is all of an upload */

/* A row of processing_results. */
struct result {
    struct uuid id;
    struct uuid upload_id;
    struct uuid chunk_id; /* nil: of the whole */
    const char *kind;
    int64_t part; /* the chunk's index, or RESULT_WHOLE */
    int64_t start_ms;
    int64_t end_ms; /* 0 of the whole when it is put: that of the upload */
    struct uuid job_id;
    const char *options; /* a JSON object */
    bool from_cache;
    int64_t processing_time_ms;
    int64_t completed_at_us;
    const char *json;

    /* Of the chunks before and behind; only read. Where there is none they are this one's own. */
    int64_t before_end_ms, behind_start_ms;
};

/* Puts it in the place of what its part had, and, where that was of the whole and this is of a
 * chunk, or the reverse, of all that the kind had. */
bool result_put(struct db *tx, const struct result *result, struct error *err);
/* A chunk's transcription_result_id. */
bool result_of_chunk(struct db *tx, struct uuid chunk_id, struct uuid result_id, struct error *err);

struct result_page {
    int64_t from_part;
    size_t limit;
    size_t bytes; /* of results, beyond which no further one is read */
};
/* Those of an upload and kind, in the order of parts; *MORE: there are some behind. */
bool result_list(struct db *db, struct uuid upload_id, const char *kind,
                 const struct result_page *page, struct arena *mem, struct result **out,
                 size_t *count, bool *more, struct error *err);

/* What a result was made of, and when. */
struct result_origin {
    int64_t part;
    const char *options;
    const char *chunk_sha256; /* NULL: of the whole */
    int64_t completed_at_us;
};
/* Calls VISIT for each part of a kind, in order. The texts live until it returns. */
bool result_made_of(struct db *db, struct uuid upload_id, const char *kind,
                    void (*visit)(void *context, const struct result_origin *origin), void *context,
                    struct error *err);

/* How far a kind has come. */
struct result_kind {
    const char *kind;
    uint64_t parts;          /* of which there are results */
    uint64_t parts_total;    /* of which there should be */
    int64_t completed_at_us; /* the last of them */
};
/* Of one KIND, or of all if it is NULL: at most LIMIT, in order. */
bool result_kinds(struct db *db, struct uuid upload_id, const char *kind, size_t limit,
                  struct arena *mem, struct result_kind **out, size_t *count, struct error *err);

#endif
