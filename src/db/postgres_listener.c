/*
 * Hearing of what other processes commit: a thread that waits on a connection of its own. The
 * schema's triggers send a notification in the transaction of whatever others wait for, and the
 * server passes it on once that is committed. Our own writer's are known already and passed over.
 *
 * Nothing relies on it: whoever waits looks now and then besides. So a connection that is lost is
 * made anew in its own time, and behind a pooler, which moves sessions about, there is none.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/postgres.h"

#define CHANNEL "audiotricks"
#define RETRY_FIRST_MS 250
#define RETRY_MOST_MS 8000
#define ASK_EVERY_MS 30000 /* a firewall may have forgotten the connection */

struct postgres_listener {
    struct postgres_server *server;
    void (*noticed)(void *context);
    void *context;
    int stop; /* an eventfd that can be read once it is to end */
    pthread_t thread;
    struct postgres_db *connection; /* the thread's */
};

/* ---- waiting ---- */

enum heard { HEARD_NOTHING, HEARD_SERVER, HEARD_STOP };

static enum heard wait_for(const struct postgres_listener *self, int fd, int wait_ms)
{
    struct pollfd fds[] = {{.fd = self->stop, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

    while (poll(fds, 2, wait_ms) < 0)
        assert(errno == EINTR);
    if (fds[0].revents)
        return HEARD_STOP;
    return fds[1].revents ? HEARD_SERVER : HEARD_NOTHING;
}

/* ---- the connection ---- */

/* Whoever could not listen may have missed something. */
static bool listen_anew(struct postgres_listener *self)
{
    struct error ignored; /* said by whoever asks for something */

    if (!(self->connection ? postgres_reconnect(self->connection, &ignored)
                           : postgres_connect(self->server, &self->connection, &ignored)))
        return false;
    self->connection->in_transaction = true; /* another session would not be listening */
    if (!postgres_command(self->connection, "LISTEN " CHANNEL, POSTGRES_LIMITED, &ignored))
        return false;
    self->noticed(self->context);
    return true;
}

/* True if another process has said something. */
static bool take_notifications(struct postgres_listener *self)
{
    int own = atomic_load(&self->server->writer_pid);
    bool others = false;
    PGnotify *one;

    while ((one = PQnotifies(self->connection->handle))) {
        others |= one->be_pid != own;
        PQfreemem(one);
    }
    return others;
}

/* False once the connection is lost. */
static bool hear(struct postgres_listener *self, enum heard heard)
{
    struct error ignored;

    if (heard == HEARD_SERVER && !PQconsumeInput(self->connection->handle))
        return false;
    if (heard == HEARD_NOTHING &&
        !postgres_command(self->connection, "", POSTGRES_LIMITED, &ignored))
        return false;
    if (take_notifications(self))
        self->noticed(self->context);
    return true;
}

/* ---- the thread ---- */

static void *run(void *context)
{
    struct postgres_listener *self = context;
    int retry_ms = RETRY_FIRST_MS;
    enum heard heard;

    do {
        if (listen_anew(self)) {
            retry_ms = RETRY_FIRST_MS;
            do
                heard = wait_for(self, PQsocket(self->connection->handle), ASK_EVERY_MS);
            while (heard != HEARD_STOP && hear(self, heard));
        } else {
            heard = wait_for(self, -1, retry_ms);
            retry_ms = retry_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : retry_ms * 2;
        }
    } while (heard != HEARD_STOP);
    return NULL;
}

static bool start_without_signals(struct postgres_listener *self)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&self->thread, NULL, run, self) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

bool postgres_listener_start(struct postgres_server *server, void (*noticed)(void *context),
                             void *context, struct postgres_listener **out, struct error *err)
{
    struct postgres_listener *self = calloc(1, sizeof *self);

    if (!self)
        abort();
    *self = (struct postgres_listener){
        .server = server, .noticed = noticed, .context = context, .stop = eventfd(0, EFD_CLOEXEC)};
    if (self->stop < 0 || !start_without_signals(self)) {
        if (self->stop >= 0)
            close(self->stop);
        free(self);
        return error_set(err, ERR_UNAVAILABLE, "postgresql: no thread to listen");
    }
    *out = self;
    return true;
}

void postgres_listener_free(struct postgres_listener *self)
{
    uint64_t once = 1;

    if (!self)
        return;
    if (write(self->stop, &once, sizeof once) < 0)
        assert(errno == EINTR);
    pthread_join(self->thread, NULL);
    postgres_db_free(self->connection);
    close(self->stop);
    free(self);
}
