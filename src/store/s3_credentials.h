/*
 * Who the store is to its provider: keys of the configuration or the environment, or keys that come
 * from somewhere else and are fetched again before they expire. What the sources are, in which
 * order they are looked for, and the names of files and variables follow Amazon's own tools ("AWS
 * SDKs and Tools Reference Guide", standardized credential providers).
 */
#ifndef STORE_S3_CREDENTIALS_H
#define STORE_S3_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/scoped.h"
#include "store/store.h"

enum s3_source {
    S3_SOURCE_KEYS,         /* access_key and secret_key of the store's section */
    S3_SOURCE_ENVIRONMENT,  /* AWS_ACCESS_KEY_ID and its like, as they were at the start */
    S3_SOURCE_WEB_IDENTITY, /* a token in a file, for which STS gives keys */
    S3_SOURCE_FILE,         /* a section of the credentials file of Amazon's tools */
    S3_SOURCE_INSTANCE      /* the role of the virtual machine (IMDSv2) */
};

struct s3_credential_settings {
    enum s3_source source;
    const char *access_key, *secret_key, *session_token; /* of KEYS and ENVIRONMENT; may be NULL */
    const char *file, *profile;                          /* of FILE */
    const char *role_arn, *token_file, *session_name;    /* of WEB_IDENTITY */
    const char *sts_endpoint;
    const char *metadata_endpoint; /* of INSTANCE */
    const char *ca_file;           /* NULL: the system's certificates */
};

/* Reads who CONFIG says we are. With IS_AMAZON the virtual machine's role is the last that is
 * looked for; elsewhere nobody would answer. Texts are in MEM. Fails with ERR_INVALID. */
bool s3_credential_settings_read(const struct store_config *config, const char *region,
                                 bool is_amazon, struct arena *mem,
                                 struct s3_credential_settings *out, struct error *err);

struct s3_identity {
    const char *access_key, *secret_key;
    const char *session_token; /* NULL: none */
    int64_t expires_us;        /* INT64_MAX: never */
};

/* Asks the source that SETTINGS name, now. Texts are in MEM. Fails with ERR_UNAVAILABLE. */
bool s3_identity_fetch(const struct s3_credential_settings *settings, const struct clock *clock,
                       struct arena *mem, struct s3_identity *out, struct error *err);
/* The section PROFILE of a credentials file. Pure. False if it has no keys there. */
bool s3_identity_in_file(const char *text, const char *profile, struct arena *mem,
                         struct s3_identity *out);

struct s3_credentials;

/* SETTINGS and CLOCK outlive it. Asks for nothing yet. */
struct s3_credentials *s3_credentials_new(const struct s3_credential_settings *settings,
                                          const struct clock *clock);
void s3_credentials_free(struct s3_credentials *credentials);
DEFINE_RELEASE(s3_credentials, struct s3_credentials)

/* Who we are now. What expires soon is fetched again by one thread, while the others go on with
 * what they have; if that fails, what has not expired yet goes on being used. Texts are in MEM.
 * Fails with ERR_UNAVAILABLE. May be called from any thread. */
bool s3_credentials_get(struct s3_credentials *credentials, struct arena *mem,
                        struct s3_identity *out, struct error *err);
/* The provider does not take ACCESS_KEY any more. True if other keys may come. */
bool s3_credentials_refused(struct s3_credentials *credentials, const char *access_key);

#endif
