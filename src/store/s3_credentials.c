#include "store/s3_credentials.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"

/* Before keys expire, so that requests under way still have a while; a quarter of their life at
 * most. After a failure they are not asked for at each request. */
#define AHEAD_US (300 * US_PER_S)
#define PAUSE_US (10 * US_PER_S)
#define PAUSE_WITHOUT_US US_PER_S /* when there are none to go on with */

struct s3_credentials {
    const struct s3_credential_settings *settings;
    const struct clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* IS_FETCHING fell */
    struct arena *mem;      /* of NOW; NULL as long as there is none. Under LOCK, as all below */
    struct s3_identity now;
    int64_t renew_us; /* from then on they are fetched again */
    bool is_fetching; /* a thread does it */
    bool has_failed;  /* the last time it did, for this reason: */
    struct error why;
};

struct s3_credentials *s3_credentials_new(const struct s3_credential_settings *settings,
                                          const struct clock *clock)
{
    struct s3_credentials *self = calloc(1, sizeof *self);

    assert(self);
    self->settings = settings;
    self->clock = clock;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    return self;
}

void s3_credentials_free(struct s3_credentials *self)
{
    if (!self)
        return;
    arena_free(self->mem);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static bool are_valid(const struct s3_credentials *self, int64_t now_us)
{
    return self->mem && now_us < self->now.expires_us;
}

static int64_t renewal_of(const struct s3_identity *identity, int64_t now_us)
{
    int64_t ahead_us;

    if (identity->expires_us == INT64_MAX)
        return INT64_MAX;
    ahead_us = (identity->expires_us - now_us) / 4;
    return identity->expires_us - (ahead_us < AHEAD_US ? ahead_us : AHEAD_US);
}

/* Without the lock: the source may take its time. */
static bool fetch(struct s3_credentials *self, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_identity found;
    bool ok;

    pthread_mutex_unlock(&self->lock);
    ok = s3_identity_fetch(self->settings, self->clock, mem, &found, err);
    pthread_mutex_lock(&self->lock);

    int64_t now_us = clock_now_us(self->clock);
    if (ok && found.expires_us <= now_us)
        ok = error_set(err, ERR_UNAVAILABLE, "the credentials that came have expired already");
    if (ok) {
        arena_free(self->mem);
        self->mem = take(mem);
        self->now = found;
    }
    self->has_failed = !ok;
    if (!ok)
        self->why = *err;
    self->renew_us = ok                        ? renewal_of(&found, now_us)
                     : are_valid(self, now_us) ? now_us + PAUSE_US
                                               : now_us + PAUSE_WITHOUT_US;
    return ok;
}

static void copy_out(const struct s3_credentials *self, struct arena *mem, struct s3_identity *out)
{
    *out = (struct s3_identity){.access_key = arena_strdup(mem, self->now.access_key),
                                .secret_key = arena_strdup(mem, self->now.secret_key),
                                .session_token = arena_strdup(mem, self->now.session_token),
                                .expires_us = self->now.expires_us};
}

/* One thread's turn, or the waiting for it. */
static bool renew(struct s3_credentials *self, struct error *err)
{
    bool ok;

    self->is_fetching = true;
    ok = fetch(self, err);
    self->is_fetching = false;
    pthread_cond_broadcast(&self->changed);
    if (!ok && are_valid(self, clock_now_us(self->clock))) {
        log_event(LOG_WARN, "new credentials did not come, those of before are still used",
                  log_text("error", err->log));
        return true;
    }
    return ok;
}

bool s3_credentials_get(struct s3_credentials *self, struct arena *mem, struct s3_identity *out,
                        struct error *err)
{
    bool ok = true;

    pthread_mutex_lock(&self->lock);
    while (self->is_fetching && !are_valid(self, clock_now_us(self->clock)))
        pthread_cond_wait(&self->changed, &self->lock);
    int64_t now_us = clock_now_us(self->clock);
    bool has_any = are_valid(self, now_us);
    if (!has_any && self->has_failed && now_us < self->renew_us) {
        *err = self->why;
        ok = false;
    } else if (!self->is_fetching && (!has_any || now_us >= self->renew_us)) {
        ok = renew(self, err);
    }
    if (ok)
        copy_out(self, mem, out);
    pthread_mutex_unlock(&self->lock);
    return ok;
}

bool s3_credentials_refused(struct s3_credentials *self, const char *access_key)
{
    bool may_change = self->settings->source >= S3_SOURCE_WEB_IDENTITY;

    pthread_mutex_lock(&self->lock);
    if (may_change && self->mem && strcmp(self->now.access_key, access_key) == 0)
        self->now.expires_us = 0;
    pthread_mutex_unlock(&self->lock);
    return may_change;
}
