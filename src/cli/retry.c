#include "cli/retry.h"

#define FIRST_MS 250
#define LONGEST_MS 10000

bool retry_is_worth_it(long status)
{
    return status == 408 || status == 429 || status == 502 || status == 503 || status == 504;
}

static uint64_t asked_for_ms(const char *retry_after, int64_t now_us)
{
    uint64_t seconds;
    int64_t date_us;

    if (!retry_after)
        return 0;
    if (str_to_u64(str_trim(str_from(retry_after)), UINT32_MAX, &seconds))
        return seconds * 1000;
    if (time_from_http(str_trim(str_from(retry_after)), &date_us) && date_us > now_us)
        return (uint64_t)(date_us - now_us + 999) / 1000;
    return 0;
}

uint64_t retry_wait_ms(unsigned attempt, uint32_t chance, const char *retry_after, int64_t now_us)
{
    uint64_t wait = attempt > 6 ? LONGEST_MS : (uint64_t)FIRST_MS << (attempt - 1);
    uint64_t asked = asked_for_ms(retry_after, now_us);

    if (wait > LONGEST_MS)
        wait = LONGEST_MS;
    wait -= chance % (wait / 2);
    if (asked > RETRY_AFTER_MAX_MS)
        asked = RETRY_AFTER_MAX_MS;
    return asked > wait ? asked : wait;
}
