/*
 * A multipart upload, step by step, for those who do not send all of it at once. Only s3*.c include
 * this.
 */
#ifndef STORE_S3_MULTIPART_H
#define STORE_S3_MULTIPART_H

#include "store/s3_compose.h"

struct s3_multipart {
    const struct s3_outgoing *outgoing;
    const char *id;              /* the provider's */
    uint64_t part_bytes;         /* of each part but the last */
    size_t count;                /* of parts; known when it is completed */
    const struct s3_part *parts; /* NULL: one after the other, of PART_BYTES */
    char (*etags)[S3_ETAG_SIZE];
};

/* Of the parts of an object of SIZE bytes: as the settings say or, as there may be S3_PARTS_MAX at
 * most, larger. */
uint64_t s3_part_bytes(const struct s3_store *self, uint64_t size);

/* ID is in MEM. STOP, unless it is NULL, ends it once it becomes true. */
bool s3_multipart_begin(const struct s3_outgoing *outgoing, struct arena *mem,
                        const atomic_bool *stop, const char **id, struct error *err);
/*
 * Sends the bytes of part INDEX, from 0 on, and tells its ETag. STOP as above. *REFUSED, unless it
 * is NULL, is set if the provider does not take it, so that it is not worth another attempt. May be
 * called for several parts at once.
 */
bool s3_multipart_send(const struct s3_multipart *multipart, size_t index, const atomic_bool *stop,
                       char etag[static S3_ETAG_SIZE], bool *refused, struct error *err);

/* What is known of the parts once s3_multipart_complete has returned. */
struct s3_ending {
    bool was_there; /* the object had come about before, not of them */
    bool refused;   /* the provider does not take them */
    bool in_doubt;  /* it may still make the object of them: they must not be given up */
};

/* Makes the object of its parts. *ENDING is set in any case. Fails with ERR_EXISTS if another has
 * the key. */
bool s3_multipart_complete(const struct s3_multipart *multipart, struct s3_ending *ending,
                           struct error *err);

#endif
