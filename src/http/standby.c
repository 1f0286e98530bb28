#include "http/standby.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define BEHIND_US 50000 /* without a pause */
#define LONG_US 200     /* for one event: the next should not have to wait for that */
#define LONG_SCORE 8    /* one in eight may be: a thread is sometimes kept from running */
#define LONG_TIMES_MAX 4
#define WIDEN_SCORE 64
#define NARROW_SCORE (-256)

void standby_init(struct http_server *server)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_condattr_t monotonic;

    server->cores = cores > 2 ? (unsigned)cores : 2;
    atomic_store(&server->waiting_max, server->cores);
    pthread_mutex_init(&server->standby_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->standby_calls, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void standby_done(struct http_server *server)
{
    pthread_cond_destroy(&server->standby_calls);
    pthread_mutex_destroy(&server->standby_lock);
}

void standby_call(struct http_server *server, unsigned count)
{
    pthread_mutex_lock(&server->standby_lock);
    for (; count > 0 && server->called < server->standing_by; count--) {
        server->called++;
        pthread_cond_signal(&server->standby_calls);
    }
    pthread_mutex_unlock(&server->standby_lock);
}

void standby_relieve(struct http_server *server)
{
    if (atomic_load(&server->waiting) < atomic_load(&server->waiting_max))
        standby_call(server, 1);
}

static void widen(struct http_server *server)
{
    unsigned most = atomic_load(&server->waiting_max), more = 2 * most;

    if (more > server->cores)
        more = server->cores;
    if (more > most && atomic_compare_exchange_strong(&server->waiting_max, &most, more))
        standby_call(server, more - most);
}

/* Those that wait and are too many now go when they have been woken. */
static void narrow(struct http_server *server)
{
    unsigned most = atomic_load(&server->waiting_max);

    if (most > 1)
        atomic_compare_exchange_strong(&server->waiting_max, &most, most / 2);
}

void standby_report(struct http_server *server, struct workload *load, int events, int64_t began_us)
{
    int64_t now_us = clock_monotonic_us(), times = (now_us - began_us) / (events * LONG_US);
    bool is_full = events >= EVENTS_AT_ONCE;

    if (!is_full)
        load->full_since_us = 0;
    else if (load->full_since_us == 0)
        load->full_since_us = began_us;
    if (times > 0)
        load->score += (int)(times < LONG_TIMES_MAX ? times : LONG_TIMES_MAX) * LONG_SCORE;
    else if (load->score > 0 || !is_full)
        load->score--;
    if (load->score > WIDEN_SCORE || (is_full && now_us - load->full_since_us > BEHIND_US)) {
        *load = (struct workload){0};
        widen(server);
    } else if (load->score < NARROW_SCORE) {
        load->score = 0;
        narrow(server);
    }
}

bool standby_wait(struct http_server *server)
{
    uint32_t idle_ms = server->limits.thread_idle_ms;
    struct timespec until;
    int code = 0;
    bool called;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += idle_ms / 1000 + 1;
    pthread_mutex_lock(&server->standby_lock);
    server->standing_by++;
    while (server->called == 0 && code != ETIMEDOUT && !atomic_load(&server->is_ending)) {
        if (idle_ms > 0)
            code = pthread_cond_timedwait(&server->standby_calls, &server->standby_lock, &until);
        else
            pthread_cond_wait(&server->standby_calls, &server->standby_lock);
    }
    called = server->called > 0;
    server->called -= called;
    server->standing_by--;
    pthread_mutex_unlock(&server->standby_lock);
    return called || atomic_load(&server->is_ending);
}

bool standby_take_place(struct http_server *server)
{
    unsigned waiting = atomic_load(&server->waiting);

    while (waiting < atomic_load(&server->waiting_max) || atomic_load(&server->is_ending))
        if (atomic_compare_exchange_weak(&server->waiting, &waiting, waiting + 1))
            return true;
    return false;
}
