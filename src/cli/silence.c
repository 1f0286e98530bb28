#include "cli/silence.h"

#include "base/clock.h"

#define PAUSE_US (10 * US_PER_S)

bool silence_lasts(struct silence *silence, uint64_t bytes, unsigned limit_s, int64_t now_us)
{
    bool was_stopped = now_us - silence->asked_us > PAUSE_US; /* or this is the first time */

    silence->asked_us = now_us;
    if (was_stopped || bytes != silence->bytes) {
        silence->bytes = bytes;
        silence->since_us = now_us;
    }
    return now_us - silence->since_us >= (int64_t)limit_s * US_PER_S;
}
