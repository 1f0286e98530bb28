#include "base/child_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child_tree.h"
#include "base/clock.h"
#include "base/scoped.h"

#define LOOK_EVERY_US (US_PER_S / 5) /* at how much there is of what the program has started */
#define PAUSE_MAX_MS 100             /* between two rounds of killing */
#define ROUNDS_IN_VAIN_MAX 100       /* where /proc does not tell who is left */

/* ---- in the guard: made from a process with threads, so nothing is allocated ---- */

struct guard {
    const struct child_order *order;
    pid_t program;
    bool is_over; /* the program is reaped */
    int socket, events;
    int64_t looked_us;
    struct child_guard_report report;
    struct child_tree tree;
};

/* The program's end; its group's id is nobody else's until it is reaped. */
static void note_end(struct guard *guard, const siginfo_t *info)
{
    kill(-guard->program, SIGKILL);
    guard->is_over = true;
    guard->report = (struct child_guard_report){
        info->si_code == CLD_EXITED ? CHILD_EXITED : CHILD_KILLED, info->si_status};
}

/* All that have ended. False if there is nobody else. */
static bool reap(struct guard *guard)
{
    for (;;) {
        siginfo_t info = {0};

        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
            return errno != ECHILD;
        if (info.si_pid == 0)
            return true;
        if (info.si_pid == guard->program && !guard->is_over)
            note_end(guard, &info);
        waitid(P_PID, (id_t)info.si_pid, &info, WEXITED);
    }
}

/* Until somebody has ended or something is said. */
static void pause_for(const struct guard *guard, int ms)
{
    struct pollfd ready[] = {{.fd = guard->events, .events = POLLIN},
                             {.fd = guard->socket, .events = POLLIN}};
    struct signalfd_siginfo ended[8];

    poll(ready, guard->socket >= 0 ? COUNT_OF(ready) : 1, ms);
    while (read(guard->events, ended, sizeof ended) > 0)
        ;
}

/* False if all is to end, or nobody has the other end of the socket. */
static bool listen_to(const struct guard *guard)
{
    enum child_guard_word word;
    ssize_t got;

    while ((got = recv(guard->socket, &word, sizeof word, MSG_DONTWAIT)) == sizeof word) {
        if (word == CHILD_GUARD_KILL)
            return false;
        kill(-guard->program, SIGTERM);
    }
    return got < 0 && errno == EAGAIN;
}

/* Whether there is no more of what the program has started than there may be. */
static bool is_bounded(struct guard *guard)
{
    uint64_t most = guard->order->memory_bytes;

    if (clock_monotonic_us() - guard->looked_us < LOOK_EVERY_US)
        return true;
    guard->looked_us = clock_monotonic_us();
    child_tree_read(&guard->tree);
    if (guard->tree.count > CHILD_PROCESSES_MAX)
        guard->report.end = CHILD_TOO_MANY;
    else if (most > 0 && child_tree_memory(&guard->tree, false) > most &&
             child_tree_memory(&guard->tree, true) > most)
        guard->report.end = CHILD_TOO_BIG;
    else
        return true;
    return false;
}

static void watch(struct guard *guard)
{
    for (;;) {
        pause_for(guard, LOOK_EVERY_US / 1000);
        reap(guard);
        if (guard->is_over || !listen_to(guard) || !is_bounded(guard))
            return;
    }
}

/* Those who fork faster than they are killed have children who come to this process: it goes on
 * until there are none. What ended the program is known. */
static void end_all(struct guard *guard)
{
    struct child_guard_report report = guard->report;
    int in_vain = 0, pause_ms = 1;

    guard->socket = -1; /* nothing that is said matters any more */
    if (!guard->is_over)
        kill(-guard->program, SIGKILL); /* none of a group escapes by forking */
    while (reap(guard) && in_vain < ROUNDS_IN_VAIN_MAX) {
        child_tree_read(&guard->tree);
        for (size_t i = 0; i < guard->tree.count; i++)
            kill(guard->tree.pids[i], SIGKILL);
        in_vain = guard->tree.count > 0 ? 0 : in_vain + 1;
        pause_for(guard, pause_ms);
        pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms + 1 : PAUSE_MAX_MS;
    }
    if (report.end != CHILD_UNWANTED)
        guard->report = report;
}

static noreturn void guard_main(const struct child_program *program, int socket)
{
    static struct guard guard; /* of this process alone: pages are copied when written */
    pid_t self = getpid();
    sigset_t ends;
    int told;

    setsid(); /* Ctrl-C is not for it */
    prctl(PR_SET_NAME, "command-guard");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGCHLD, SIG_DFL);
    guard.program = fork();
    if (guard.program == 0)
        child_program_become(program, self);
    if (guard.program < 0) {
        child_program_failed(program->failure, errno);
        _exit(EXIT_FAILURE);
    }
    guard.order = program->order;
    guard.report = (struct child_guard_report){CHILD_UNWANTED, 0};
    told = dup2(socket, STDIN_FILENO);
    close_range(STDIN_FILENO + 1, ~0U, 0);
    guard.socket = told;
    guard.tree.proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    guard.events = signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
    if (chdir("/") == 0)
        watch(&guard);
    end_all(&guard);
    send(told, &guard.report, sizeof guard.report, MSG_NOSIGNAL);
    _exit(EXIT_SUCCESS);
}

/* ---- here ---- */

/* No handler of this process runs in the guard, which keeps all signals blocked. */
static pid_t fork_blocked(const struct child_program *program, int socket)
{
    sigset_t all, before;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        guard_main(program, socket);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

int child_guard_start(const struct child_program *program, struct child_guard *out)
{
    scoped(fd_close) int ours = -1;
    scoped(fd_close) int theirs = -1;
    int pair[2], code;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return errno;
    ours = pair[0];
    theirs = pair[1];
    *out = (struct child_guard){.pid = fork_blocked(program, theirs), .pid_fd = -1, .socket = -1};
    if (out->pid < 0)
        return errno;
    out->pid_fd = (int)syscall(SYS_pidfd_open, out->pid, 0);
    if (out->pid_fd >= 0) {
        out->socket = fd_take(&ours);
        return 0;
    }
    code = errno;
    close(fd_take(&ours));
    child_guard_wait(out, &(struct child_guard_report){0});
    return code;
}

void child_guard_tell(const struct child_guard *guard, enum child_guard_word word)
{
    while (send(guard->socket, &word, sizeof word, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

void child_guard_wait(struct child_guard *guard, struct child_guard_report *out)
{
    struct child_guard_report report = {CHILD_KILLED, SIGKILL};

    while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (guard->socket >= 0 &&
        recv(guard->socket, &report, sizeof report, MSG_DONTWAIT) != sizeof report)
        report = (struct child_guard_report){CHILD_KILLED, SIGKILL};
    fd_close(&guard->socket);
    fd_close(&guard->pid_fd);
    *guard = (struct child_guard){.pid_fd = -1, .socket = -1};
    *out = report;
}
