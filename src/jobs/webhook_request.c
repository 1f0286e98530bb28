#include "jobs/webhook_request.h"

#include <stdio.h>

#include "service/webhook_message.h"

#define BODY_MAX_BYTES ((size_t)256 * 1024)
#define ANSWER_MAX_BYTES ((size_t)64 * 1024) /* read, so that the connection can be used again */
#define HEAD_MAX_BYTES ((size_t)64 * 1024)

/* ---- what libcurl asks ---- */

/* The address that is about to be connected to, whatever name led to it. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct webhook_request *request = context;

    if (purpose != CURLSOCKTYPE_IPCXN || !receivers_allow(request->receivers, &address->addr)) {
        request->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t drop_head(char *bytes, size_t size, size_t count, void *context)
{
    struct webhook_request *request = context;

    (void)bytes;
    request->head_bytes += size * count;
    return request->head_bytes <= HEAD_MAX_BYTES ? size * count : 0;
}

static size_t drop_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct webhook_request *request = context;

    (void)bytes;
    request->received_bytes += size * count;
    return request->received_bytes <= ANSWER_MAX_BYTES ? size * count : 0;
}

/* ---- the request ---- */

static bool add_header(struct webhook_request *request, const char *line)
{
    struct curl_slist *longer = curl_slist_append(request->headers, line);

    if (longer)
        request->headers = longer;
    return longer != NULL;
}

static bool add_headers(struct webhook_request *request, const struct webhook *webhook,
                        const struct delivery *delivery, int64_t now_us)
{
    char id[UUID_TEXT_SIZE], signature[WEBHOOK_SIGNATURE_SIZE], line[160];
    struct str body = {request->body.bytes, request->body.length};
    long long timestamp_s = now_us / US_PER_S;
    bool ok;

    uuid_format(delivery->id, id);
    webhook_sign(webhook, id, timestamp_s, body, signature);
    snprintf(line, sizeof line, "webhook-id: %s", id);
    ok = add_header(request, line);
    snprintf(line, sizeof line, "webhook-timestamp: %lld", timestamp_s);
    ok = ok && add_header(request, line);
    snprintf(line, sizeof line, "webhook-signature: %s", signature);
    return ok && add_header(request, line) &&
           add_header(request, "Content-Type: application/json") && add_header(request, "Expect:");
}

#define SET(option, value) (curl_easy_setopt(request->easy, (option), (value)) == CURLE_OK)

/* Nothing of the environment, no other protocol, no second address. A name that takes too long to
 * resolve is given up without waiting for the thread that asks (QUICK_EXIT): others are sent to
 * meanwhile. */
static bool set_bounds(struct webhook_request *request, int64_t timeout_ms)
{
    return SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_PROXY, "") &&
           SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_NOSIGNAL, 1L) &&
           SET(CURLOPT_QUICK_EXIT, 1L) && SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
           SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms) &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) && SET(CURLOPT_OPENSOCKETDATA, request) &&
           SET(CURLOPT_HEADERFUNCTION, drop_head) && SET(CURLOPT_HEADERDATA, request) &&
           SET(CURLOPT_WRITEFUNCTION, drop_answer) && SET(CURLOPT_WRITEDATA, request);
}

static bool set_content(struct webhook_request *request, const struct webhook *webhook)
{
    return SET(CURLOPT_URL, webhook->url) &&
           SET(CURLOPT_USERAGENT, "AudioTricks/" AUDIOTRICKS_VERSION) &&
           SET(CURLOPT_HTTPHEADER, request->headers) &&
           SET(CURLOPT_POSTFIELDSIZE, (long)request->body.length) &&
           SET(CURLOPT_POSTFIELDS, request->body.bytes);
}

bool webhook_request_new(const struct webhook *webhook, const struct delivery *delivery,
                         const struct receivers *receivers, int64_t now_us, int64_t timeout_ms,
                         struct webhook_request **out, struct error *err)
{
    scoped(webhook_request_release) struct webhook_request *request = calloc(1, sizeof *request);

    if (!request)
        abort();
    request->receivers = receivers;
    buf_init(&request->body, BODY_MAX_BYTES);
    request->easy = curl_easy_init();
    if (!request->easy || !webhook_body(&request->body, delivery) ||
        !add_headers(request, webhook, delivery, now_us) || !set_bounds(request, timeout_ms) ||
        !set_content(request, webhook))
        return error_set(err, ERR_INTERNAL, "the request to a webhook could not be made");
    *out = take(request);
    return true;
}

void webhook_request_free(struct webhook_request *request)
{
    if (!request)
        return;
    if (request->easy)
        curl_easy_cleanup(request->easy);
    curl_slist_free_all(request->headers);
    buf_done(&request->body);
    free(request);
}

/* ---- the answer ---- */

static void explain(const struct webhook_request *request, CURLcode code,
                    struct webhook_answer *answer)
{
    if (request->is_refused && answer->status == 0)
        snprintf(answer->error, sizeof answer->error,
                 "the address is one that webhooks may not reach");
    else if (answer->status > 0 && code == CURLE_OK)
        snprintf(answer->error, sizeof answer->error, "the receiver answered %ld", answer->status);
    else
        snprintf(answer->error, sizeof answer->error, "%s", curl_easy_strerror(code));
}

/* A complete head decides; of the body no more than a bit is read, and nothing depends on it. */
void webhook_request_answer(struct webhook_request *request, CURLcode code,
                            struct webhook_answer *out)
{
    curl_off_t total_us = 0;
    long status = 0;

    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(request->easy, CURLINFO_TOTAL_TIME_T, &total_us);
    *out = (struct webhook_answer){.status = status, .duration_ms = total_us / 1000};
    out->delivered =
        status >= 200 && status < 300 && (code == CURLE_OK || request->received_bytes > 0);
    if (!out->delivered)
        explain(request, code, out);
}
