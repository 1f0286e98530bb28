/*
 * Files that processing made and that are gone from the store, though nothing took their place:
 * cleaned away, or lost. They are made again as they were, by a job.
 */
#ifndef SERVICE_REMAKING_H
#define SERVICE_REMAKING_H

#include "catalog/derived.h"
#include "catalog/upload.h"
#include "service/app.h"

/* What was looked for and not found. */
struct missing_file {
    const struct upload *upload;
    enum derived_kind kind;
    const char *storage_name, *storage_path; /* NULL: there is no place where it should be */
};

/*
 * Has all files of the upload that are of that kind made again, with one job however many ask, and
 * waits for it: until SHOULD_END(CONTEXT), which is asked every second at least, or for 30 seconds.
 * Then, or at once if something else took the place of FILE meanwhile, look for it anew.
 *
 * Fails with ERR_NOT_FOUND if they were never made, ERR_CONFLICT if the job failed or was
 * cancelled, ERR_UNAVAILABLE if it has not ended yet: it goes on, and another time may find it
 * done.
 */
bool remake(struct app *app, const struct missing_file *file, bool (*should_end)(void *context),
            void *context, struct arena *mem, struct error *err);

#endif
