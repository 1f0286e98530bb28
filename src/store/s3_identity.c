/* The sources of credentials, each asked anew. */
#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "base/fs.h"
#include "base/json_text.h"
#include "base/percent.h"
#include "base/str.h"
#include "store/s3_credentials.h"
#include "store/s3_fetch.h"
#include "store/s3_xml.h"

#define ANSWER_MAX ((size_t)64 << 10)
#define FILE_BYTES_MAX ((size_t)1 << 20)
#define FILE_LIFE_US                                                             \
    (60 * US_PER_S) /* then it is read again: somebody may have changed the keys \
                     */
#define STS_TIMEOUT_MS 20000L
#define METADATA_TIMEOUT_MS 5000L
#define METADATA_PATH "/latest/meta-data/iam/security-credentials/"

static bool lacks(const char *what, struct error *err)
{
    return error_set(err, ERR_UNAVAILABLE, "%s gave no keys", what);
}

/* ---- the file ---- */

static bool key_is(struct str line, const char *name, struct str *value)
{
    const char *equals = memchr(line.ptr, '=', line.len);
    struct str key = {line.ptr, equals ? (size_t)(equals - line.ptr) : 0};

    if (!equals || !str_equal_nocase(str_trim(key), name))
        return false;
    *value = str_trim((struct str){equals + 1, (size_t)(line.ptr + line.len - equals - 1)});
    return true;
}

static const char *text_of(struct str value, struct arena *mem)
{
    return value.len > 0 ? arena_strndup(mem, value.ptr, value.len) : NULL;
}

/* "[name]", and in files that were written as configuration "[profile name]". */
static bool is_section(struct str line, const char *profile)
{
    struct str name = str_trim((struct str){line.ptr + 1, line.len - 2});

    if (str_starts_with(name, "profile "))
        name = str_trim((struct str){name.ptr + 8, name.len - 8});
    return str_equal_text(name, profile);
}

static void read_line(struct str line, struct arena *mem, struct s3_identity *out)
{
    struct str value;

    if (key_is(line, "aws_access_key_id", &value))
        out->access_key = text_of(value, mem);
    else if (key_is(line, "aws_secret_access_key", &value))
        out->secret_key = text_of(value, mem);
    else if (key_is(line, "aws_session_token", &value))
        out->session_token = text_of(value, mem);
}

bool s3_identity_in_file(const char *text, const char *profile, struct arena *mem,
                         struct s3_identity *out)
{
    struct s3_identity found = {.expires_us = INT64_MAX};
    bool is_ours = false;

    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "\r\n");
        struct str line = str_trim((struct str){at, length});

        if (line.len > 1 && line.ptr[0] == '[' && line.ptr[line.len - 1] == ']')
            is_ours = is_section(line, profile);
        else if (is_ours && line.len > 0 && line.ptr[0] != '#' && line.ptr[0] != ';')
            read_line(line, mem, &found);
        at += length + (at[length] != '\0');
    }
    if (!found.access_key || !found.secret_key)
        return false;
    *out = found;
    return true;
}

static bool from_file(const struct s3_credential_settings *settings, const struct clock *clock,
                      struct arena *mem, struct s3_identity *out, struct error *err)
{
    size_t length;
    char *text;

    if (!fs_read_file(settings->file, FILE_BYTES_MAX, mem, &text, &length, err)) {
        err->kind = ERR_UNAVAILABLE;
        return false;
    }
    if (!s3_identity_in_file(text, settings->profile, mem, out))
        return error_set(err, ERR_UNAVAILABLE, "%s has no keys in [%s]", settings->file,
                         settings->profile);
    out->expires_us = clock_now_us(clock) + FILE_LIFE_US;
    return true;
}

/* ---- STS ---- */

static const char *sts_form(const struct s3_credential_settings *settings, const char *token,
                            struct arena *mem)
{
    return arena_printf(mem,
                        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=%s"
                        "&RoleSessionName=%s&WebIdentityToken=%s",
                        percent_encode(settings->role_arn, false, mem),
                        percent_encode(settings->session_name, false, mem),
                        percent_encode(token, false, mem));
}

static bool from_web_identity(const struct s3_credential_settings *settings,
                              const struct clock *clock, struct arena *mem, struct s3_identity *out,
                              struct error *err)
{
    scoped(buf_release) struct buf answer = {0};
    struct s3_fetch what = {.method = "POST",
                            .header = "Content-Type: application/x-www-form-urlencoded",
                            .ca_file = settings->ca_file,
                            .timeout_ms = STS_TIMEOUT_MS};
    size_t length;
    char *token;

    (void)clock;
    /* Whoever gave the token puts a new one there before it expires. */
    if (!fs_read_file(settings->token_file, ANSWER_MAX, mem, &token, &length, err)) {
        err->kind = ERR_UNAVAILABLE;
        return false;
    }
    struct str trimmed = str_trim((struct str){token, strcspn(token, "\r\n")});
    what.url = arena_printf(mem, "%s/", settings->sts_endpoint);
    what.body = sts_form(settings, arena_strndup(mem, trimmed.ptr, trimmed.len), mem);
    buf_init(&answer, ANSWER_MAX);
    return s3_fetch(&what, &answer, err) &&
           s3_xml_assumed(answer.length ? answer.bytes : "", answer.length, mem, out, err);
}

/* ---- the virtual machine ---- */

struct metadata {
    const struct s3_credential_settings *settings;
    const char *header;
    struct arena *mem;
    struct error *err;
};

static bool metadata_get(const struct metadata *metadata, const char *method, const char *path,
                         const char **out, size_t *length)
{
    scoped(buf_release) struct buf answer = {0};
    struct s3_fetch what = {
        .method = method,
        .url = arena_printf(metadata->mem, "%s%s", metadata->settings->metadata_endpoint, path),
        .header = metadata->header,
        .timeout_ms = METADATA_TIMEOUT_MS,
        .is_near = true};

    buf_init(&answer, ANSWER_MAX);
    if (!s3_fetch(&what, &answer, metadata->err))
        return error_context(metadata->err, "the machine's metadata");
    *length = answer.length;
    *out = arena_strndup(metadata->mem, answer.length ? answer.bytes : "", answer.length);
    return true;
}

static const char *member_of(const json_t *object, const char *name, struct arena *mem)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text && *text ? arena_strdup(mem, text) : NULL;
}

static void json_release(json_t **value)
{
    json_decref(*value);
}

static bool read_role(const struct metadata *metadata, const char *text, size_t length,
                      struct s3_identity *out)
{
    scoped(json_release) json_t *json = NULL;
    struct s3_identity found = {0};
    const char *expires;

    if (!json_text_read(text, length, &json, metadata->err)) {
        metadata->err->kind = ERR_UNAVAILABLE;
        return error_context(metadata->err, "the machine's metadata");
    }
    found.access_key = member_of(json, "AccessKeyId", metadata->mem);
    found.secret_key = member_of(json, "SecretAccessKey", metadata->mem);
    found.session_token = member_of(json, "Token", metadata->mem);
    expires = member_of(json, "Expiration", metadata->mem);
    if (!found.access_key || !found.secret_key || !expires ||
        !time_from_rfc3339(str_from(expires), &found.expires_us))
        return lacks("the machine's metadata", metadata->err);
    *out = found;
    return true;
}

/* A session of metadata's own first: version 2 of the service answers to nobody else. */
static bool from_instance(const struct s3_credential_settings *settings, const struct clock *clock,
                          struct arena *mem, struct s3_identity *out, struct error *err)
{
    struct metadata metadata = {settings, "X-aws-ec2-metadata-token-ttl-seconds: 21600", mem, err};
    const char *token, *role, *text;
    size_t length;

    (void)clock;
    if (!metadata_get(&metadata, "PUT", "/latest/api/token", &token, &length))
        return false;
    metadata.header = arena_printf(mem, "X-aws-ec2-metadata-token: %s", token);
    if (!metadata_get(&metadata, "GET", METADATA_PATH, &role, &length))
        return false;
    role = arena_strndup(mem, role, strcspn(role, "\r\n")); /* there is one, or the first is it */
    return metadata_get(&metadata, "GET", arena_printf(mem, METADATA_PATH "%s", role), &text,
                        &length) &&
           read_role(&metadata, text, length, out);
}

/* ---- any ---- */

static bool from_settings(const struct s3_credential_settings *settings, const struct clock *clock,
                          struct arena *mem, struct s3_identity *out, struct error *err)
{
    (void)clock;
    (void)mem;
    (void)err;
    *out = (struct s3_identity){settings->access_key, settings->secret_key, settings->session_token,
                                INT64_MAX};
    return true;
}

static const struct {
    const char *name;
    bool (*fetch)(const struct s3_credential_settings *settings, const struct clock *clock,
                  struct arena *mem, struct s3_identity *out, struct error *err);
} sources[] = {
    [S3_SOURCE_KEYS] = {"the section", from_settings},
    [S3_SOURCE_ENVIRONMENT] = {"the environment", from_settings},
    [S3_SOURCE_WEB_IDENTITY] = {"STS", from_web_identity},
    [S3_SOURCE_FILE] = {"the credentials file", from_file},
    [S3_SOURCE_INSTANCE] = {"the virtual machine", from_instance},
};

/* They go into headers. */
static bool is_printable(const char *text)
{
    for (; text && *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

bool s3_identity_fetch(const struct s3_credential_settings *settings, const struct clock *clock,
                       struct arena *mem, struct s3_identity *out, struct error *err)
{
    struct s3_identity found;

    assert(settings->source < COUNT_OF(sources));
    if (!sources[settings->source].fetch(settings, clock, mem, &found, err))
        return error_context(err, "credentials from %s", sources[settings->source].name);
    if (!is_printable(found.access_key) || !is_printable(found.secret_key) ||
        !is_printable(found.session_token))
        return error_set(err, ERR_UNAVAILABLE, "credentials from %s are not printable ASCII",
                         sources[settings->source].name);
    *out = found;
    return true;
}
