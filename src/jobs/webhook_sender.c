#include "jobs/webhook_sender.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "catalog/event.h"
#include "jobs/webhook_fan_out.h"
#include "jobs/webhook_request.h"
#include "service/node.h"
#include "service/watch.h"

#define WEBHOOKS_MAX 10000
#define LOOK_US (5 * US_PER_S)  /* for what other processes changed, and for who is idle */
#define RETRY_US (5 * US_PER_S) /* after the catalog has failed */
#define POLL_MAX_MS 1000
#define BACKOFF_MAX_US (3 * 3600 * US_PER_S)
#define CONNECTIONS_KEPT 32L

struct attempt {
    struct delivery delivery; /* text in MEM */
    struct arena *mem;
    struct webhook_request *request;
    struct webhook_answer answer;
    struct attempt *next;
};

/* A webhook as it was when it was read last. */
struct target {
    struct webhook webhook;
    int64_t due_us; /* clock; when to look for deliveries again. INT64_MAX: when one has ended */
};

struct webhook_sender {
    struct app *app;
    pthread_t thread;
    struct watcher on_commit;
    struct watcher on_change;

    pthread_mutex_t lock; /* guards the next three */
    pthread_cond_t wake;
    CURLM *multi; /* made with the first webhook, then the same until the end */
    bool is_woken;

    atomic_bool is_stopping;
    atomic_bool is_changed;   /* webhooks are to be read anew */
    atomic_bool is_listening; /* there are webhooks: commits matter */

    /* The thread's own: */
    struct arena *mem; /* of the targets */
    struct target *targets;
    size_t target_count;
    int64_t read_at_us; /* monotonic; when they were read last */
    int64_t fanned_out; /* up to which event */
    int64_t hold_us;    /* monotonic; the catalog failed, no work before */
    struct attempt *under_way;
};

int64_t webhook_backoff_us(int64_t first_us, int64_t attempts, uint32_t chance)
{
    int64_t wait_us = first_us;

    while (--attempts > 0 && wait_us < BACKOFF_MAX_US)
        wait_us *= 2;
    if (wait_us > BACKOFF_MAX_US)
        wait_us = BACKOFF_MAX_US;
    return wait_us * 4 / 5 + wait_us * 2 / 5 * (int64_t)(chance % 1024) / 1024;
}

/* ---- being woken ---- */

static void wake(struct webhook_sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    if (!sender->is_woken && sender->multi)
        curl_multi_wakeup(sender->multi);
    sender->is_woken = true;
    pthread_cond_signal(&sender->wake);
    pthread_mutex_unlock(&sender->lock);
}

static void hear_commit(void *context)
{
    struct webhook_sender *sender = context;

    if (atomic_load(&sender->is_listening))
        wake(sender);
}

static void hear_change(void *context)
{
    struct webhook_sender *sender = context;

    atomic_store(&sender->is_changed, true);
    wake(sender);
}

/* The catalog does not answer as it should: everything rests for a while. */
static void hold(struct webhook_sender *sender, const struct error *err)
{
    log_event(LOG_WARN, "webhooks wait", log_text("error", err->log));
    sender->hold_us = clock_monotonic_us() + RETRY_US;
}

/* ---- webhooks ---- */

static struct target *find_target(struct webhook_sender *sender, struct uuid id)
{
    for (size_t i = 0; i < sender->target_count; i++)
        if (uuid_equal(sender->targets[i].webhook.id, id))
            return &sender->targets[i];
    return NULL;
}

static bool read_webhooks(struct webhook_sender *sender, struct arena *mem, struct webhook **list,
                          size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(sender->app->database, &db, err) &&
           webhook_list_enabled(db, WEBHOOKS_MAX, mem, list, count, err) &&
           event_delivered(db, &sender->fanned_out, err);
}

static bool has_multi(struct webhook_sender *sender, struct error *err)
{
    CURLM *multi;

    if (sender->multi)
        return true;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(multi = curl_multi_init()))
        return error_set(err, ERR_UNAVAILABLE, "libcurl cannot be started");
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    pthread_mutex_lock(&sender->lock);
    sender->multi = multi;
    pthread_mutex_unlock(&sender->lock);
    return true;
}

/* All are looked at anew: what changed is not told. */
static bool read_targets(struct webhook_sender *sender, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct webhook *list = NULL;
    struct arena *before;
    size_t count = 0;

    atomic_store(&sender->is_changed, false);
    sender->read_at_us = clock_monotonic_us();
    if (!read_webhooks(sender, mem, &list, &count, err) || (count > 0 && !has_multi(sender, err)))
        return false;
    sender->targets = arena_array(mem, count, sizeof *sender->targets);
    sender->target_count = count;
    for (size_t i = 0; i < count; i++)
        sender->targets[i] = (struct target){.webhook = list[i]};
    before = sender->mem;
    sender->mem = take(mem);
    arena_free(before);
    atomic_store(&sender->is_listening, count > 0);
    return true;
}

/* ---- new events ---- */

static bool has_news(struct webhook_sender *sender, bool *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    int64_t last = 0;

    if (!database_read(sender->app->database, &db, err) || !event_last(db, &last, err))
        return false;
    *out = last > sender->fanned_out;
    return true;
}

static bool take_news(struct webhook_sender *sender, struct error *err)
{
    bool news = false;

    while (has_news(sender, &news, err) && news) {
        struct fan_out fan_out = {.app = sender->app};

        if (!database_write(sender->app->database, webhook_fan_out, &fan_out, err))
            return false;
        sender->fanned_out = fan_out.position;
        for (size_t i = 0; i < sender->target_count && fan_out.deliveries > 0; i++)
            sender->targets[i].due_us = 0;
    }
    return !news;
}

/* ---- sending ---- */

static void attempt_free(struct attempt *attempt)
{
    if (!attempt)
        return;
    webhook_request_free(attempt->request);
    arena_free(attempt->mem);
    free(attempt);
}
DEFINE_RELEASE(attempt, struct attempt)

static bool is_under_way(const struct webhook_sender *sender, struct uuid delivery_id)
{
    for (const struct attempt *one = sender->under_way; one; one = one->next)
        if (uuid_equal(one->delivery.id, delivery_id))
            return true;
    return false;
}

static size_t count_under_way(const struct webhook_sender *sender, struct uuid webhook_id)
{
    size_t count = 0;

    for (const struct attempt *one = sender->under_way; one; one = one->next)
        count += uuid_equal(one->delivery.webhook_id, webhook_id);
    return count;
}

static struct delivery copy_delivery(const struct delivery *from, struct arena *mem)
{
    struct delivery copy = *from;

    copy.event_type = arena_strdup(mem, from->event_type);
    copy.event_data = arena_strdup(mem, from->event_data);
    copy.lane = arena_strdup(mem, from->lane);
    copy.status = DELIVERY_PENDING;
    copy.error = NULL;
    return copy;
}

static bool start_attempt(struct webhook_sender *sender, const struct webhook *webhook,
                          const struct delivery *delivery, struct error *err)
{
    const struct app *app = sender->app;
    scoped(attempt_release) struct attempt *attempt = calloc(1, sizeof *attempt);

    if (!attempt)
        abort();
    attempt->mem = arena_new();
    attempt->delivery = copy_delivery(delivery, attempt->mem);
    attempt->delivery.last_attempt_at_us = app_now_us(app);
    if (!webhook_request_new(webhook, &attempt->delivery, app->receivers,
                             attempt->delivery.last_attempt_at_us,
                             app->settings.webhooks.timeout_ms, &attempt->request, err))
        return false;
    curl_easy_setopt(attempt->request->easy, CURLOPT_PRIVATE, attempt);
    if (curl_multi_add_handle(sender->multi, attempt->request->easy) != CURLM_OK)
        return error_set(err, ERR_INTERNAL, "a request to a webhook could not be started");
    attempt->next = sender->under_way;
    sender->under_way = take(attempt);
    return true;
}

/* The webhook is read anew behind its deliveries: one made after a change is sent as that says.
 * What is removed or stopped meanwhile has nothing due. */
static bool read_due(struct webhook_sender *sender, struct webhook *webhook, size_t limit,
                     struct arena *mem, struct delivery **list, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    if (!database_read(sender->app->database, &db, err) ||
        !delivery_due(db, webhook->id, limit, mem, list, count, err))
        return false;
    if (*count > 0 && !webhook_by_id(db, webhook->workspace_id, webhook->id, mem, webhook, err)) {
        if (err->kind != ERR_NOT_FOUND)
            return false;
        webhook->enabled = false;
    }
    if (!webhook->enabled)
        *count = 0;
    return true;
}

/* Starts what is due of one webhook. Those under way are still due in the catalog, so that many
 * more are read; one beyond tells when to look again. */
static bool send_due(struct webhook_sender *sender, struct target *target, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    size_t most = sender->app->settings.webhooks.at_once, count = 0;
    size_t busy = count_under_way(sender, target->webhook.id);
    int64_t now_us = app_now_us(sender->app);
    struct webhook webhook = target->webhook;
    struct delivery *list = NULL;

    if (!read_due(sender, &webhook, most + busy + 1, mem, &list, &count, err))
        return false;
    target->due_us = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (is_under_way(sender, list[i].id))
            continue;
        if (list[i].next_attempt_at_us > now_us) {
            target->due_us = list[i].next_attempt_at_us;
            return true;
        }
        if (busy++ >= most)
            return true;
        if (!start_attempt(sender, &webhook, &list[i], err))
            return false;
    }
    return true;
}

static bool send_all_due(struct webhook_sender *sender, struct error *err)
{
    int64_t now_us = app_now_us(sender->app);

    for (size_t i = 0; i < sender->target_count; i++)
        if (sender->targets[i].due_us <= now_us && !send_due(sender, &sender->targets[i], err))
            return false;
    return true;
}

/* ---- what came of it ---- */

static uint32_t some_chance(const struct app *app)
{
    uint32_t chance;

    app->random->fill(app->random, &chance, sizeof chance);
    return chance;
}

/* The time begins when its first attempt has failed: it may have waited long for those before it in
 * its lane. A last attempt is made at the end of the time, not somewhere before it. */
static void plan_next(const struct app *app, struct delivery *delivery, int64_t now_us)
{
    int64_t wait_us = webhook_backoff_us(app->settings.webhooks.retry_first_us,
                                         delivery->attempts + 1, some_chance(app));

    if (delivery->attempts == 0)
        delivery->retry_until_us = now_us + app->settings.webhooks.retry_for_us;
    if (now_us >= delivery->retry_until_us) {
        delivery->status = DELIVERY_DEAD;
        delivery->next_attempt_at_us = 0;
        return;
    }
    delivery->next_attempt_at_us = now_us + wait_us;
    if (delivery->next_attempt_at_us > delivery->retry_until_us)
        delivery->next_attempt_at_us = delivery->retry_until_us;
}

static void judge(struct app *app, struct attempt *attempt, int64_t now_us)
{
    struct delivery *delivery = &attempt->delivery;
    const struct webhook_answer *answer = &attempt->answer;

    delivery->duration_ms = answer->duration_ms;
    delivery->response_status = answer->status;
    delivery->error = answer->delivered ? NULL : answer->error;
    if (!answer->delivered) {
        plan_next(app, delivery, now_us);
        return;
    }
    delivery->status = DELIVERY_DELIVERED;
    delivery->next_attempt_at_us = 0;
}

struct recording {
    const struct app *app;
    struct attempt *first;
    int64_t now_us;
};

static bool record_work(struct db *tx, void *context, struct error *err)
{
    const struct recording *recording = context;

    if (!node_must_have(tx, recording->app, DUTY_WEBHOOKS, err))
        return false;
    for (const struct attempt *one = recording->first; one; one = one->next)
        if (!delivery_attempted(tx, &one->delivery, recording->now_us, err))
            return false;
    return true;
}

static void count_outcome(struct app_counters *counters, const struct delivery *delivery)
{
    if (strcmp(delivery->status, DELIVERY_DELIVERED) == 0)
        atomic_fetch_add(&counters->deliveries_done, 1);
    else if (strcmp(delivery->status, DELIVERY_DEAD) == 0)
        atomic_fetch_add(&counters->deliveries_dead, 1);
    else
        atomic_fetch_add(&counters->deliveries_failed, 1);
}

/* Those that have ended since the last look, off the list of those under way. */
static struct attempt *take_finished(struct webhook_sender *sender)
{
    struct attempt *finished = NULL;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(sender->multi, &left))) {
        struct attempt *attempt = NULL, **at = &sender->under_way;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&attempt);
        curl_multi_remove_handle(sender->multi, attempt->request->easy); /* MESSAGE is gone */
        webhook_request_answer(attempt->request, code, &attempt->answer);
        while (*at != attempt)
            at = &(*at)->next;
        *at = attempt->next;
        attempt->next = finished;
        finished = attempt;
    }
    return finished;
}

/* The webhook may send its next, and the next of the lane may be due. */
static void free_places(struct webhook_sender *sender, struct attempt *finished)
{
    while (finished) {
        struct attempt *next = finished->next;
        struct target *target = find_target(sender, finished->delivery.webhook_id);

        if (target)
            target->due_us = 0;
        attempt_free(finished);
        finished = next;
    }
}

/* What cannot be recorded is as if it had not been sent, and is sent again. */
static bool record_finished(struct webhook_sender *sender, struct error *err)
{
    struct recording recording = {
        .app = sender->app, .first = take_finished(sender), .now_us = app_now_us(sender->app)};
    bool ok;

    if (!recording.first)
        return true;
    for (struct attempt *one = recording.first; one; one = one->next)
        judge(sender->app, one, recording.now_us);
    ok = database_write(sender->app->database, record_work, &recording, err);
    for (const struct attempt *one = recording.first; ok && one; one = one->next)
        count_outcome(&sender->app->counters, &one->delivery);
    free_places(sender, recording.first);
    return ok;
}

/* ---- the thread ---- */

/* Until the next delivery is due, the webhooks are read again, or the catalog is asked again. */
static int wait_ms(const struct webhook_sender *sender)
{
    int64_t wait_us = POLL_MAX_MS * 1000, now_us = app_now_us(sender->app);

    for (size_t i = 0; i < sender->target_count; i++) {
        if (sender->targets[i].due_us - now_us < wait_us)
            wait_us = sender->targets[i].due_us - now_us;
    }
    if (wait_us < 0)
        wait_us = 0;
    if (clock_monotonic_us() < sender->hold_us)
        wait_us = US_PER_S / 4;
    return (int)((wait_us + 999) / 1000);
}

/* Without webhooks nothing is under way, and only a change can bring something. */
static void rest(struct webhook_sender *sender)
{
    struct timespec until;
    int code = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_US / US_PER_S;
    pthread_mutex_lock(&sender->lock);
    while (!sender->is_woken && code == 0)
        code = pthread_cond_timedwait(&sender->wake, &sender->lock, &until);
    sender->is_woken = false;
    pthread_mutex_unlock(&sender->lock);
}

static void transfer(struct webhook_sender *sender)
{
    int running;

    curl_multi_poll(sender->multi, NULL, 0, wait_ms(sender), NULL);
    pthread_mutex_lock(&sender->lock);
    sender->is_woken = false;
    pthread_mutex_unlock(&sender->lock);
    curl_multi_perform(sender->multi, &running);
}

/* Another node sends. What is under way here ends, and is recorded by nobody. */
static void stand_by(struct webhook_sender *sender)
{
    atomic_store(&sender->is_listening, false);
    sender->target_count = 0;
    sender->read_at_us = -LOOK_US;
}

static bool work(struct webhook_sender *sender, struct error *err)
{
    bool is_due = clock_monotonic_us() - sender->read_at_us >= LOOK_US;

    if (clock_monotonic_us() < sender->hold_us)
        return true;
    if (!node_has(sender->app, DUTY_WEBHOOKS)) {
        stand_by(sender);
        return true;
    }
    if ((is_due || atomic_load(&sender->is_changed)) && !read_targets(sender, err))
        return false;
    return sender->target_count == 0 || (take_news(sender, err) && send_all_due(sender, err));
}

static void *run_sender(void *context)
{
    struct webhook_sender *sender = context;
    struct error err;

    while (!atomic_load(&sender->is_stopping)) {
        if (!work(sender, &err))
            hold(sender, &err);
        if (sender->target_count == 0 && !sender->under_way)
            rest(sender);
        else
            transfer(sender);
        if (sender->multi && !record_finished(sender, &err))
            hold(sender, &err);
    }
    return NULL;
}

/* ---- starting and stopping ---- */

static struct webhook_sender *sender_new(struct app *app)
{
    struct webhook_sender *sender = calloc(1, sizeof *sender);
    pthread_condattr_t monotonic;

    if (!sender)
        abort();
    sender->app = app;
    sender->mem = arena_new();
    sender->read_at_us = -LOOK_US;
    sender->on_commit = (struct watcher){.tell = hear_commit, .context = sender};
    sender->on_change = (struct watcher){.tell = hear_change, .context = sender};
    pthread_mutex_init(&sender->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&sender->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return sender;
}

static void discard(struct webhook_sender *sender)
{
    while (sender->under_way) {
        struct attempt *attempt = sender->under_way;

        sender->under_way = attempt->next;
        curl_multi_remove_handle(sender->multi, attempt->request->easy);
        attempt_free(attempt);
    }
    if (sender->multi) {
        curl_multi_cleanup(sender->multi);
        curl_global_cleanup();
    }
    pthread_cond_destroy(&sender->wake);
    pthread_mutex_destroy(&sender->lock);
    arena_free(sender->mem);
    free(sender);
}

/* Signals are the main thread's business. */
static int start_without_signals(struct webhook_sender *sender)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&sender->thread, NULL, run_sender, sender);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

bool webhook_sender_start(struct app *app, struct webhook_sender **out, struct error *err)
{
    struct webhook_sender *sender = sender_new(app);

    if (start_without_signals(sender) != 0) {
        discard(sender);
        return error_set(err, ERR_UNAVAILABLE, "no thread for webhooks");
    }
    watch_add(app->commits, &sender->on_commit);
    watch_add(app->webhook_changes, &sender->on_change);
    *out = sender;
    return true;
}

void webhook_sender_free(struct webhook_sender *sender)
{
    if (!sender)
        return;
    watch_remove(sender->app->commits, &sender->on_commit);
    watch_remove(sender->app->webhook_changes, &sender->on_change);
    atomic_store(&sender->is_stopping, true);
    wake(sender);
    pthread_join(sender->thread, NULL);
    discard(sender);
}
