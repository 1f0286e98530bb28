/* What is tried again, and after which wait: the one place that knows. Pure: values in, values out.
 */
#ifndef CLI_RETRY_H
#define CLI_RETRY_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

/* The longest wait that a server may ask for with Retry-After. */
#define RETRY_AFTER_MAX_MS (2 * 60 * 1000)

/* How a failure looks at the next attempt. */
enum retry_hope {
    RETRY_REFUSED,  /* it is final: what was begun for the request is of no use any more */
    RETRY_WITHHELD, /* no attempt helps until somebody sees to a token or a quota; what was begun
                       stays */
    RETRY_ACCIDENT, /* something befell the bytes on their way: they are worth a few more attempts
                     */
    RETRY_LATER,    /* worth as many attempts as there is patience for */
};

/* How often an accident is made up for, in one request. */
#define RETRY_ACCIDENTS_MAX 5

/* Of a failure of that KIND, which stands for the code of a server's problem (problem.h): only what
 * carries a code that this version knows can be final. */
enum retry_hope retry_hope_of(enum error_kind kind);
/* Of an attempt that brought no answer. *NEVER_SENT: the request has not reached anybody. */
enum retry_hope retry_hope_of_connection(CURLcode result, bool *never_sent);

/*
 * The wait before attempt ATTEMPT (1: the first retry): a quarter of a second, doubled each time,
 * at most ten seconds, of which CHANCE (any number) takes up to half away so that many clients do
 * not come back together. RETRY_AFTER, the header's text (RFC 9110 section 10.2.3: seconds or a
 * date, or NULL), sets the least wait, up to RETRY_AFTER_MAX_MS.
 */
uint64_t retry_wait_ms(unsigned attempt, uint32_t chance, const char *retry_after, int64_t now_us);

#endif
