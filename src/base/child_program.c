#include "base/child_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 1024  /* open in the program: this process may have been given more */
#define NOT_STARTED 127 /* exit status, as shells have it */

/* Where the program's descriptors are put on their way to 0, 1 and 2: above these. */
#define ABOVE_STANDARD 3

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

static bool arrange_files(const struct child_program *program, int failure)
{
    int input = program->order->input, output = program->output, errors = program->errors;

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

void child_program_failed(int failure, int code)
{
    while (write(failure, &code, sizeof code) < 0 && errno == EINTR)
        ;
}

noreturn void child_program_become(const struct child_program *program, pid_t parent)
{
    const struct child_order *order = program->order;
    int failure = fcntl(program->failure, F_DUPFD_CLOEXEC, ABOVE_STANDARD);

    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (failure < 0 || getppid() != parent) /* which ended before it was asked for */
        _exit(EXIT_FAILURE);
    default_signals();
    umask(077);
    if (set_limits(order) && arrange_files(program, failure) && chdir(order->folder) == 0)
        execve(order->arguments[0], order->arguments, order->environment);
    child_program_failed(failure, errno);
    _exit(NOT_STARTED);
}
