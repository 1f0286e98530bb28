/*
 * Canonical JSON (RFC 8785, JCS) over jansson's values: one text for all texts that say the same,
 * so that it can be digested. Pure functions.
 *
 * Numbers are IEEE 754 doubles, as RFC 8785 has them. Fractions are rounded to the nearest one; an
 * integer that would change by that is refused, as two of them must not pass for one.
 */
#ifndef BASE_CANONICAL_JSON_H
#define BASE_CANONICAL_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

#define CANONICAL_NUMBER_SIZE 48

/* VALUE, which is finite, as ECMAScript prints it (ECMA-262, Number::toString): the shortest digits
 * that read as VALUE again, and of those the nearest. */
void canonical_number(double value, char out[static CANONICAL_NUMBER_SIZE]);

/*
 * Reads I-JSON (RFC 7493) of any kind of value. *OUT is the caller's (json_decref).
 *
 * Fails with ERR_BAD_JSON if TEXT is not JSON in UTF-8, nests deeper than JSON_DEPTH_MAX, has a
 * name twice in an object or NUL in one, a lone surrogate, a number past the largest double, or an
 * integer that a double does not keep digit for digit.
 */
bool canonical_json_read(const char *text, size_t length, json_t **out, struct error *err);

/* Adds VALUE's canonical text to OUT. Fails with ERR_BAD_JSON if VALUE cannot have come from
 * canonical_json_read (it nests too deep, holds an integer that no double is), ERR_BODY_TOO_LARGE
 * if OUT has no room; what was added by then is then of no use. */
bool canonical_json_write(const json_t *value, struct buf *out, struct error *err);

#endif
