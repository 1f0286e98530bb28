/* UUIDs (RFC 9562). New ones are version 7: they sort by the time they were made. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/str.h"

struct uuid {
    uint8_t bytes[16];
};

#define UUID_TEXT_SIZE 37

/* Version 7; the 12 bits behind the milliseconds hold the fraction of the millisecond (RFC 9562
 * section 6.2, method 3), so ids made within one process sort finer than a millisecond. */
struct uuid uuid_new(const struct clock *clock, const struct random_source *random);
bool uuid_is_nil(struct uuid id);
bool uuid_equal(struct uuid a, struct uuid b);
/* Canonical lower-case text. */
void uuid_format(struct uuid id, char out[static UUID_TEXT_SIZE]);
/* Any version, either case, the 36-character form only. */
bool uuid_parse(struct str text, struct uuid *out);

#endif
