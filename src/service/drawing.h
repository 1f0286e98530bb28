/* An upload's waveforms as they are made: a file for each zoom, all written at once. */
#ifndef SERVICE_DRAWING_H
#define SERVICE_DRAWING_H

#include "catalog/upload.h"
#include "media/work.h"
#include "service/making.h"

struct drawing {
    struct making files;
    struct media_analysis analysis;
    struct {
        struct stage *stage; /* being written */
        uint32_t number;     /* the stage's */
    } zooms[MEDIA_ZOOMS_MAX];
    const char *json; /* what else was found */
};

/* The callbacks of struct media_sink. */
bool drawing_open(struct drawing *self, const struct media_output *output, int *fd,
                  struct error *err);
bool drawing_written(const struct drawing *self, const struct media_output *output,
                     uint64_t size_bytes, struct error *err);
bool drawing_done(struct drawing *self, const struct media_output *output, uint64_t size_bytes,
                  struct error *err);

/*
 * Takes the waveforms that an analysis FOUND before from an upload of the same content (it may be
 * the same upload), as new files. *OUT is false if one of them is not there any more: then it has
 * to be made again.
 */
bool drawing_copy(struct drawing *self, const struct upload *upload, const char *found, bool *out,
                  struct error *err);

/* In the transaction that completes the job. */
bool drawing_commit(struct db *tx, const struct drawing *self, struct error *err);
void drawing_release(struct drawing *self);

#endif
