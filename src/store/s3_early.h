/*
 * Parts of a stage that are sent while more of it arrives. Sending early only saves time: what
 * could not be sent is sent when the stage is published, and the stage keeps all its bytes until
 * then.
 *
 * One pool of threads for each store does it, so that the number of requests and their memory are
 * bounded whatever the number of uploads. A part is sent once all its bytes are in the stage's
 * file, from which it is read; nothing of it is kept in memory. What a multipart upload says of the
 * object is fixed when it begins, so that it must be known by then. Only s3*.c include this.
 */
#ifndef STORE_S3_EARLY_H
#define STORE_S3_EARLY_H

#include "store/s3.h"

struct s3_early_pool;
struct s3_early;

/* THREADS at most, started when they are needed. */
struct s3_early_pool *s3_early_pool_new(unsigned threads);
/* Every struct s3_early must have been freed. Accepts NULL. */
void s3_early_pool_free(struct s3_early_pool *pool);

/* What is to become OUTGOING, whose size is that of the object or, if that is not known,
 * STAGE_SIZE_UNKNOWN, and of which WRITTEN bytes are there. All that OUTGOING points to is in MEM,
 * which is taken. Its sha256 is NULL if it is not among what the object says of itself. */
struct s3_early *s3_early_new(const struct s3_outgoing *outgoing, uint64_t written,
                              struct arena *mem);
/* Ends what is being sent and, unless the object came about or may yet do so, gives the multipart
 * upload up. What cannot be given up now the sweep finds. Accepts NULL. */
void s3_early_free(struct s3_early *early);

/* LENGTH bytes were written to the stage at OFFSET. From its thread, as the next two. */
void s3_early_written(struct s3_early *early, uint64_t offset, size_t length);
/* Nothing more is sent early: bytes that may have gone are about to change. */
void s3_early_spoil(struct s3_early *early);
/*
 * Sends what is left and makes the object, if OUTGOING, which is now known as a whole, is what was
 * begun. *DONE is false if it has to be sent in the ordinary way, as if nothing had gone before:
 * nothing was begun, it says other things of itself, or the provider does not take what is left.
 * Otherwise fails as s3_send_parts.
 */
bool s3_early_finish(struct s3_early *early, const struct s3_outgoing *outgoing, bool *done,
                     struct error *err);

#endif
