/* Preconditions (RFC 9110 section 13). Pure functions. */
#ifndef HTTP_CONDITIONAL_H
#define HTTP_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* What is known of the representation as it is now. */
struct validators {
    bool exists;
    const char *etag;    /* with quotes, "W/" before it if weak; NULL: none */
    int64_t modified_us; /* 0: not known */
};

/* The values of the request's headers; NULL where there is none. */
struct conditions {
    const char *if_match;
    const char *if_none_match;
    const char *if_modified_since;
    const char *if_unmodified_since;
    const char *if_range;
};

enum condition_result {
    CONDITION_PROCEED,
    CONDITION_NOT_MODIFIED, /* 304; only for reads */
    CONDITION_FAILED        /* 412 */
};

/* Evaluates all but If-Range in the order of section 13.2.2; IS_READ for GET and HEAD. A date that
 * is malformed is ignored; a list of entity tags that is malformed matches nothing. */
enum condition_result conditions_evaluate(const struct conditions *conditions,
                                          const struct validators *validators, bool is_read);
/* Whether Range is to be obeyed: true without If-Range, or if it names exactly this representation
 * (strong comparison; dates must be equal). */
bool if_range_holds(const char *if_range, const struct validators *validators);

/* Whether the list (or "*") of entity tags in HEADER has ETAG. Weak tags never match if STRONG. */
bool etag_list_has(struct str header, struct str etag, bool strong);

#endif
