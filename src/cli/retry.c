#include "cli/retry.h"

#define FIRST_MS 250
#define LONGEST_MS 10000

enum retry_hope retry_hope_of(enum error_kind kind)
{
    switch (kind) {
    case ERR_UNAVAILABLE:
    case ERR_INTERNAL:
    case ERR_STORAGE_FULL:
    case ERR_TOO_MANY:
    case ERR_SLOW:
    case ERR_INCOMPLETE: /* whoever stands between lost the rest */
    case ERR_IDEMPOTENCY_BUSY:
        return RETRY_LATER;
    case ERR_CHECKSUM:
    case ERR_PART_CHECKSUM:
    case ERR_SUPERSEDED:
    case ERR_BYTES_DIFFER: /* some were harmed on their way, of this attempt or an earlier one */
    case ERR_CONFLICT:     /* what a server says for both that has no codes for them yet */
        return RETRY_ACCIDENT;
    case ERR_UNAUTHORIZED:
    case ERR_FORBIDDEN:
    case ERR_QUOTA_STORAGE:
    case ERR_QUOTA_FILES:
    case ERR_QUOTA_MONTHLY:
        return RETRY_WITHHELD;
    default:
        return RETRY_REFUSED;
    }
}

enum retry_hope retry_hope_of_connection(CURLcode result, bool *never_sent)
{
    *never_sent = false;
    switch (result) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION: /* a sign-in page of somebody else's network, too */
    case CURLE_QUIC_CONNECT_ERROR:
        *never_sent = true;
        return RETRY_LATER;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* the answer is no HTTP; the address's was checked before */
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_HTTP3:
    case CURLE_AGAIN:
        return RETRY_LATER;
    default: /* this machine's own: no memory, a file of certificates that cannot be read … */
        return RETRY_WITHHELD;
    }
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
