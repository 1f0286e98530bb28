/*
 * Time and its texts. Code that needs the time takes a struct clock, so that tests can move it.
 * Times are microseconds since 1970-01-01T00:00:00Z (Unix time, leap seconds not counted).
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_S)

struct clock {
    int64_t (*now_us)(const struct clock *self);
};

/* The machine's wall clock. */
extern const struct clock clock_system;

static inline int64_t clock_now_us(const struct clock *clock)
{
    return clock->now_us(clock);
}

/* Never goes back, counts from an unknown start: for deadlines and durations. */
int64_t clock_monotonic_us(void);
/* The same, but it goes on while the machine is suspended. */
int64_t clock_boot_us(void);

#define TIME_RFC3339_SIZE 28 /* 2026-11-24T07:44:11.123456Z */
void time_to_rfc3339(int64_t time_us, char out[static TIME_RFC3339_SIZE]);
/* RFC 3339 with any offset and 0 to 9 decimals, or a bare date (midnight UTC). */
bool time_from_rfc3339(struct str text, int64_t *out_us);

#define TIME_HTTP_SIZE 30 /* Tue, 24 Nov 2026 07:44:11 GMT (RFC 9110 section 5.6.7) */
void time_to_http(int64_t time_us, char out[static TIME_HTTP_SIZE]);
/* All three formats of RFC 9110 section 5.6.7. */
bool time_from_http(struct str text, int64_t *out_us);

#define TIME_PERIOD_SIZE 8 /* 2026-11 */
/* The month, in UTC. */
void time_to_period(int64_t time_us, char out[static TIME_PERIOD_SIZE]);
/* "2026/11/24", in UTC, for keys of objects. */
#define TIME_DAY_PATH_SIZE 11
void time_to_day_path(int64_t time_us, char out[static TIME_DAY_PATH_SIZE]);

#endif
