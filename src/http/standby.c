#include "http/standby.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

void standby_init(struct http_server *server)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_condattr_t monotonic;

    server->waiting_max = cores > 2 ? (unsigned)cores : 2;
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
    if (atomic_load(&server->waiting) < server->waiting_max)
        standby_call(server, 1);
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

    while (waiting < server->waiting_max || atomic_load(&server->is_ending))
        if (atomic_compare_exchange_weak(&server->waiting, &waiting, waiting + 1))
            return true;
    return false;
}
