#include "store/s3_client.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/random.h"
#include "base/str.h"
#include "crypto/digest.h"

#define IDLE_MAX 32 /* handles, each with its connection, that wait for a request */
#define CONNECT_TIMEOUT_MS 10000L
#define BUFFER_BYTES 262144L /* of curl's, each way */
#define PAUSE_FIRST_MS 100   /* before the first new attempt; then it doubles */
#define PAUSE_LAST_MS 5000
#define STOP_LATENCY_MS 50   /* so often a pause looks whether the call is still wanted */
#define RETRY_AFTER_MAX_S 30 /* a provider may ask for no longer pause than this */
#define ERROR_TEXT_MAX ((size_t)64 << 10)
#define HEADER_LINE_MAX 8192

struct s3_client {
    const struct s3_settings *settings;
    struct s3_credentials *credentials;
    pthread_mutex_t lock;
    CURL *idle[IDLE_MAX]; /* under LOCK */
    size_t idle_count;    /* under LOCK */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct s3_client *s3_client_new(const struct s3_settings *settings)
{
    struct s3_client *client = calloc(1, sizeof *client);

    assert(client);
    pthread_once(&once, init_curl);
    client->settings = settings;
    client->credentials = s3_credentials_new(&settings->credentials, &clock_system);
    pthread_mutex_init(&client->lock, NULL);
    return client;
}

void s3_client_free(struct s3_client *client)
{
    if (!client)
        return;
    for (size_t i = 0; i < client->idle_count; i++)
        curl_easy_cleanup(client->idle[i]);
    s3_credentials_free(client->credentials);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

/* The one that was used last: its connection is the likeliest to stand. NULL without libcurl. */
static CURL *handle_take(struct s3_client *client)
{
    CURL *handle = NULL;

    pthread_mutex_lock(&client->lock);
    if (client->idle_count > 0)
        handle = client->idle[--client->idle_count];
    pthread_mutex_unlock(&client->lock);
    if (!handle)
        handle = curl_easy_init();
    return handle;
}

static void handle_give(struct s3_client *client, CURL *handle)
{
    curl_easy_reset(handle); /* connections stay */
    pthread_mutex_lock(&client->lock);
    if (client->idle_count < IDLE_MAX) {
        client->idle[client->idle_count++] = handle;
        handle = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    if (handle)
        curl_easy_cleanup(handle);
}

void s3_reply_init(struct s3_reply *reply)
{
    *reply = (struct s3_reply){0};
    buf_init(&reply->text, S3_XML_MAX);
}

void s3_reply_done(struct s3_reply *reply)
{
    buf_done(&reply->text);
}

/* ---- one attempt ---- */

struct attempt {
    const struct s3_call *call;
    struct s3_reply *reply;
    uint64_t sent;      /* bytes of the body that were read for it */
    long retry_after_s; /* -1: the provider did not say */
    bool body_failed;   /* ERR says how: our own file could not be read, or DEST failed */
    struct error *err;
};

static size_t on_read(char *out, size_t size, size_t count, void *context)
{
    struct attempt *attempt = context;
    const struct s3_body *body = &attempt->call->body;
    uint64_t left = body->length - attempt->sent;
    size_t wanted = size * count < left ? size * count : (size_t)left, got = wanted;

    if (body->bytes)
        memcpy(out, (const char *)body->bytes + attempt->sent, wanted);
    else if (!fs_read_at(body->fd, out, wanted, body->offset + attempt->sent, &got, "stage",
                         attempt->err))
        attempt->body_failed = true;
    else if (got < wanted)
        attempt->body_failed =
            !error_set(attempt->err, ERR_INCOMPLETE, "the stage ends before its size");
    if (attempt->body_failed)
        return CURL_READFUNC_ABORT;
    attempt->sent += got;
    return got;
}

static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct attempt *attempt = context;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > attempt->call->body.length)
        return CURL_SEEKFUNC_CANTSEEK;
    attempt->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static bool header_is(struct str line, const char *name, struct str *value)
{
    size_t length = strlen(name);

    if (line.len <= length || line.ptr[length] != ':' || strncasecmp(line.ptr, name, length) != 0)
        return false;
    *value = str_trim((struct str){line.ptr + length + 1, line.len - length - 1});
    return true;
}

static void copy_text(struct str value, char *out, size_t size)
{
    size_t length = value.len < size ? value.len : 0; /* one that is longer is not one of ours */

    memcpy(out, value.ptr, length);
    out[length] = '\0';
}

/* "bytes 0-9/100" */
static void read_content_range(struct s3_reply *reply, struct str value)
{
    unsigned long long start, end, total;
    char text[80];

    copy_text(value, text, sizeof text);
    if (sscanf(text, "bytes %llu-%llu/%llu", &start, &end, &total) == 3) {
        reply->range_start = start;
        reply->total = total;
    }
}

/* In seconds; a date is not: no provider sends one. */
static void read_retry_after(struct attempt *attempt, struct str value)
{
    uint64_t seconds;

    if (str_to_u64(value, UINT32_MAX, &seconds))
        attempt->retry_after_s = seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : (long)seconds;
}

static void read_text(struct s3_reply *reply, struct str line)
{
    const struct {
        const char *name;
        char *text;
        size_t size;
    } texts[] = {
        {"etag", reply->etag, sizeof reply->etag},
        {"content-type", reply->content_type, sizeof reply->content_type},
        {"x-amz-meta-stage", reply->stage, sizeof reply->stage},
        {"x-amz-meta-sha256", reply->sha256, sizeof reply->sha256},
        {"x-amz-meta-original-filename", reply->filename, sizeof reply->filename},
        {"x-amz-meta-upload-timestamp", reply->timestamp, sizeof reply->timestamp},
        {"x-amz-storage-class", reply->storage_class, sizeof reply->storage_class},
        {"x-amz-restore", reply->restore, sizeof reply->restore},
    };
    struct str value;

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (header_is(line, texts[i].name, &value))
            copy_text(value, texts[i].text, texts[i].size);
}

static void head_begin(struct attempt *attempt)
{
    struct s3_reply *reply = attempt->reply;

    reply->etag[0] = reply->stage[0] = reply->sha256[0] = '\0';
    reply->content_type[0] = reply->filename[0] = reply->timestamp[0] = '\0';
    reply->storage_class[0] = reply->restore[0] = '\0';
    reply->length = reply->total = reply->range_start = S3_SIZE_UNKNOWN;
    reply->modified_us = 0;
    attempt->retry_after_s = -1;
}

static size_t on_header(char *text, size_t size, size_t count, void *context)
{
    struct attempt *attempt = context;
    struct s3_reply *reply = attempt->reply;
    struct str line = {text, size * count}, value;

    while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
        line.len--;
    if (line.len > HEADER_LINE_MAX)
        return size * count;
    if (str_starts_with(line, "HTTP/"))
        head_begin(attempt); /* also after an interim answer */
    else if (header_is(line, "content-length", &value))
        (void)str_to_u64(value, INT64_MAX, &reply->length);
    else if (header_is(line, "content-range", &value))
        read_content_range(reply, value);
    else if (header_is(line, "last-modified", &value))
        (void)time_from_http(value, &reply->modified_us);
    else if (header_is(line, "retry-after", &value))
        read_retry_after(attempt, value);
    else
        read_text(reply, line);
    return size * count;
}

static bool goes_to_dest(const struct attempt *attempt)
{
    return attempt->call->dest && (attempt->reply->status == 200 || attempt->reply->status == 206);
}

static size_t on_write(char *bytes, size_t size, size_t count, void *context)
{
    struct attempt *attempt = context;
    struct s3_reply *reply = attempt->reply;
    size_t length = size * count;

    if (goes_to_dest(attempt)) {
        if (!attempt->call->dest->write(attempt->call->dest, bytes, length, attempt->err)) {
            attempt->body_failed = true;
            return 0;
        }
        reply->delivered += length;
        return length;
    }
    if (reply->status >= 300 && reply->text.length + length > ERROR_TEXT_MAX)
        return length; /* the code stands at the beginning */
    return buf_add(&reply->text, bytes, length) ? length : 0;
}

/* The status must be known when the first byte of the body comes. */
struct watched {
    struct attempt *attempt;
    CURL *handle;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct watched *watched = context;

    curl_easy_getinfo(watched->handle, CURLINFO_RESPONSE_CODE, &watched->attempt->reply->status);
    return on_write(bytes, size, count, watched->attempt);
}

static bool is_stopped(const struct s3_call *call)
{
    return call->stop && atomic_load(call->stop);
}

/* libcurl asks once a second, and whenever bytes have gone. */
static int on_progress(void *context, curl_off_t in_all, curl_off_t in, curl_off_t out_all,
                       curl_off_t out)
{
    (void)in_all, (void)in, (void)out_all, (void)out;
    return is_stopped(context);
}

static void headers_release(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}

static void header_add(struct curl_slist **list, const char *name, const char *value,
                       struct arena *mem)
{
    /* "name;" is how curl is told of a header without a value */
    struct curl_slist *longer = curl_slist_append(
        *list, *value ? arena_printf(mem, "%s: %s", name, value) : arena_printf(mem, "%s;", name));

    assert(longer);
    *list = longer;
}

static bool has_body(const struct s3_call *call)
{
    return strcmp(call->method, "PUT") == 0 || strcmp(call->method, "POST") == 0;
}

static const char *path_of(const struct s3_settings *settings, const char *key, struct arena *mem)
{
    if (!settings->path_style)
        return arena_printf(mem, "/%s", key ? key : "");
    return arena_printf(mem, "/%s%s%s", settings->bucket, key ? "/" : "", key ? key : "");
}

static struct s3_signer signer_of(const struct s3_settings *settings,
                                  const struct s3_identity *identity)
{
    return (struct s3_signer){.access_key = identity->access_key,
                              .secret_key = identity->secret_key,
                              .session_token = identity->session_token,
                              .region = settings->region,
                              .now_us = clock_now_us(&clock_system)};
}

static void sign(const struct s3_settings *settings, const struct s3_identity *identity,
                 const struct s3_call *call, const char *payload, struct arena *mem,
                 struct s3_signed *out)
{
    struct s3_signer signer = signer_of(settings, identity);
    struct s3_request request = {.method = call->method,
                                 .host = settings->host,
                                 .path = path_of(settings, call->key, mem),
                                 .query = call->query,
                                 .query_count = call->query_count,
                                 .headers = call->headers,
                                 .header_count = call->header_count,
                                 .payload = payload};

    s3_sign(&signer, &request, mem, out);
}

static void set_connection(CURL *handle, const struct s3_settings *settings)
{
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, (long)((settings->timeout_ms + 999) / 1000));
    if (settings->ca_file)
        curl_easy_setopt(handle, CURLOPT_CAINFO, settings->ca_file);
}

static void set_method(CURL *handle, struct attempt *attempt)
{
    const struct s3_call *call = attempt->call;

    if (has_body(call)) {
        curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body.length);
        curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(handle, CURLOPT_READDATA, attempt);
        curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(handle, CURLOPT_SEEKDATA, attempt);
    }
    if (strcmp(call->method, "HEAD") == 0)
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call->method);
    if (call->within_ms)
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)call->within_ms);
    if (call->stop) {
        curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(handle, CURLOPT_XFERINFODATA, (void *)call);
    }
}

static CURLcode perform(CURL *handle, const struct s3_settings *settings,
                        const struct s3_identity *identity, struct attempt *attempt,
                        const char *payload, struct arena *mem, char why[static CURL_ERROR_SIZE])
{
    scoped(headers_release) struct curl_slist *headers = NULL;
    const struct s3_call *call = attempt->call;
    struct watched watched = {attempt, handle};
    struct s3_signed result;
    CURLcode code;

    sign(settings, identity, call, payload, mem, &result);
    for (size_t i = 0; i < call->header_count; i++)
        header_add(&headers, call->headers[i].name, call->headers[i].value, mem);
    for (size_t i = 0; i < result.header_count; i++)
        header_add(&headers, result.headers[i].name, result.headers[i].value, mem);
    header_add(&headers, "host", settings->host, mem);
    headers = curl_slist_append(headers, "Expect:");
    headers = curl_slist_append(headers, "Accept:");
    set_connection(handle, settings);
    set_method(handle, attempt);
    curl_easy_setopt(handle, CURLOPT_URL,
                     arena_printf(mem, "%s%s", settings->origin, result.target));
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, attempt);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &watched);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, why);
    head_begin(attempt);
    code = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &attempt->reply->status);
    return code;
}

/* ---- what came of it ---- */

static bool is_passing(const struct s3_reply *reply)
{
    switch (reply->status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return strcmp(reply->code, "RequestTimeout") == 0;
    }
}

/* Statuses that mean something to the caller. Without a code (HEAD) a 404 may be the bucket's. */
static bool is_answer(const struct s3_call *call, const struct s3_reply *reply)
{
    long status = reply->status;

    return (status >= 200 && status < 300) ||
           (status == 404 && call->key && strcmp(reply->code, "NoSuchBucket") != 0) ||
           (call->key && (status == 409 || status == 412 || status == 416));
}

static bool refused(const struct s3_reply *reply, struct error *err)
{
    bool is_full = strcmp(reply->code, "QuotaExceeded") == 0 || reply->status == 507;

    if (strcmp(reply->code, "InvalidObjectState") == 0)
        return error_tell(err, ERR_CONFLICT, "the content is archived and must be restored first");
    return error_set(err, is_full ? ERR_STORAGE_FULL : ERR_UNAVAILABLE,
                     "the provider answered %ld%s%s", reply->status, *reply->code ? " " : "",
                     reply->code);
}

/* An answer that was cut off, or longer or shorter than it said. */
static bool unreachable(CURLcode code, const char *why, struct error *err)
{
    return error_set(err, ERR_UNAVAILABLE, "the provider: %s",
                     *why ? why : curl_easy_strerror(code));
}

static void pause_before(const struct s3_call *call, unsigned attempt, long retry_after_s)
{
    uint64_t longest = (uint64_t)PAUSE_FIRST_MS << (attempt < 8 ? attempt : 8), pause;
    uint32_t random;

    if (longest > PAUSE_LAST_MS)
        longest = PAUSE_LAST_MS;
    random_system.fill(&random_system, &random, sizeof random);
    pause = longest / 2 + random % (longest / 2 + 1);
    if (retry_after_s >= 0)
        pause += (uint64_t)retry_after_s * 1000;
    for (uint64_t step; pause > 0 && !is_stopped(call); pause -= step) {
        step = call->stop && pause > STOP_LATENCY_MS ? STOP_LATENCY_MS : pause;
        struct timespec left = {(time_t)(step / 1000), (long)(step % 1000) * 1000000};
        while (nanosleep(&left, &left) != 0)
            ;
    }
}

/* Keys that came from somewhere may have been changed there. */
static bool keys_are_refused(const struct s3_reply *reply)
{
    static const char *const codes[] = {"ExpiredToken", "InvalidToken", "InvalidAccessKeyId",
                                        "TokenRefreshRequired"};

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (strcmp(reply->code, codes[i]) == 0)
            return true;
    return false;
}

/* One attempt; *AGAIN if another may go better. */
static bool attempt_call(struct s3_client *client, const struct s3_call *call, const char *payload,
                         struct s3_reply *reply, long *retry_after_s, bool *again,
                         struct error *err)
{
    struct attempt attempt = {.call = call, .reply = reply, .err = err, .retry_after_s = -1};
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_identity identity;
    char why[CURL_ERROR_SIZE] = "";
    CURL *handle;
    CURLcode code;

    buf_clear(&reply->text);
    reply->status = 0;
    reply->code[0] = '\0';
    *again = false;
    if (!s3_credentials_get(client->credentials, mem, &identity, err))
        return false;
    handle = handle_take(client);
    if (!handle)
        return error_set(err, ERR_UNAVAILABLE, "libcurl is missing, or has no memory");
    code = perform(handle, client->settings, &identity, &attempt, payload, mem, why);
    handle_give(client, handle);
    *retry_after_s = attempt.retry_after_s;
    *again = false;
    if (attempt.body_failed)
        return false;
    if (reply->status >= 300 && reply->text.length > 0)
        (void)s3_xml_error(reply->text.bytes, reply->text.length, reply->code);
    /* A refusal counts, though the connection ended while the body was still being sent. */
    if (code != CURLE_OK && (reply->status < 300 || is_passing(reply))) {
        *again = reply->delivered == 0 && code != CURLE_PEER_FAILED_VERIFICATION &&
                 code != CURLE_SSL_CACERT_BADFILE;
        return unreachable(code, why, err);
    }
    if (is_answer(call, reply))
        return true;
    *again =
        reply->delivered == 0 &&
        (is_passing(reply) || (keys_are_refused(reply) &&
                               s3_credentials_refused(client->credentials, identity.access_key)));
    return refused(reply, err);
}

static const char *payload_of(const struct s3_settings *settings, const struct s3_call *call,
                              char hex[static HEX_SIZE(SHA256_BYTES)])
{
    uint8_t hash[SHA256_BYTES];

    if (!has_body(call) || call->body.length == 0)
        return S3_EMPTY_SHA256;
    if (call->sha256)
        return call->sha256;
    if (!call->body.bytes || settings->checksum == S3_CHECKSUM_NONE)
        return S3_UNSIGNED;
    sha256_of(call->body.bytes, call->body.length, hash);
    hex_encode(hash, sizeof hash, hex);
    return hex;
}

bool s3_call(struct s3_client *client, const struct s3_call *call, struct s3_reply *reply,
             struct error *err)
{
    char hex[HEX_SIZE(SHA256_BYTES)];
    const char *payload = payload_of(client->settings, call, hex);
    unsigned attempts = call->within_ms ? 1 : client->settings->attempts;
    bool again = true;

    assert(call->query_count <= S3_CALL_FIELDS_MAX && call->header_count <= S3_CALL_FIELDS_MAX);
    reply->was_retried = false;
    reply->delivered = 0;
    for (unsigned i = 0; i < attempts; i++) {
        long retry_after_s;

        if (attempt_call(client, call, payload, reply, &retry_after_s, &again, err))
            return true;
        if (!again || is_stopped(call))
            return false;
        reply->was_retried = true;
        if (i + 1 < attempts)
            pause_before(call, i, retry_after_s);
    }
    return error_context(err, "after %u attempts", attempts);
}

/* A link dies with keys that expire. That a file is read again says nothing of its keys. */
static uint64_t link_life_s(const struct s3_settings *settings, const struct s3_identity *identity,
                            uint64_t longest_s, int64_t now_us)
{
    uint64_t life_s = settings->link_ttl_s;

    if (longest_s > 0 && longest_s < life_s)
        life_s = longest_s;
    if (identity->session_token && identity->expires_us != INT64_MAX &&
        settings->credentials.source != S3_SOURCE_FILE) {
        int64_t left_s = identity->expires_us / US_PER_S - now_us / US_PER_S;

        if (left_s < 1) /* the least that there is */
            return 1;
        if ((uint64_t)left_s < life_s)
            life_s = (uint64_t)left_s;
    }
    return life_s;
}

bool s3_link(struct s3_client *client, const struct s3_link *link, struct arena *mem,
             const char **out, struct error *err)
{
    const struct s3_settings *settings = client->settings;
    struct s3_identity identity;
    struct s3_request request = {.method = "GET",
                                 .host = settings->link_host,
                                 .path = path_of(settings, link->key, mem),
                                 .query = link->query,
                                 .query_count = link->query_count};

    if (!s3_credentials_get(client->credentials, mem, &identity, err))
        return false;
    struct s3_signer signer = signer_of(settings, &identity);
    uint64_t life_s = link_life_s(settings, &identity, link->longest_s, signer.now_us);
    *out = arena_printf(mem, "%s%s", settings->link_origin,
                        s3_presign(&signer, &request, life_s, mem));
    return true;
}
