#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define ASK_EVERY_MS 100
#define GRACE_US (2 * US_PER_S) /* between SIGTERM and SIGKILL */
#define FILES_MAX 1024          /* open in the program: this process may have been given more */
#define PIECE_BYTES 65536
#define PIECES_AT_ONCE 16 /* more than a pipe holds; one who writes for ever is not waited for */
#define NOT_STARTED 127   /* exit status, as shells have it */

/* Where the program's descriptors are put on their way to 0, 1 and 2: above these. */
#define ABOVE_STANDARD 3

/* ---- in the new process: only what is async-signal-safe, as other threads' locks are held ---- */

/* What it is made from; all of the parent's. */
struct birth {
    const struct child_order *order;
    pid_t parent;
    int output, errors;
    int failure; /* told errno of what could not be done; closed by a successful exec */
};

static void default_signals(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        sigaction(number, &standard, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool set_limit(__rlimit_resource_t what, rlim_t most)
{
    struct rlimit limit;

    if (getrlimit(what, &limit) != 0)
        return false;
    if (limit.rlim_max != RLIM_INFINITY && most > limit.rlim_max)
        most = limit.rlim_max;
    limit.rlim_cur = most;
    if (what != RLIMIT_NOFILE) /* programs that need more files may ask for them */
        limit.rlim_max = most;
    return setrlimit(what, &limit) == 0;
}

static bool set_limits(const struct child_order *order)
{
    return set_limit(RLIMIT_CORE, 0) && set_limit(RLIMIT_NOFILE, FILES_MAX) &&
           (order->memory_bytes == 0 || set_limit(RLIMIT_AS, order->memory_bytes));
}

/* FD moved out of the way of the standard ones. */
static bool lift(int *fd)
{
    *fd = fcntl(*fd, F_DUPFD, ABOVE_STANDARD);
    return *fd >= 0;
}

static bool arrange_files(const struct birth *birth, int failure)
{
    int input = birth->order->input, output = birth->output, errors = birth->errors;

    if (input < 0 && (input = open("/dev/null", O_RDONLY)) < 0)
        return false;
    if (!lift(&input) || !lift(&output) || !lift(&errors))
        return false;
    if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(errors, STDERR_FILENO) < 0)
        return false;
    /* All others, those of libraries as well; FAILURE closes itself. */
    return (failure == ABOVE_STANDARD ||
            close_range(ABOVE_STANDARD, (unsigned)failure - 1, 0) == 0) &&
           close_range((unsigned)failure + 1, ~0U, 0) == 0;
}

static void be_born(const struct birth *birth)
{
    const struct child_order *order = birth->order;
    int failure = fcntl(birth->failure, F_DUPFD_CLOEXEC, ABOVE_STANDARD);

    setsid();
    if (order->guard) /* which hears of the parent's end when this process has closed its files */
        child_guard_watch(order->guard, getpid());
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (failure < 0 || getppid() != birth->parent) /* which ended before it was asked for */
        _exit(EXIT_FAILURE);
    default_signals();
    umask(077);
    if (set_limits(order) && arrange_files(birth, failure) && chdir(order->folder) == 0)
        execve(order->arguments[0], order->arguments, order->environment);

    int code = errno;
    ssize_t told = write(failure, &code, sizeof code);

    _exit(told == sizeof code ? NOT_STARTED : EXIT_FAILURE);
}

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
    pid_t pid;
    int pid_fd;
    int output, errors; /* -1: at its end */
    struct buf said, complaints;
    enum child_end end;
    int code;
    int64_t ended_us; /* when it was told to end; 0: it was not */
    bool is_killed;
};

static pid_t fork_quietly(const struct birth *birth)
{
    sigset_t all, before;
    pid_t pid;

    /* No handler of this process runs in the new one. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        be_born(birth);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

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

static void reap(struct child *child, siginfo_t *info)
{
    if (child->order->guard)
        child_guard_forget(child->order->guard, child->pid);
    *info = (siginfo_t){0};
    while (waitid(P_PID, (id_t)child->pid, info, WEXITED) != 0 && errno == EINTR)
        ;
}

static bool start(struct child *child, struct error *err)
{
    scoped(close_ends) struct ends output = {-1, -1}, errors = {-1, -1}, failure = {-1, -1};
    struct birth birth = {.order = child->order, .parent = getpid()};
    siginfo_t info;
    int code;

    if (!make_pipe(&output) || !make_pipe(&errors) || !make_pipe(&failure))
        return not_started(err, child->order, errno);
    birth.output = output.in;
    birth.errors = errors.in;
    birth.failure = failure.in;
    child->pid = fork_quietly(&birth);
    if (child->pid < 0)
        return not_started(err, child->order, errno);
    close(fd_take(&failure.in));
    code = read_failure(failure.out); /* from here on it has its own group */
    child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (code == 0 && child->pid_fd < 0)
        code = errno;
    if (code != 0) {
        kill(child->pid, SIGKILL);
        reap(child, &info);
        return not_started(err, child->order, code);
    }
    child->output = fd_take(&output.out);
    child->errors = fd_take(&errors.out);
    fcntl(child->output, F_SETFL, O_NONBLOCK);
    fcntl(child->errors, F_SETFL, O_NONBLOCK);
    return true;
}

/* ---- watching ---- */

static void tell_group(struct child *child, int number)
{
    kill(-child->pid, number); /* it is not reaped yet: nobody else has its id */
}

static void end(struct child *child, enum child_end why)
{
    if (child->ended_us != 0)
        return;
    child->end = why;
    child->ended_us = clock_monotonic_us();
    tell_group(child, SIGTERM);
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
        tell_group(child, SIGKILL);
        child->is_killed = true;
    }
}

/* Until the program itself has ended, whatever it may have left running. */
static void watch(struct child *child)
{
    int64_t deadline_us = clock_monotonic_us() + child->order->limit_us;
    struct pollfd ready[] = {{.fd = child->pid_fd, .events = POLLIN},
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
    siginfo_t info;

    tell_group(child, SIGKILL); /* what it has left */
    drain_both(child);
    reap(child, &info);
    if (child->ended_us == 0)
        child->end = info.si_code == CLD_EXITED ? CHILD_EXITED : CHILD_KILLED;
    child->code = info.si_status;
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
    fd_close(&child->pid_fd);
    buf_done(&child->said);
    buf_done(&child->complaints);
}

bool child_run(const struct child_order *order, struct arena *mem, struct child_report *out,
               struct error *err)
{
    scoped(child_done) struct child child = {
        .order = order, .pid_fd = -1, .output = -1, .errors = -1};

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
