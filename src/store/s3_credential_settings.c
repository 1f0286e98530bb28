/* Where the store's keys are to come from. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/s3_credentials.h"

#define METADATA_ENDPOINT "http://169.254.169.254"

struct reader {
    const struct store_config *config;
    struct arena *mem;
    struct error *err;
    struct s3_credential_settings *out;
};

static bool bad(const struct reader *reader, const char *key, const char *what)
{
    return error_tell(reader->err, ERR_INVALID, "%s: %s", key, what);
}

/* A copy of the section's setting or, where VARIABLE is not NULL, of that variable; NULL if neither
 * says anything. */
static const char *setting(const struct reader *reader, const char *key, const char *variable)
{
    const char *text = key ? reader->config->option(reader->config, key) : NULL;

    if ((!text || !*text) && variable)
        text = getenv(variable);
    return text && *text ? arena_strdup(reader->mem, text) : NULL;
}

static bool is_printable(const char *text)
{
    for (; text && *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

/* ---- each source: whether its settings are there ---- */

static bool has_keys(struct reader *reader)
{
    reader->out->access_key = setting(reader, "access_key", NULL);
    reader->out->secret_key = setting(reader, "secret_key", NULL);
    return reader->out->access_key && reader->out->secret_key;
}

static bool has_environment(struct reader *reader)
{
    reader->out->access_key = setting(reader, NULL, "AWS_ACCESS_KEY_ID");
    reader->out->secret_key = setting(reader, NULL, "AWS_SECRET_ACCESS_KEY");
    reader->out->session_token = setting(reader, NULL, "AWS_SESSION_TOKEN");
    return reader->out->access_key && reader->out->secret_key;
}

static bool has_web_identity(struct reader *reader)
{
    reader->out->role_arn = setting(reader, "role_arn", "AWS_ROLE_ARN");
    reader->out->token_file =
        setting(reader, "web_identity_token_file", "AWS_WEB_IDENTITY_TOKEN_FILE");
    return reader->out->role_arn && reader->out->token_file;
}

static const char *home_file(const struct reader *reader)
{
    const char *home = getenv("HOME");

    return home && *home ? arena_printf(reader->mem, "%s/.aws/credentials", home) : NULL;
}

static bool has_file(struct reader *reader)
{
    reader->out->file = setting(reader, "credentials_file", "AWS_SHARED_CREDENTIALS_FILE");
    if (!reader->out->file)
        reader->out->file = home_file(reader);
    return reader->out->file && access(reader->out->file, R_OK) == 0;
}

static bool has_instance(struct reader *reader)
{
    (void)reader;
    return true;
}

static const struct {
    const char *name;
    bool (*is_there)(struct reader *reader);
    const char *key, *lacks;
} sources[] = {
    [S3_SOURCE_KEYS] = {"keys", has_keys, "access_key",
                        "an S3 store needs access_key and secret_key"},
    [S3_SOURCE_ENVIRONMENT] = {"environment", has_environment, "credentials",
                               "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both in the "
                               "environment"},
    [S3_SOURCE_WEB_IDENTITY] = {"web-identity", has_web_identity, "credentials",
                                "web-identity needs role_arn and web_identity_token_file"},
    [S3_SOURCE_FILE] = {"file", has_file, "credentials_file", "cannot be read"},
    [S3_SOURCE_INSTANCE] = {"instance", has_instance, NULL, NULL},
};

/* ---- which ---- */

static bool choose_named(struct reader *reader, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        if (strcmp(sources[i].name, name) != 0)
            continue;
        reader->out->source = (enum s3_source)i;
        return sources[i].is_there(reader) || bad(reader, sources[i].key, sources[i].lacks);
    }
    return bad(reader, "credentials",
               "must be auto, keys, environment, web-identity, file or instance");
}

/* The first that there is. */
static bool choose_any(struct reader *reader, bool is_amazon)
{
    size_t count = is_amazon ? COUNT_OF(sources) : (size_t)S3_SOURCE_INSTANCE;

    for (size_t i = 0; i < count; i++)
        if (sources[i].is_there(reader)) {
            reader->out->source = (enum s3_source)i;
            return true;
        }
    return bad(reader, "access_key",
               "an S3 store needs access_key and secret_key, or AWS_ACCESS_KEY_ID and "
               "AWS_SECRET_ACCESS_KEY in the environment, or another source of credentials");
}

static bool check_pair(const struct reader *reader)
{
    const char *access_key = setting(reader, "access_key", NULL);
    const char *secret_key = setting(reader, "secret_key", NULL);

    return !access_key == !secret_key ||
           bad(reader, access_key ? "secret_key" : "access_key",
               "one of access_key and secret_key is there without the other");
}

static bool check_address(const struct reader *reader, const char *key, const char *address)
{
    return strncmp(address, "http://", 7) == 0 || strncmp(address, "https://", 8) == 0 ||
           bad(reader, key, "must be like https://sts.example.org");
}

static const char *or_else(const char *text, const char *fallback)
{
    return text ? text : fallback;
}

bool s3_credential_settings_read(const struct store_config *config, const char *region,
                                 bool is_amazon, struct arena *mem,
                                 struct s3_credential_settings *out, struct error *err)
{
    struct s3_credential_settings settings = {0};
    struct reader reader = {config, mem, err, &settings};
    const char *wanted = setting(&reader, "credentials", NULL);

    if (!check_pair(&reader) ||
        !(wanted && strcmp(wanted, "auto") != 0 ? choose_named(&reader, wanted)
                                                : choose_any(&reader, is_amazon)))
        return false;
    settings.profile = or_else(setting(&reader, "credentials_profile", "AWS_PROFILE"), "default");
    settings.session_name = or_else(setting(&reader, NULL, "AWS_ROLE_SESSION_NAME"), "audiotricks");
    settings.sts_endpoint = or_else(setting(&reader, "sts_endpoint", "AWS_ENDPOINT_URL_STS"),
                                    arena_printf(mem, "https://sts.%s.amazonaws.com", region));
    settings.metadata_endpoint =
        or_else(setting(&reader, "metadata_endpoint", "AWS_EC2_METADATA_SERVICE_ENDPOINT"),
                METADATA_ENDPOINT);
    settings.ca_file = setting(&reader, "ca_file", NULL);
    if (!check_address(&reader, "sts_endpoint", settings.sts_endpoint) ||
        !check_address(&reader, "metadata_endpoint", settings.metadata_endpoint))
        return false;
    if (!is_printable(settings.access_key) || !is_printable(settings.secret_key) ||
        !is_printable(settings.session_token))
        return bad(&reader, "access_key", "credentials are printable ASCII");
    *out = settings;
    return true;
}
