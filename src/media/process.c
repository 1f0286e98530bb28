#include "media/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"

#define GREETING_LIMIT_MS 30000

extern char **environ;

/* The server's environment may hold keys of stores; these alone are of use to the process. */
static const char *const KEPT_VARIABLES[] = {
    "LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=",
    "LSAN_OPTIONS=",    "TSAN_OPTIONS=", "MEDIA_WORKER_TEST=",
};

static bool is_kept(const char *variable)
{
    for (size_t i = 0; i < COUNT_OF(KEPT_VARIABLES); i++)
        if (strncmp(variable, KEPT_VARIABLES[i], strlen(KEPT_VARIABLES[i])) == 0)
            return true;
    return false;
}

#define ENVIRONMENT_MAX 13

static void environment_make(const struct media_options *options, char *memory_variable,
                             char *out[static ENVIRONMENT_MAX])
{
    size_t count = 0;

    out[count++] = memory_variable;
    if (options->for_works)
        out[count++] = (char *)"MEDIA_WORKER_WORKS=1";
    for (char **variable = environ; *variable && count < ENVIRONMENT_MAX - 1; variable++)
        if (is_kept(*variable))
            out[count++] = *variable;
    out[count] = NULL;
}

/* Only the socket, as descriptor 3, and standard error reach the process: everything else that
 * the server has open is close-on-exec, and the process closes the rest first thing. */
static bool spawn(const struct media_options *options, int socket, pid_t *out)
{
    const char *program = options->program ? options->program : "/proc/self/exe";
    char *const arguments[] = {(char *)program, (char *)"media-worker", NULL};
    char memory_variable[48];
    char *variables[ENVIRONMENT_MAX];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int code;

    snprintf(memory_variable, sizeof memory_variable, "MEDIA_WORKER_MEMORY=%llu",
             (unsigned long long)options->memory_bytes);
    environment_make(options, memory_variable, variables);
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    /* A group of its own: Ctrl-C in the terminal is the server's to handle. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket, MEDIA_SOCKET_FD);
    code = posix_spawn(out, program, &actions, &attributes, arguments, variables);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = code;
    return code == 0;
}

static bool wait_readable(int socket, int64_t deadline_us)
{
    for (;;) {
        int64_t left_us = deadline_us - clock_monotonic_us();
        struct pollfd waiting = {.fd = socket, .events = POLLIN};
        int ready;

        if (left_us <= 0)
            return false;
        ready = poll(&waiting, 1, (int)((left_us + 999) / 1000));
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

static ssize_t receive(int socket, void *bytes, size_t room)
{
    ssize_t got;

    do
        got = recv(socket, bytes, room, MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    return got;
}

/* The process greets when its libraries are loaded and the sandbox is shut. */
static bool greeted(int socket)
{
    uint32_t magic = 0;

    return wait_readable(socket, clock_monotonic_us() + GREETING_LIMIT_MS * INT64_C(1000)) &&
           receive(socket, &magic, sizeof magic) == sizeof magic && magic == ANSWER_MAGIC;
}

bool process_start(struct media_process *process, const struct media_options *options,
                   struct error *err)
{
    scoped(fd_close) int ours = -1;
    scoped(fd_close) int theirs = -1;
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return error_set(err, ERR_UNAVAILABLE, "media process: socket pair: %s", strerror(errno));
    ours = pair[0];
    theirs = pair[1];
    if (!spawn(options, theirs, &pid))
        return error_set(err, ERR_UNAVAILABLE, "media process: start: %s", strerror(errno));
    process->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process->pid_fd < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return error_set(err, ERR_UNAVAILABLE, "media process: pidfd_open: %s", strerror(errno));
    }
    process->pid = pid;
    process->socket = fd_take(&ours);
    close(fd_take(&theirs));
    if (!greeted(process->socket)) {
        process_stop(process);
        return error_set(err, ERR_UNAVAILABLE, "media process: did not come up");
    }
    return true;
}

bool process_is_at_rest(const struct media_process *process)
{
    struct pollfd socket = {.fd = process->socket, .events = POLLIN};

    return process->pid_fd >= 0 && poll(&socket, 1, 0) == 0;
}

uint64_t process_cpu_ms(const struct media_process *process)
{
    struct timespec used;
    clockid_t clock;

    if (process->pid_fd < 0 || clock_getcpuclockid(process->pid, &clock) != 0 ||
        clock_gettime(clock, &used) != 0)
        return 0;
    return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

void process_stop(struct media_process *process)
{
    siginfo_t info;

    if (process->pid_fd < 0)
        return;
    close(process->socket);
    syscall(SYS_pidfd_send_signal, process->pid_fd, SIGKILL, NULL, 0);
    while (waitid(P_PIDFD, (id_t)process->pid_fd, &info, WEXITED) != 0 && errno == EINTR)
        ;
    close(process->pid_fd);
    *process = MEDIA_PROCESS_NONE;
}

bool process_hand_over(const struct media_process *process, const void *request, size_t length,
                       int fd)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.room = {0}};
    struct iovec part = {.iov_base = (void *)request, .iov_len = length};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    ssize_t sent;

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    do
        sent = sendmsg(process->socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)length;
}

enum process_result process_receive(const struct media_process *process, int64_t deadline_us,
                                    void *out, size_t room, size_t *length)
{
    ssize_t got;

    if (!wait_readable(process->socket, deadline_us))
        return PROCESS_HUNG;
    got = receive(process->socket, out, room);
    if (got <= 0)
        return PROCESS_DIED;
    *length = (size_t)got;
    return *length <= room ? PROCESS_ANSWERED : PROCESS_MADNESS;
}

enum process_result process_ask(struct media_process *process, const struct media_request *request,
                                int fd, struct arena *mem, struct answer_view *out)
{
    int64_t deadline_us = clock_monotonic_us() + (int64_t)request->limit_ms * 1000;
    scoped(memory_free) char *bytes = malloc(ANSWER_MAX_BYTES);
    enum process_result result;
    size_t got;

    if (!bytes || !process_hand_over(process, request, sizeof *request, fd))
        return PROCESS_DIED;
    result = process_receive(process, deadline_us, bytes, ANSWER_MAX_BYTES, &got);
    if (result != PROCESS_ANSWERED)
        return result;
    return answer_parse(bytes, got, mem, out) ? PROCESS_ANSWERED : PROCESS_MADNESS;
}
