#include "base/child_guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS_MAX 4096 /* more than run at once */
#define ENTRIES_BYTES 32768
#define STAT_BYTES 512
#define ROUNDS_MAX 100 /* against those who start processes faster than they are killed */
#define ROUND_NS 20000000

struct child_guard {
    int socket;
    pid_t pid;
};

struct note {
    pid_t session;
    int is_over;
};

/* ---- in the guard: made from a process with threads, so nothing is allocated ---- */

struct watch {
    int socket, proc; /* /proc */
    pid_t sessions[SESSIONS_MAX];
    size_t count;
};

static void take_note(struct watch *watch, struct note note)
{
    for (size_t i = 0; i < watch->count; i++)
        if (watch->sessions[i] == note.session)
            watch->sessions[i--] = watch->sessions[--watch->count];
    if (!note.is_over && watch->count < SESSIONS_MAX)
        watch->sessions[watch->count++] = note.session;
}

/* Until nobody has the other end. */
static void listen_until_the_end(struct watch *watch)
{
    struct note note;
    ssize_t got;

    for (;;) {
        got = recv(watch->socket, &note, sizeof note, 0);
        if (got == sizeof note)
            take_note(watch, note);
        else if (got >= 0 || errno != EINTR)
            return;
    }
}

/* 0: it is gone. proc(5): the name, in brackets, may hold anything; then state, parent, group. */
static pid_t session_of(const struct watch *watch, pid_t pid)
{
    char path[64], text[STAT_BYTES];
    const char *rest;
    ssize_t got;
    int fd, session;

    snprintf(path, sizeof path, "%d/stat", pid);
    fd = openat(watch->proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    got = read(fd, text, sizeof text - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    rest = strrchr(text, ')');
    return rest && sscanf(rest, ") %*c %*d %*d %d", &session) == 1 ? session : 0;
}

static bool is_watched(const struct watch *watch, pid_t session)
{
    for (size_t i = 0; i < watch->count; i++)
        if (watch->sessions[i] == session)
            return true;
    return false;
}

static size_t kill_entries(const struct watch *watch, const char *entries, size_t length)
{
    size_t killed = 0;

    for (size_t at = 0; at < length;) {
        const struct dirent64 *entry = (const void *)(entries + at);
        int pid = atoi(entry->d_name);

        if (pid > 0 && is_watched(watch, session_of(watch, pid)))
            killed += kill(pid, SIGKILL) == 0;
        at += entry->d_reclen;
    }
    return killed;
}

/* One look at all processes: those that made groups of their own are still of the session. */
static size_t kill_all(const struct watch *watch)
{
    alignas(struct dirent64) char entries[ENTRIES_BYTES];
    size_t killed = 0;
    ssize_t got;

    lseek(watch->proc, 0, SEEK_SET);
    while ((got = getdents64(watch->proc, entries, sizeof entries)) > 0)
        killed += kill_entries(watch, entries, (size_t)got);
    return killed;
}

static void guard(struct watch *watch)
{
    const struct timespec pause = {.tv_nsec = ROUND_NS};

    listen_until_the_end(watch);
    if (watch->count == 0)
        return;
    for (size_t i = 0; i < watch->count; i++)
        kill(-watch->sessions[i], SIGKILL);
    for (int round = 0; round < ROUNDS_MAX && kill_all(watch) > 0; round++)
        nanosleep(&pause, NULL);
}

static void be_born(int socket)
{
    static struct watch watch; /* of this process alone: pages are copied when written */

    setsid(); /* Ctrl-C is not for it */
    prctl(PR_SET_NAME, "command-guard");
    watch.socket = dup2(socket, STDIN_FILENO);
    close_range(STDIN_FILENO + 1, ~0U, 0);
    watch.proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (watch.socket >= 0 && chdir("/") == 0)
        guard(&watch);
    _exit(EXIT_SUCCESS);
}

/* ---- here ---- */

/* The guard keeps all signals blocked. */
static pid_t fork_blocked(int socket)
{
    sigset_t all, before;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        be_born(socket);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

bool child_guard_start(struct child_guard **out, struct error *err)
{
    scoped(fd_close) int ours = -1;
    scoped(fd_close) int theirs = -1;
    struct child_guard *guard;
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return error_set(err, ERR_UNAVAILABLE, "guard of commands: %s", strerror(errno));
    ours = pair[0];
    theirs = pair[1];
    pid = fork_blocked(theirs);
    if (pid < 0)
        return error_set(err, ERR_UNAVAILABLE, "guard of commands: %s", strerror(errno));
    guard = calloc(1, sizeof *guard);
    if (!guard)
        abort();
    *guard = (struct child_guard){.socket = fd_take(&ours), .pid = pid};
    *out = guard;
    return true;
}

void child_guard_free(struct child_guard *guard)
{
    if (!guard)
        return;
    close(guard->socket);
    while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(guard);
}

/* Without a guard, whom somebody has killed, commands run all the same. */
static void tell(const struct child_guard *guard, struct note note)
{
    while (send(guard->socket, &note, sizeof note, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

void child_guard_watch(const struct child_guard *guard, pid_t session)
{
    tell(guard, (struct note){.session = session});
}

void child_guard_forget(const struct child_guard *guard, pid_t session)
{
    tell(guard, (struct note){.session = session, .is_over = 1});
}
