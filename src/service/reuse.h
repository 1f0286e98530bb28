/*
 * What jobs of others than the server have made, kept in the processing cache and taken from it
 * (service/cache.h): a job whose content, options and kind are those of one that was completed
 * before need not be done again.
 *
 * The type is the kind, the content the upload's. The options are the job's without "cache"; for a
 * chunk they are {"chunk": SHA-256 of its file, "options": …}, so that chunks that were cut
 * otherwise are others; for the whole, if the kind comes after one that has left results,
 * {"made_of": a digest of the chunks and options that these were made of, "options": …}, for the
 * same reason; nothing is kept of it if one of those results took another's place while it was at
 * work. A job with the option "cache": false, of a processor with cache = false, or without
 * a result, is neither kept nor found.
 */
#ifndef SERVICE_REUSE_H
#define SERVICE_REUSE_H

#include "catalog/job.h"
#include "service/app.h"

/* *RESULT, in MEM, is what is known for JOB, whose use is counted; NULL if nothing is, which is
 * counted as a miss. In the transaction that leases the job. */
bool reuse_find(struct db *tx, const struct app *app, const struct job *job, struct arena *mem,
                const char **result, struct error *err);
/* Keeps the RESULT of JOB, which took RUN_MS, if it is one to be kept; a cache that does not take
 * it is nobody's failure. */
void reuse_keep(struct app *app, const struct job *job, const char *result, int64_t run_ms);

#endif
