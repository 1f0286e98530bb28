#include "store/s3_settings.h"

#include <string.h>

#include "base/str.h"

#define PART_DEFAULT (UINT64_C(16) << 20)
/* S3's own limit is 5 GiB. A rest that is too short for a part goes with the one before:
 * s3_compose. */
#define PART_LARGEST ((UINT64_C(5) << 30) - S3_PART_LEAST)
#define PREFIX_MAX 512
#define LINK_TTL_DEFAULT_MS 300000
#define LATE_DEFAULT_MS 3600000

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

/* The address at KEY, with the bucket in front of its host unless the style is path. */
static bool read_address(const struct reader *reader, const char *key, const char *address,
                         const struct s3_settings *settings, const char **origin,
                         const char **host_out)
{
    struct str text = str_from(address);
    bool is_tls = str_starts_with(text, "https://");
    const char *host = is_tls ? address + 8 : str_starts_with(text, "http://") ? address + 7 : "";
    size_t length = strcspn(host, "/");
    const char *name = arena_strndup(reader->mem, host, length);

    if (length == 0 || host[length + (host[length] == '/')] != '\0' || !is_host_text(name, ":[]"))
        return bad(reader, key, "must be like https://s3.example.org or http://HOST:PORT");
    if (!settings->path_style)
        name = arena_printf(reader->mem, "%s.%s", settings->bucket, name);
    *host_out = name;
    *origin = arena_printf(reader->mem, "%s%s", is_tls ? "https://" : "http://", name);
    return true;
}

/* In the style of another section, or over TLS in one alone, the provider is still the same. */
static const char *provider_of(const struct reader *reader, const char *endpoint)
{
    bool is_tls = str_starts_with(str_from(endpoint), "https://");
    const char *host = strstr(endpoint, "://") + 3, *usual = is_tls ? ":443" : ":80";
    struct str name = {host, strcspn(host, "/")};

    if (str_ends_with(name, usual))
        name.len -= strlen(usual);
    return arena_strndup(reader->mem, name.ptr, name.len);
}

static bool read_style(const struct reader *reader, const struct s3_profile *profile,
                       struct s3_settings *out)
{
    const char *style = option(reader, "style");

    if (style && strcmp(style, "path") != 0 && strcmp(style, "host") != 0)
        return bad(reader, "style", "must be path or host");
    out->path_style = style ? strcmp(style, "path") == 0 : profile->path_style;
    return out->path_style || (strlen(out->bucket) <= 63 && !strchr(out->bucket, '_')) ||
           bad(reader, "style", "this bucket's name cannot be part of a host's");
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

static bool read_profile(const struct reader *reader, const struct s3_profile **out)
{
    const char *name = option(reader, "profile");

    *out = name ? s3_profile_named(name) : s3_profile_usual(option(reader, "endpoint") != NULL);
    return *out || bad(reader, "profile", "must be " S3_PROFILE_NAMES);
}

static bool read_region(const struct reader *reader, const struct s3_profile *profile,
                        struct s3_settings *out)
{
    out->region = option(reader, "region");
    if (!out->region)
        out->region = profile->region;
    if (!out->region)
        return bad(reader, "region", "this profile needs one");
    return is_host_text(out->region, "_") || bad(reader, "region", "must be like eu-west-1");
}

/* "%s" in the text of a profile stands for the region. */
static const char *usual_endpoint(const struct reader *reader, const struct s3_profile *profile,
                                  const char *region)
{
    const char *hole = profile->endpoint ? strstr(profile->endpoint, "%s") : NULL;

    if (!hole)
        return NULL;
    return arena_printf(reader->mem, "%.*s%s%s", (int)(hole - profile->endpoint), profile->endpoint,
                        region, hole + 2);
}

static bool read_place(const struct reader *reader, const struct s3_profile *profile,
                       struct s3_settings *out)
{
    const char *endpoint = option(reader, "endpoint"), *link_endpoint;

    if (!read_region(reader, profile, out) || !read_bucket(reader, out) ||
        !read_style(reader, profile, out))
        return false;
    if (!endpoint)
        endpoint = usual_endpoint(reader, profile, out->region);
    if (!endpoint)
        return bad(reader, "endpoint", "this profile needs one");
    link_endpoint = option(reader, "link_endpoint");
    if (!read_address(reader, "endpoint", endpoint, out, &out->origin, &out->host))
        return false;
    out->provider = provider_of(reader, endpoint);
    return read_address(reader, "link_endpoint", link_endpoint ? link_endpoint : endpoint, out,
                        &out->link_origin, &out->link_host) &&
           read_prefix(reader, out);
}

/* ---- who ---- */

static bool read_credentials(const struct reader *reader, struct s3_settings *out)
{
    bool is_amazon = str_ends_with(str_from(out->host), ".amazonaws.com");

    return s3_credential_settings_read(reader->config, out->region, is_amazon, reader->mem,
                                       &out->credentials, reader->err);
}

/* ---- how ---- */

static bool read_checksum(const struct reader *reader, const struct s3_profile *profile,
                          struct s3_settings *out)
{
    static const char *const names[] = {
        [S3_CHECKSUM_NONE] = "none", [S3_CHECKSUM_SIGNED] = "signed", [S3_CHECKSUM_MD5] = "md5"};
    const char *text = option(reader, "checksum");

    out->checksum = profile->checksum;
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

/* The file's reader has seen that it is a truth value. */
static bool truth(const struct reader *reader, const char *key, bool fallback)
{
    static const char *const no[] = {"false", "no", "off", "0"};
    const char *text = option(reader, key);

    for (size_t i = 0; text && i < COUNT_OF(no); i++)
        if (str_equal_nocase(str_from(text), no[i]))
            return false;
    return text ? true : fallback;
}

static bool read_links(const struct reader *reader, struct s3_settings *out)
{
    const char *text = option(reader, "download");
    uint64_t ttl_ms;

    if (text && strcmp(text, "proxy") != 0 && strcmp(text, "redirect") != 0)
        return bad(reader, "download", "must be proxy or redirect");
    out->redirects = text && strcmp(text, "redirect") == 0;
    if (!read_number(reader, "link_ttl", 1000, S3_LINK_LONGEST_S * UINT64_C(1000), str_to_ms,
                     LINK_TTL_DEFAULT_MS, &ttl_ms))
        return false;
    out->link_ttl_s = ttl_ms / 1000;
    return true;
}

static bool read_manner(const struct reader *reader, const struct s3_profile *profile,
                        struct s3_settings *out)
{
    uint64_t attempts, at_once;

    out->conditional_writes = truth(reader, "conditional_writes", profile->conditional_writes);
    out->has_archives = profile->has_archives;
    out->equal_parts = profile->equal_parts;
    out->sends_early = truth(reader, "send_early", true);
    if (!read_checksum(reader, profile, out) || !read_object_headers(reader, out) ||
        !read_links(reader, out) ||
        !read_number(reader, "part_size", S3_PART_LEAST, PART_LARGEST, str_to_bytes, PART_DEFAULT,
                     &out->part_bytes) ||
        !read_number(reader, "copy_threshold", S3_PART_LEAST, S3_COPY_LARGEST, str_to_bytes,
                     S3_COPY_LARGEST, &out->copy_bytes) ||
        !read_number(reader, "timeout", 1000, 3600000, str_to_ms, 30000, &out->timeout_ms) ||
        !read_number(reader, "late_writes", 0, UINT64_C(7) * 86400000, str_to_ms, LATE_DEFAULT_MS,
                     &out->late_ms) ||
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
    const struct s3_profile *profile;

    settings.staging = option(&reader, "staging");
    if (!settings.staging)
        settings.staging = arena_strdup(mem, config->staging);
    if (!settings.staging)
        return bad(&reader, "staging", "an S3 store needs a folder to stage uploads in");
    if (!read_profile(&reader, &profile) || !read_place(&reader, profile, &settings) ||
        !read_credentials(&reader, &settings) || !read_manner(&reader, profile, &settings))
        return false;
    *out = settings;
    return true;
}
