#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_text.h"
#include "base/random.h"
#include "base/str.h"
#include "cli/problem.h"
#include "cli/retry.h"
#include "cli/silence.h"

#define CONNECT_TIMEOUT_MS 10000L
#define BUFFER_BYTES (256L * 1024)
#define REDIRECTS_MAX 3L /* on the way to content */
#define JSON_LIMIT \
    (64u * 1024 * 1024) /* a page of 1,000 records with all their metadata is a few MB */

struct client {
    CURL *curl;
    char *base;        /* "http://127.0.0.1:8080", without a slash at the end */
    char *unix_path;   /* NULL: TCP */
    char *header_auth; /* NULL: no token */
    unsigned retries, silence_s;
};

/* One attempt: what the callbacks need. */
struct exchange {
    struct client *client;
    const struct client_request *request;
    struct buf body; /* JSON, or a problem */
    struct silence silence;
    bool began;      /* the sink has been opened for this answer */
    bool has_ended;  /* CONTENT of unknown length has been read */
    unsigned silent; /* s; 0: given up for another reason than silence */
    bool failed;     /* source or sink failed; ERR says how */
    struct error *err;
};

static void init_curl_once(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool is_http(const char *server)
{
    return strncasecmp(server, "http://", 7) == 0 || strncasecmp(server, "https://", 8) == 0;
}

bool client_open(const struct client_options *options, struct client **out, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *server = options->server;
    bool is_unix = strncmp(server, "unix:/", 6) == 0;
    struct client *client;

    if (!is_unix && !is_http(server))
        return error_tell(err, ERR_INVALID,
                          "\"%s\" is no server address; write http://HOST:PORT or unix:/PATH",
                          server);
    pthread_once(&once, init_curl_once);
    client = calloc(1, sizeof *client);
    client->curl = curl_easy_init();
    client->base = strdup(is_unix ? "http://localhost" : server);
    if (is_unix)
        client->unix_path = strdup(server + 5);
    for (size_t length = strlen(client->base); length > 0 && client->base[length - 1] == '/';)
        client->base[--length] = '\0';
    if (options->token &&
        asprintf(&client->header_auth, "Authorization: Bearer %s", options->token) < 0)
        abort();
    client->retries = options->retries;
    client->silence_s = options->silence_s ? options->silence_s : SILENCE_S;
    *out = client;
    return true;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    free(client->base);
    free(client->unix_path);
    free(client->header_auth);
    free(client);
}

char *client_encode(struct arena *mem, const char *text)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    char *out = arena_alloc(mem, 3 * strlen(text) + 1), *end = out;

    for (; *text; text++) {
        if (strchr(unreserved, *text))
            *end++ = *text;
        else
            end += sprintf(end, "%%%02X", (unsigned char)*text);
    }
    return out;
}

char *client_target(struct arena *mem, const char *path, const struct client_param *params)
{
    char *out = arena_strdup(mem, path);
    char separator = strchr(path, '?') ? '&' : '?';

    for (; params && params->name; params++) {
        if (!params->value)
            continue;
        out = arena_printf(mem, "%s%c%s=%s", out, separator, params->name,
                           client_encode(mem, params->value));
        separator = '&';
    }
    return out;
}

static size_t on_read(char *out, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    struct source *source = exchange->request->content->source;
    size_t got = 0;

    if (!source->read(source, out, size * count, &got, exchange->err)) {
        exchange->failed = true;
        return CURL_READFUNC_ABORT;
    }
    exchange->has_ended = got == 0;
    return got;
}

/* libcurl asks for this when a kept connection turns out to be dead after bytes were sent. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct exchange *exchange = context;
    struct client_content *content = exchange->request->content;

    if (offset != 0 || origin != SEEK_SET || !content->rewind || !content->rewind(content))
        return CURL_SEEKFUNC_CANTSEEK;
    return CURL_SEEKFUNC_OK;
}

static bool is_head(const struct client_request *request)
{
    return strcmp(request->method, "HEAD") == 0;
}

static bool is_sent(const struct exchange *exchange, curl_off_t sent)
{
    const struct client_content *content = exchange->request->content;

    if (content && content->length == CLIENT_LENGTH_UNKNOWN)
        return exchange->has_ended;
    return !content || (uint64_t)sent >= content->length;
}

static bool is_at_work(const struct client_request *request)
{
    if (request->answers_soon)
        return !request->answers_soon(request->context);
    return strcmp(request->method, "GET") != 0 && !is_head(request);
}

/* About once a second, while nothing moves. */
static int on_progress(void *context, curl_off_t to_come, curl_off_t come, curl_off_t to_send,
                       curl_off_t sent)
{
    struct exchange *exchange = context;
    bool is_waiting = come == 0 && is_sent(exchange, sent) && is_at_work(exchange->request);
    unsigned limit_s = exchange->client->silence_s * (is_waiting ? SILENCE_WORKING_FACTOR : 1);

    (void)to_come, (void)to_send;
    if (silence_lasts(&exchange->silence, (uint64_t)(come + sent), limit_s, clock_monotonic_us()))
        exchange->silent = limit_s;
    return exchange->silent > 0; /* gives up */
}

static bool begin_sink(struct exchange *exchange, long status)
{
    const struct client_request *request = exchange->request;

    if (exchange->began)
        return true;
    exchange->began = true;
    return !request->begin || request->begin(request->context, request, status, exchange->err);
}

static size_t on_write(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    struct sink *sink = exchange->request->sink;
    long status = 0;

    curl_easy_getinfo(exchange->client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (!sink || status < 200 || status > 299)
        return buf_add(&exchange->body, bytes, size * count) ? size * count : 0;
    if (!begin_sink(exchange, status) || !sink->write(sink, bytes, size * count, exchange->err)) {
        exchange->failed = true;
        return 0;
    }
    return size * count;
}

static struct curl_slist *make_headers(const struct exchange *exchange)
{
    const struct client_request *request = exchange->request;
    struct curl_slist *list = NULL;

    if (exchange->client->header_auth)
        list = curl_slist_append(list, exchange->client->header_auth);
    if (request->json)
        list = curl_slist_append(list, "Content-Type: application/json");
    if (request->content && request->content->length == CLIENT_LENGTH_UNKNOWN)
        list = curl_slist_append(list, "Transfer-Encoding: chunked");
    /* Through a unix socket no provider can be reached: the server is to send the bytes. */
    if (request->sink && exchange->client->unix_path)
        list = curl_slist_append(list, "If-Match: *");
    for (const char *const *header = request->headers; header && *header; header++)
        list = curl_slist_append(list, *header);
    return list;
}

static void set_connection(CURL *curl, const struct client *client)
{
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "audiotricks/" AUDIOTRICKS_VERSION);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    if (client->unix_path)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->unix_path);
    /* A proxy for the world is no proxy for this machine, unless the user says which. */
    if (!getenv("no_proxy") && !getenv("NO_PROXY"))
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
}

static void set_body(CURL *curl, struct exchange *exchange, char *json_text)
{
    const struct client_request *request = exchange->request;

    if (json_text) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(json_text));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json_text);
    } else if (request->content) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, exchange);
        if (request->content->length != CLIENT_LENGTH_UNKNOWN)
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                             (curl_off_t)request->content->length);
    } else if (strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
    if (is_head(request))
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static CURLcode perform(struct exchange *exchange, char *words)
{
    CURL *curl = exchange->client->curl;
    scoped(memory_free) char *url = NULL;
    scoped(memory_free) char *json_text = NULL;
    struct curl_slist *headers = make_headers(exchange);
    CURLcode result;

    if (asprintf(&url, "%s%s", exchange->client->base, exchange->request->target) < 0)
        abort();
    if (exchange->request->json)
        json_text = json_text_write(exchange->request->json, JSON_COMPACT);
    curl_easy_reset(curl);
    set_connection(curl, exchange->client);
    set_body(curl, exchange, json_text);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (exchange->request->sink && !exchange->client->unix_path) {
        /* Content may lie at a provider; curl keeps the token from any other host. */
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    result = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return result;
}

static const char *header_of(CURL *curl, const char *name)
{
    struct curl_header *header;

    if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}

/* What became of an attempt that failed. */
struct attempt {
    enum retry_hope hope;
    bool never_sent; /* no connection: safe to repeat, whatever the request */
    const char *retry_after;
};

static bool connection_failed(struct exchange *exchange, CURLcode result, char *words,
                              struct attempt *attempt)
{
    if (exchange->failed)
        return false; /* source or sink said why */
    if (exchange->body.overflow)
        return error_tell(exchange->err, ERR_INTERNAL, "the server's answer is too long");
    if (exchange->silent > 0) {
        result = CURLE_OPERATION_TIMEDOUT;
        snprintf(words, CURL_ERROR_SIZE, "nothing has moved for %u s", exchange->silent);
    }
    attempt->hope = retry_hope_of_connection(result, &attempt->never_sent);
    return error_tell(exchange->err, ERR_UNAVAILABLE, "%s: %s",
                      exchange->client->unix_path ? exchange->client->unix_path
                                                  : exchange->client->base,
                      words[0] ? words : curl_easy_strerror(result));
}

/* The server answers with JSON, unless the status or the request says that there is no body. */
static bool needs_json(const struct client_request *request, long status)
{
    return !request->sink && !is_head(request) && status != 204 && status != 304;
}

static bool refused(struct exchange *exchange, long status, const json_t *problem,
                    struct attempt *attempt)
{
    if (is_head(exchange->request))
        problem_of_head(status, exchange->err);
    else
        problem_to_error(status, problem, exchange->err);
    attempt->hope = retry_hope_of(exchange->err->kind);
    attempt->retry_after = header_of(exchange->client->curl, "Retry-After");
    return false;
}

static bool read_answer(struct exchange *exchange, struct arena *mem, struct client_answer *out,
                        struct attempt *attempt)
{
    CURL *curl = exchange->client->curl;
    scoped(json_decrefp) json_t *json = NULL;
    const char *etag = header_of(curl, "ETag");
    long status = 0;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->body.length > 0)
        json = json_loadb(exchange->body.bytes, exchange->body.length, JSON_DECODE_ANY, NULL);
    if ((status < 200 || status > 299) && status != 304)
        return refused(exchange, status, json, attempt);
    if (!json && needs_json(exchange->request, status)) {
        attempt->hope = RETRY_LATER;
        return error_tell(exchange->err, ERR_UNAVAILABLE,
                          "%s answered, but not with JSON: is it an AudioTricks server?",
                          exchange->client->base);
    }
    if (exchange->request->sink && status != 304 && !begin_sink(exchange, status))
        return false; /* an empty body still begins */
    *out = (struct client_answer){.status = status, .json = take(json)};
    out->etag = arena_strdup(mem, etag);
    return true;
}

static bool attempt_once(struct client *client, const struct client_request *request,
                         struct arena *mem, struct client_answer *out, struct attempt *attempt,
                         struct error *err)
{
    struct exchange exchange = {.client = client, .request = request, .err = err};
    char words[CURL_ERROR_SIZE] = "";
    CURLcode result;
    bool ok;

    buf_init(&exchange.body, JSON_LIMIT);
    result = perform(&exchange, words);
    if (result == CURLE_OK)
        ok = read_answer(&exchange, mem, out, attempt);
    else
        ok = connection_failed(&exchange, result, words, attempt);
    if (exchange.began)
        *attempt = (struct attempt){0}; /* the sink's owner knows how to go on */
    buf_done(&exchange.body);
    return ok;
}

void client_wait_ms(uint64_t ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

/* Bytes may have been harmed, or have met others, on their way; what has none was refused. */
static bool is_accident(const struct client_request *request, const struct attempt *attempt)
{
    return attempt->hope == RETRY_ACCIDENT && request->content;
}

static bool may_repeat(const struct client_request *request, const struct attempt *attempt,
                       unsigned accidents)
{
    bool has_hope = attempt->hope == RETRY_LATER ||
                    (is_accident(request, attempt) && accidents <= RETRY_ACCIDENTS_MAX);

    if (!has_hope || !(attempt->never_sent || request->repeatable))
        return false;
    return !request->content || attempt->never_sent ||
           (request->content->rewind && request->content->rewind(request->content));
}

bool client_send(struct client *client, const struct client_request *request, struct arena *mem,
                 struct client_answer *out, struct error *err)
{
    unsigned accidents = 0;

    for (unsigned attempts = 1;; attempts++) {
        struct attempt attempt = {0};
        uint32_t chance;

        if (attempt_once(client, request, mem, out, &attempt, err))
            return true;
        accidents += is_accident(request, &attempt);
        if (attempts > client->retries || !may_repeat(request, &attempt, accidents))
            return false;
        random_system.fill(&random_system, &chance, sizeof chance);
        client_wait_ms(
            retry_wait_ms(attempts, chance, attempt.retry_after, clock_now_us(&clock_system)));
    }
}
