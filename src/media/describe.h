/* The facts of one file as the JSON that the catalog keeps. */
#ifndef MEDIA_DESCRIBE_H
#define MEDIA_DESCRIBE_H

#include "media/probe.h"

/* The metadata object as text of at most METADATA_MAX_BYTES; later chapters, then tags, are left
 * out where it would be longer. */
const char *describe(const struct probe *probe);

#endif
