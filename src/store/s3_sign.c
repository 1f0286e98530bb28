#include "store/s3_sign.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/percent.h"
#include "base/str.h"
#include "crypto/digest.h"
#include "crypto/signed_link.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DAY_SIZE 9    /* 20130524 */
#define STAMP_SIZE 17 /* 20130524T000000Z */
#define CANONICAL_MAX ((size_t)1 << 20)
#define QUERY_MAX 32

/* ---- time and scope ---- */

struct moment {
    char stamp[STAMP_SIZE];
    char day[DAY_SIZE];
};

static void moment_of(int64_t now_us, struct moment *out)
{
    time_t seconds = (time_t)(now_us / US_PER_S);
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(out->stamp, sizeof out->stamp, "%Y%m%dT%H%M%SZ", &parts);
    memcpy(out->day, out->stamp, sizeof out->day - 1);
    out->day[sizeof out->day - 1] = '\0';
}

static const char *scope_of(const struct s3_signer *signer, const struct moment *at,
                            struct arena *mem)
{
    return arena_printf(mem, "%s/%s/s3/aws4_request", at->day, signer->region);
}

/* ---- the canonical request ---- */

static int by_name(const void *one, const void *other)
{
    const struct s3_field *a = one, *b = other;
    int order = strcmp(a->name, b->name);

    return order ? order : strcmp(a->value, b->value);
}

static void field_add(struct s3_field *fields, size_t *count, const char *name, const char *value)
{
    fields[(*count)++] = (struct s3_field){name, value};
}

static void fields_copy(struct s3_field *to, size_t *count, const struct s3_field *from,
                        size_t more, size_t max)
{
    assert(*count + more <= max);
    for (size_t i = 0; i < more; i++)
        to[(*count)++] = from[i];
}

/* Sorted by their encoded names, as the canonical query wants them; a bare parameter ("?uploads")
 * is one with an empty value. */
static const char *query_text(const struct s3_field *query, size_t count, struct arena *mem)
{
    struct s3_field fields[QUERY_MAX];
    scoped(buf_release) struct buf text = {0};

    assert(count <= QUERY_MAX);
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct s3_field){percent_encode(query[i].name, false, mem),
                                      percent_encode(query[i].value, false, mem)};
    qsort(fields, count, sizeof *fields, by_name);
    buf_init(&text, CANONICAL_MAX);
    buf_add_text(&text, "");
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s%s=%s", i ? "&" : "", fields[i].name, fields[i].value);
    assert(!text.overflow);
    return arena_strdup(mem, text.length ? text.bytes : "");
}

/* Without blanks at the ends, runs of blanks as one. */
static void value_add(struct buf *text, const char *value)
{
    struct str left = str_trim(str_from(value));

    for (size_t i = 0; i < left.len; i++)
        if (left.ptr[i] != ' ' || left.ptr[i - 1] != ' ')
            buf_add(text, &left.ptr[i], 1);
}

static const char *names_of(const struct s3_field *headers, size_t count, struct arena *mem)
{
    scoped(buf_release) struct buf text = {0};

    buf_init(&text, CANONICAL_MAX);
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s%s", i ? ";" : "", headers[i].name);
    return arena_strdup(mem, text.bytes);
}

/* HEADERS are sorted. */
static void hash_canonical(const struct s3_request *request, const char *path, const char *query,
                           const struct s3_field *headers, size_t count, const char *names,
                           const char *payload, char out[static HEX_SIZE(SHA256_BYTES)])
{
    scoped(buf_release) struct buf text = {0};
    uint8_t hash[SHA256_BYTES];

    buf_init(&text, CANONICAL_MAX);
    buf_printf(&text, "%s\n%s\n%s\n", request->method, path, query);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s:", headers[i].name);
        value_add(&text, headers[i].value);
        buf_add_text(&text, "\n");
    }
    buf_printf(&text, "\n%s\n%s", names, payload);
    assert(!text.overflow);
    sha256_of(text.bytes, text.length, hash);
    hex_encode(hash, sizeof hash, out);
}

/* ---- the signature ---- */

static void chain(uint8_t key[static SHA256_BYTES], const char *text)
{
    uint8_t next[SHA256_BYTES];

    hmac_sha256(key, SHA256_BYTES, text, strlen(text), next);
    memcpy(key, next, sizeof next);
}

static const char *signature_of(const struct s3_signer *signer, const struct moment *at,
                                const char *scope, const char *canonical_hash, struct arena *mem)
{
    const char *secret = arena_printf(mem, "AWS4%s", signer->secret_key);
    uint8_t key[SHA256_BYTES];
    char *hex = arena_alloc(mem, HEX_SIZE(SHA256_BYTES));

    hmac_sha256(secret, strlen(secret), at->day, strlen(at->day), key);
    chain(key, signer->region);
    chain(key, "s3");
    chain(key, "aws4_request");
    chain(key, arena_printf(mem, ALGORITHM "\n%s\n%s\n%s", at->stamp, scope, canonical_hash));
    hex_encode(key, sizeof key, hex);
    return hex;
}

static const char *target_of(const char *path, const char *query, struct arena *mem)
{
    return *query ? arena_printf(mem, "%s?%s", path, query) : path;
}

void s3_sign(const struct s3_signer *signer, const struct s3_request *request, struct arena *mem,
             struct s3_signed *out)
{
    struct s3_field headers[S3_HEADERS_MAX];
    char hash[HEX_SIZE(SHA256_BYTES)];
    size_t count = 0;
    struct moment at;
    const char *path = percent_encode(request->path, true, mem);
    const char *query = query_text(request->query, request->query_count, mem);

    moment_of(signer->now_us, &at);
    out->header_count = 0;
    field_add(out->headers, &out->header_count, "x-amz-content-sha256", request->payload);
    field_add(out->headers, &out->header_count, "x-amz-date", arena_strdup(mem, at.stamp));
    if (signer->session_token)
        field_add(out->headers, &out->header_count, "x-amz-security-token", signer->session_token);
    fields_copy(headers, &count, request->headers, request->header_count, S3_HEADERS_MAX - 4);
    fields_copy(headers, &count, out->headers, out->header_count, S3_HEADERS_MAX - 1);
    field_add(headers, &count, "host", request->host);
    qsort(headers, count, sizeof *headers, by_name);

    const char *names = names_of(headers, count, mem);
    const char *scope = scope_of(signer, &at, mem);
    hash_canonical(request, path, query, headers, count, names, request->payload, hash);
    field_add(out->headers, &out->header_count, "authorization",
              arena_printf(mem, ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                           signer->access_key, scope, names,
                           signature_of(signer, &at, scope, hash, mem)));
    out->target = target_of(path, query, mem);
}

const char *s3_presign(const struct s3_signer *signer, const struct s3_request *request,
                       uint64_t expires_s, struct arena *mem)
{
    struct s3_field headers[S3_HEADERS_MAX], query[QUERY_MAX];
    char hash[HEX_SIZE(SHA256_BYTES)];
    size_t count = 0, queries = 0;
    struct moment at;
    const char *path = percent_encode(request->path, true, mem);

    moment_of(signer->now_us, &at);
    const char *scope = scope_of(signer, &at, mem);
    fields_copy(headers, &count, request->headers, request->header_count, S3_HEADERS_MAX - 1);
    field_add(headers, &count, "host", request->host);
    qsort(headers, count, sizeof *headers, by_name);
    const char *names = names_of(headers, count, mem);

    fields_copy(query, &queries, request->query, request->query_count, QUERY_MAX - 6);
    field_add(query, &queries, "X-Amz-Algorithm", ALGORITHM);
    field_add(query, &queries, "X-Amz-Credential",
              arena_printf(mem, "%s/%s", signer->access_key, scope));
    field_add(query, &queries, "X-Amz-Date", at.stamp);
    field_add(query, &queries, "X-Amz-Expires",
              arena_printf(mem, "%llu", (unsigned long long)expires_s));
    field_add(query, &queries, "X-Amz-SignedHeaders", names);
    if (signer->session_token)
        field_add(query, &queries, "X-Amz-Security-Token", signer->session_token);
    const char *text = query_text(query, queries, mem);
    hash_canonical(request, path, text, headers, count, names, S3_UNSIGNED, hash);
    return arena_printf(mem, "%s?%s&X-Amz-Signature=%s", path, text,
                        signature_of(signer, &at, scope, hash, mem));
}
