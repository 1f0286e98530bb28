/*
 * Reads the JSON objects that clients send, strictly: a member that is not known, of the wrong type
 * or out of its bounds is refused by name.
 */
#ifndef API_MEMBERS_H
#define API_MEMBERS_H

#include <jansson.h>

#include "base/uuid.h"
#include "http/request.h"

#define MEMBERS_MAX_BYTES ((size_t)256 * 1024)

enum member_type {
    MEMBER_TEXT,  /* MIN to MAX bytes, no control characters */
    MEMBER_PROSE, /* MIN to MAX bytes of any characters */
    MEMBER_COUNT, /* an integer from MIN to MAX */
    MEMBER_INT,   /* an integer from -MAX to MAX */
    MEMBER_MILLI, /* a number from MIN to MAX, read as thousandths */
    MEMBER_BOOL,
    MEMBER_UUID,
    MEMBER_TIME, /* RFC 3339 */
    MEMBER_OBJECT,
    MEMBER_LIST /* of MIN to MAX items */
};

struct member_value {
    bool given; /* it was there, null or not */
    bool null;
    union {
        const char *text; /* lives as long as the JSON it was read from */
        uint64_t count;
        int64_t number;
        bool yes;
        struct uuid uuid;
        int64_t time_us;
        json_t *object; /* borrowed; a list, too */
    };
};

struct member {
    const char *name;
    enum member_type type;
    bool required;
    bool nullable;
    uint64_t min;
    uint64_t max;
    struct member_value *out;
};

static inline void members_release(json_t **variable)
{
    json_decref(*variable);
}

/*
 * The request's body, which must be a JSON object; no body at all is an empty object where
 * OPTIONAL. The caller releases *OUT (scoped(members_release)).
 *
 * Fails with ERR_MEDIA_TYPE if it is declared as something else, ERR_BAD_JSON if it is not JSON,
 * has a member twice or nests too deep, ERR_INVALID if it is not an object, ERR_BODY_TOO_LARGE.
 */
bool members_read(struct request *req, bool optional, json_t **out, struct error *err);
/* The same for a body of up to LIMIT bytes. */
bool members_read_large(struct request *req, size_t limit, json_t **out, struct error *err);

/* Reads the COUNT members of TABLE out of OBJECT into their OUT. Fails with ERR_INVALID, naming the
 * member. */
bool members_take(const json_t *object, const struct member *table, size_t count,
                  struct error *err);

#endif
