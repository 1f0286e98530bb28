/* Structured fields (RFC 9651), as far as the fields that this server knows need them. Pure. */
#ifndef HTTP_STRUCTURED_H
#define HTTP_STRUCTURED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct structured_item {
    bool is_bytes;
    struct str text; /* base64 of bytes, or the characters of anything else */
};

/* Cuts one member of a dictionary, "key=item;parameters", and the comma behind it off TEXT. A
 * member without a value is the boolean true. False if it is malformed. */
bool structured_member(struct str *text, struct str *key, struct structured_item *value);

#define STRUCTURED_DIGITS_MAX 15 /* of an integer */

/* A field that is one boolean: "?1". Parameters are skipped. False if it is anything else. */
bool structured_boolean(struct str field, bool *out);
/* A field that is one integer which is not negative. Parameters are skipped. False if it is
 * anything else. */
bool structured_count(struct str field, uint64_t *out);

#endif
