/* JSON between text and values, by one set of rules for all that comes in and goes out. Pure. */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include <jansson.h>

#include "base/error.h"

/*
 * *OUT is the value that LENGTH bytes of TEXT say, the caller's to json_decref.
 *
 * Fails with ERR_BAD_JSON, telling where, if it is no JSON in UTF-8, nests deeper than
 * JSON_DEPTH_MAX, has a name twice in an object, or holds what no value can hold: U+0000, half a
 * surrogate pair, an integer beyond 64 bits, a number beyond a double.
 */
bool json_text_read(const char *text, size_t length, json_t **out, struct error *err);

/* VALUE as text on the heap, written with FLAGS of json_dumps but a precision; NULL if there is
 * none. Reals have 15 digits at most, or as many more as it takes to read back the same: 1.1, not
 * 1.1000000000000001. */
char *json_text_write(const json_t *value, size_t flags);

#endif
