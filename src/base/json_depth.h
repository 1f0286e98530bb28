/* How deep JSON nests, before a parser recurses over it on a thread's small stack. Pure. */
#ifndef BASE_JSON_DEPTH_H
#define BASE_JSON_DEPTH_H

#include <stdbool.h>
#include <stddef.h>

/* What any JSON from outside may nest. */
#define JSON_DEPTH_MAX 64

/* Whether brackets within brackets stay within JSON_DEPTH_MAX, if TEXT is JSON at all. */
bool json_depth_is_bounded(const char *text, size_t length);

#endif
