#include "store/s3_settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define REGION_DEFAULT "us-east-1"
#define PART_DEFAULT (UINT64_C(16) << 20)
#define PART_LARGEST (UINT64_C(5) << 30)
#define PREFIX_MAX 512

struct reader {
    const struct store_config *config;
    struct arena *mem;
    struct error *err;
};

/* A copy; NULL if it is not set, or set to nothing. */
static const char *option(const struct reader *reader, const char *key)
{
    const char *text = reader->config->option(reader->config, key);

    return text && *text ? arena_strdup(reader->mem, text) : NULL;
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static bool bad(const struct reader *reader, const char *key, const char *what)
{
    return error_tell(reader->err, ERR_INVALID, "%s: %s", key, what);
}

/* ---- where ---- */

/* A host name is labels of letters, digits and '-'; a bucket is in addition no longer than 63. */
static bool is_host_text(const char *text, const char *more)
{
    for (; *text; text++)
        if (!((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
              (*text >= '0' && *text <= '9') || *text == '-' || *text == '.' ||
              strchr(more, *text)))
            return false;
    return true;
}

static bool read_bucket(const struct reader *reader, struct s3_settings *out)
{
    out->bucket = option(reader, "bucket");
    if (!out->bucket)
        return bad(reader, "bucket", "an S3 store needs one");
    size_t length = strlen(out->bucket);
    return (length >= 3 && length <= 255 && is_host_text(out->bucket, "_") &&
            !strstr(out->bucket, "..")) ||
           bad(reader, "bucket", "not a bucket's name");
}

static bool read_endpoint(const struct reader *reader, const char *endpoint,
                          struct s3_settings *out)
{
    struct str text = str_from(endpoint);
    const char *host = str_starts_with(text, "http://")    ? endpoint + 7
                       : str_starts_with(text, "https://") ? endpoint + 8
                                                           : "";
    size_t length = strcspn(host, "/");

    if (length == 0 || host[length + (host[length] == '/')] != '\0')
        return bad(reader, "endpoint", "must be like https://s3.example.org or http://HOST:PORT");
    out->host = arena_strndup(reader->mem, host, length);
    if (!is_host_text(out->host, ":[]"))
        return bad(reader, "endpoint", "must be like https://s3.example.org or http://HOST:PORT");
    out->origin = arena_strndup(reader->mem, endpoint, (size_t)(host - endpoint) + length);
    return true;
}

static bool read_style(const struct reader *reader, bool is_amazon, struct s3_settings *out)
{
    const char *style = option(reader, "style");

    if (style && strcmp(style, "path") != 0 && strcmp(style, "host") != 0)
        return bad(reader, "style", "must be path or host");
    out->path_style = style ? strcmp(style, "path") == 0 : !is_amazon;
    if (out->path_style)
        return true;
    if (strlen(out->bucket) > 63 || strchr(out->bucket, '_'))
        return bad(reader, "style", "this bucket's name cannot be part of a host's");
    bool is_tls = str_starts_with(str_from(out->origin), "https://");
    out->host = arena_printf(reader->mem, "%s.%s", out->bucket, out->host);
    out->origin = arena_printf(reader->mem, "%s%s", is_tls ? "https://" : "http://", out->host);
    return true;
}

static bool read_prefix(const struct reader *reader, struct s3_settings *out)
{
    const char *prefix = option(reader, "prefix");
    size_t length = prefix ? strlen(prefix) : 0;

    if (length > 0 && prefix[length - 1] == '/')
        length--;
    if (length == 0) {
        out->prefix = "";
        return !prefix || bad(reader, "prefix", "must be like audio/");
    }
    char *key = arena_strndup(reader->mem, prefix, length);
    if (length > PREFIX_MAX || !store_key_is_valid(key))
        return bad(reader, "prefix", "must be like audio/");
    out->prefix = arena_printf(reader->mem, "%s/", key);
    return true;
}

static bool read_place(const struct reader *reader, struct s3_settings *out)
{
    const char *endpoint = option(reader, "endpoint");

    out->region = option(reader, "region");
    if (!out->region)
        out->region = REGION_DEFAULT;
    if (!is_host_text(out->region, "_"))
        return bad(reader, "region", "must be like eu-west-1");
    if (!read_bucket(reader, out))
        return false;
    bool is_amazon = !endpoint;
    if (is_amazon)
        endpoint = arena_printf(reader->mem, "https://s3.%s.amazonaws.com", out->region);
    return read_endpoint(reader, endpoint, out) && read_style(reader, is_amazon, out) &&
           read_prefix(reader, out);
}

/* ---- who ---- */

static bool read_credentials(const struct reader *reader, struct s3_settings *out)
{
    out->access_key = option(reader, "access_key");
    out->secret_key = option(reader, "secret_key");
    if (!out->access_key != !out->secret_key)
        return bad(reader, out->access_key ? "secret_key" : "access_key",
                   "one of access_key and secret_key is there without the other");
    if (!out->access_key) {
        out->access_key = arena_strdup(reader->mem, getenv("AWS_ACCESS_KEY_ID"));
        out->secret_key = arena_strdup(reader->mem, getenv("AWS_SECRET_ACCESS_KEY"));
        out->session_token = arena_strdup(reader->mem, getenv("AWS_SESSION_TOKEN"));
    }
    if (!out->access_key || !*out->access_key || !out->secret_key || !*out->secret_key)
        return bad(reader, "access_key",
                   "an S3 store needs access_key and secret_key, or AWS_ACCESS_KEY_ID and "
                   "AWS_SECRET_ACCESS_KEY in the environment");
    if (out->session_token && !*out->session_token)
        out->session_token = NULL;
    return (is_printable(out->access_key) && is_printable(out->secret_key) &&
            (!out->session_token || is_printable(out->session_token))) ||
           bad(reader, "access_key", "credentials are printable ASCII");
}

/* ---- how ---- */

static bool read_checksum(const struct reader *reader, struct s3_settings *out)
{
    static const char *const names[] = {
        [S3_CHECKSUM_NONE] = "none", [S3_CHECKSUM_SIGNED] = "signed", [S3_CHECKSUM_MD5] = "md5"};
    const char *text = option(reader, "checksum");

    out->checksum = S3_CHECKSUM_SIGNED;
    for (size_t i = 0; text && i < COUNT_OF(names); i++)
        if (strcmp(text, names[i]) == 0) {
            out->checksum = (enum s3_checksum)i;
            return true;
        }
    return !text || bad(reader, "checksum", "must be signed, md5 or none");
}

static bool read_object_headers(const struct reader *reader, struct s3_settings *out)
{
    out->storage_class = option(reader, "storage_class");
    out->encryption = option(reader, "encryption");
    out->encryption_key = option(reader, "encryption_key");
    if (out->storage_class && !is_host_text(out->storage_class, "_"))
        return bad(reader, "storage_class", "must be like STANDARD_IA");
    if (out->encryption && strcmp(out->encryption, "none") == 0)
        out->encryption = NULL;
    if (out->encryption && strcmp(out->encryption, "AES256") != 0 &&
        strcmp(out->encryption, "aws:kms") != 0)
        return bad(reader, "encryption", "must be none, AES256 or aws:kms");
    if (out->encryption_key && (!out->encryption || strcmp(out->encryption, "aws:kms") != 0 ||
                                !is_printable(out->encryption_key)))
        return bad(reader, "encryption_key", "is the id of a key for encryption = aws:kms");
    return true;
}

static bool read_number(const struct reader *reader, const char *key, uint64_t least, uint64_t most,
                        bool (*read)(struct str text, uint64_t *out), uint64_t fallback,
                        uint64_t *out)
{
    const char *text = option(reader, key);

    *out = fallback;
    return !text || (read(str_from(text), out) && *out >= least && *out <= most) ||
           error_tell(reader->err, ERR_INVALID, "%s: must be from %llu to %llu", key,
                      (unsigned long long)least, (unsigned long long)most);
}

static bool count_from(struct str text, uint64_t *out)
{
    return str_to_u64(text, UINT32_MAX, out);
}

static void read_conditional(const struct reader *reader, struct s3_settings *out)
{
    static const char *const no[] = {"false", "no", "off", "0"};
    const char *text = option(reader, "conditional_writes");

    out->conditional_writes = true; /* the file's reader has seen that it is a truth value */
    for (size_t i = 0; text && i < COUNT_OF(no); i++)
        if (str_equal_nocase(str_from(text), no[i]))
            out->conditional_writes = false;
}

static bool read_manner(const struct reader *reader, struct s3_settings *out)
{
    uint64_t attempts, at_once;

    read_conditional(reader, out);
    if (!read_checksum(reader, out) || !read_object_headers(reader, out) ||
        !read_number(reader, "part_size", S3_PART_LEAST, PART_LARGEST, str_to_bytes, PART_DEFAULT,
                     &out->part_bytes) ||
        !read_number(reader, "timeout", 1000, 3600000, str_to_ms, 30000, &out->timeout_ms) ||
        !read_number(reader, "attempts", 1, 20, count_from, 5, &attempts) ||
        !read_number(reader, "parts_at_once", 1, 64, count_from, 4, &at_once))
        return false;
    out->attempts = (unsigned)attempts;
    out->parts_at_once = (unsigned)at_once;
    out->ca_file = option(reader, "ca_file");
    return true;
}

bool s3_settings_read(const struct store_config *config, struct arena *mem, struct s3_settings *out,
                      struct error *err)
{
    const struct reader reader = {config, mem, err};
    struct s3_settings settings = {0};

    settings.staging = option(&reader, "staging");
    if (!settings.staging)
        settings.staging = arena_strdup(mem, config->staging);
    if (!settings.staging)
        return bad(&reader, "staging", "an S3 store needs a folder to stage uploads in");
    if (!read_place(&reader, &settings) || !read_credentials(&reader, &settings) ||
        !read_manner(&reader, &settings))
        return false;
    *out = settings;
    return true;
}
