/*
 * Cuts that were made before: an upload of the same content that is to be cut in the same way
 * shares the files of the one that was, instead of being decoded again.
 *
 * What the processing cache keeps of a cut is its form, and each chunk's span, size and SHA-256.
 * The files are those of whichever upload of the workspace still has all of them, unharmed.
 */
#ifndef SERVICE_CUT_REUSE_H
#define SERVICE_CUT_REUSE_H

#include "catalog/upload.h"
#include "service/cutting.h"

/* What all chunks of a cut are, in samples. */
struct cut_form {
    int32_t sample_rate_hz, channels, bits;
};

/* The options under which the cache knows the cut: all of what it is, whatever was configured. */
const char *cut_reuse_options(const struct cutting *self);
/* What the cache is to know of a cut that was published; in SELF's memory. */
const char *cut_reuse_write(const struct cutting *self, const struct cut_form *form);
/*
 * Takes over what is KNOWN of the same cut of the same content: SELF, which has cut nothing yet, is
 * then as if it had cut and published all of it. *OUT is false if nobody has the files any more, or
 * some are not what they were: then it has to be cut.
 */
bool cut_reuse_take(struct cutting *self, const struct upload *upload, const char *known,
                    struct cut_form *form, bool *out, struct error *err);

#endif
