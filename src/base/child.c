#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child_guard.h"
#include "base/clock.h"
#include "base/scoped.h"

#define ASK_EVERY_MS 100
#define GRACE_US (2 * US_PER_S) /* between SIGTERM and SIGKILL */
#define PIECE_BYTES 65536
#define PIECES_AT_ONCE 16 /* more than a pipe holds; one who writes for ever is not waited for */

/* ---- starting ---- */

/* The two ends of a pipe: what is written into one comes out of the other. */
struct ends {
    int out, in;
};

static void close_ends(struct ends *ends)
{
    fd_close(&ends->out);
    fd_close(&ends->in);
}

static bool make_pipe(struct ends *ends)
{
    int both[2];

    if (pipe2(both, O_CLOEXEC) != 0)
        return false;
    *ends = (struct ends){both[0], both[1]};
    return true;
}

struct child {
    const struct child_order *order;
    struct child_guard guard;
    int output, errors; /* -1: at its end */
    struct buf said, complaints;
    enum child_end end;
    int code;
    int64_t ended_us; /* when it was told to end; 0: it was not */
    bool is_killed;
};

/* What went wrong before the program was there; 0: nothing. */
static int read_failure(int fd)
{
    int code;
    ssize_t got;

    do
        got = read(fd, &code, sizeof code);
    while (got < 0 && errno == EINTR);
    return got == sizeof code ? code : 0;
}

static bool not_started(struct error *err, const struct child_order *order, int code)
{
    error_set(err, ERR_UNAVAILABLE, "%s: start: %s", order->arguments[0], strerror(code));
    error_client(err, "the program could not be started: %s", strerror(code));
    return false;
}

/* The guard says at its end how the program has ended; it may have ended already. */
static void start_failed(struct child *child)
{
    struct child_guard_report unused;

    child_guard_tell(&child->guard, CHILD_GUARD_KILL);
    child_guard_wait(&child->guard, &unused);
}

static bool start(struct child *child, struct error *err)
{
    scoped(close_ends) struct ends output = {-1, -1}, errors = {-1, -1}, failure = {-1, -1};
    struct child_program program = {.order = child->order};
    int code;

    if (!make_pipe(&output) || !make_pipe(&errors) || !make_pipe(&failure))
        return not_started(err, child->order, errno);
    program.output = output.in;
    program.errors = errors.in;
    program.failure = failure.in;
    code = child_guard_start(&program, &child->guard);
    if (code != 0)
        return not_started(err, child->order, code);
    close(fd_take(&failure.in));
    code = read_failure(failure.out); /* from here on it has its own group */
    if (code != 0) {
        start_failed(child);
        return not_started(err, child->order, code);
    }
    child->output = fd_take(&output.out);
    child->errors = fd_take(&errors.out);
    fcntl(child->output, F_SETFL, O_NONBLOCK);
    fcntl(child->errors, F_SETFL, O_NONBLOCK);
    return true;
}

/* ---- watching ---- */

static void end(struct child *child, enum child_end why)
{
    if (child->ended_us != 0)
        return;
    child->end = why;
    child->ended_us = clock_monotonic_us();
    child_guard_tell(&child->guard, CHILD_GUARD_TERM);
}

static void add_output(struct child *child, const char *bytes, size_t length)
{
    if (child->ended_us == 0 && !buf_add(&child->said, bytes, length))
        end(child, CHILD_TOO_MUCH);
}

/* The last of it: the buffer holds twice as much as is wanted. */
static void add_errors(struct child *child, const char *bytes, size_t length)
{
    size_t wanted = child->order->errors_max;

    if (length > wanted) {
        bytes += length - wanted;
        length = wanted;
    }
    if (child->complaints.length + length > 2 * wanted)
        buf_consume(&child->complaints, child->complaints.length + length - wanted);
    buf_add(&child->complaints, bytes, length);
}

/* Reads what there is. At the end *FD is closed. */
static void drain(struct child *child, int *fd, void (*add)(struct child *, const char *, size_t))
{
    char piece[PIECE_BYTES];

    for (int i = 0; *fd >= 0 && i < PIECES_AT_ONCE; i++) {
        ssize_t got = read(*fd, piece, sizeof piece);

        if (got > 0)
            add(child, piece, (size_t)got);
        else if (got < 0 && errno == EAGAIN)
            return;
        else if (got == 0 || errno != EINTR)
            close(fd_take(fd));
    }
}

static void drain_both(struct child *child)
{
    drain(child, &child->output, add_output);
    drain(child, &child->errors, add_errors);
}

static void end_if_due(struct child *child, int64_t deadline_us)
{
    const struct child_order *order = child->order;

    if (order->is_unwanted && order->is_unwanted(order->context))
        end(child, CHILD_UNWANTED);
    if (clock_monotonic_us() >= deadline_us)
        end(child, CHILD_TOO_LATE);
    if (child->ended_us != 0 && !child->is_killed &&
        clock_monotonic_us() - child->ended_us >= GRACE_US) {
        child_guard_tell(&child->guard, CHILD_GUARD_KILL);
        child->is_killed = true;
    }
}

/* Until the program has ended, and the guard has seen to whatever it has left running. */
static void watch(struct child *child)
{
    int64_t deadline_us = clock_monotonic_us() + child->order->limit_us;
    struct pollfd ready[] = {{.fd = child->guard.pid_fd, .events = POLLIN},
                             {.fd = child->output, .events = POLLIN},
                             {.fd = child->errors, .events = POLLIN}};

    do {
        ready[1].fd = child->output; /* -1 is passed over */
        ready[2].fd = child->errors;
        ready[0].revents = 0;
        poll(ready, COUNT_OF(ready), ASK_EVERY_MS);
        drain_both(child);
        end_if_due(child, deadline_us);
    } while (!(ready[0].revents & POLLIN));
}

static void finish(struct child *child)
{
    struct child_guard_report report;

    drain_both(child);
    child_guard_wait(&child->guard, &report);
    if (child->ended_us == 0)
        child->end = report.end;
    child->code = report.code;
}

static struct str kept(const struct buf *buf, size_t most, struct arena *mem)
{
    size_t length = buf->length < most ? buf->length : most;
    const char *bytes = buf->length > 0 ? buf->bytes + (buf->length - length) : "";

    return (struct str){arena_strndup(mem, bytes, length), length};
}

static void child_done(struct child *child)
{
    fd_close(&child->output);
    fd_close(&child->errors);
    buf_done(&child->said);
    buf_done(&child->complaints);
}

bool child_run(const struct child_order *order, struct arena *mem, struct child_report *out,
               struct error *err)
{
    scoped(child_done) struct child child = {.order = order, .output = -1, .errors = -1};

    buf_init(&child.said, order->output_max);
    buf_init(&child.complaints, 2 * order->errors_max);
    if (!start(&child, err))
        return false;
    watch(&child);
    finish(&child);
    *out = (struct child_report){.end = child.end,
                                 .code = child.code,
                                 .output = kept(&child.said, order->output_max, mem),
                                 .errors = kept(&child.complaints, order->errors_max, mem)};
    return true;
}
