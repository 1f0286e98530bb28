/* When and how long to wait before a request is tried again. Pure arithmetic. */
#ifndef CLI_RETRY_H
#define CLI_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* The longest wait that a server may ask for with Retry-After. */
#define RETRY_AFTER_MAX_MS (2 * 60 * 1000)

/* 408, 429, 502, 503 and 504 say "later"; nothing else does. */
bool retry_is_worth_it(long status);

/*
 * The wait before attempt ATTEMPT (1: the first retry): a quarter of a second, doubled each time,
 * at most ten seconds, of which CHANCE (any number) takes up to half away so that many clients do
 * not come back together. RETRY_AFTER, the header's text (RFC 9110 section 10.2.3: seconds or a
 * date, or NULL), sets the least wait, up to RETRY_AFTER_MAX_MS.
 */
uint64_t retry_wait_ms(unsigned attempt, uint32_t chance, const char *retry_after, int64_t now_us);

#endif
