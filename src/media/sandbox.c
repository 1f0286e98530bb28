#include "media/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/scoped.h"
#include "media/protocol.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

void sandbox_close_files(void)
{
    int null = open("/dev/null", O_RDWR);

    for (int fd = 0; fd <= (SANITIZED ? STDOUT_FILENO : STDERR_FILENO) && null >= 0; fd++)
        dup2(null, fd);
    close_range(MEDIA_SOCKET_FD + 1, ~0U, 0);
}

/* Address space counts what is mapped already: the libraries' share is added to the limit. */
static uint64_t mapped_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;

    if (file) {
        if (fscanf(file, "%llu", &pages) != 1)
            pages = 0;
        fclose(file);
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool limit(__rlimit_resource_t what, uint64_t value)
{
    struct rlimit both = {.rlim_cur = value, .rlim_max = value};

    return setrlimit(what, &both) == 0;
}

static bool limits(uint64_t memory_bytes, uint64_t cpu_s)
{
    /* The socket and the file at hand: descriptors 0 to 4. */
    return limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) &&
           limit(RLIMIT_NOFILE, MEDIA_SOCKET_FD + 2) && limit(RLIMIT_CPU, cpu_s) &&
           limit(RLIMIT_AS, mapped_bytes() + memory_bytes);
}

/* An empty root besides, where that is allowed; the list of system calls holds without it. */
static void empty_root(void)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL) == 0 &&
        chroot("/proc") == 0 && chdir("/") != 0)
        _exit(1);
}

bool sandbox_leave_namespaces(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) == 0 ||
           unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) == 0;
}

static const int ALLOWED[] = {
    SCMP_SYS(read),          SCMP_SYS(pread64),
    SCMP_SYS(recvmsg),       SCMP_SYS(sendmsg),
    SCMP_SYS(close),         SCMP_SYS(munmap),
    SCMP_SYS(mremap),        SCMP_SYS(madvise),
    SCMP_SYS(brk),           SCMP_SYS(futex),
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),     SCMP_SYS(exit),
    SCMP_SYS(exit_group),    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sigaltstack),   SCMP_SYS(setitimer),
    SCMP_SYS(sched_yield),   SCMP_SYS(restart_syscall),
    SCMP_SYS(sysinfo),       SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getpid),        SCMP_SYS(gettid),
#if SANITIZED
    SCMP_SYS(nanosleep),     SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getrlimit),
#endif
};

/* What a library may ask about without harm: told that it is not there. */
static const int REFUSED[] = {
    SCMP_SYS(ioctl),  SCMP_SYS(prlimit64),  SCMP_SYS(uname),         SCMP_SYS(prctl),
    SCMP_SYS(access), SCMP_SYS(newfstatat), SCMP_SYS(fstat),         SCMP_SYS(readlink),
    SCMP_SYS(fcntl),  SCMP_SYS(statx),      SCMP_SYS(get_mempolicy),
};

static bool add_rules(scmp_filter_ctx filter)
{
    const uint64_t executable = PROT_EXEC;

    for (size_t i = 0; i < COUNT_OF(ALLOWED); i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, ALLOWED[i], 0) != 0)
            return false;
    for (size_t i = 0; i < COUNT_OF(REFUSED); i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), REFUSED[i], 0) != 0)
            return false;
    if (SANITIZED && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                                      SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO)) != 0)
        return false;
    /* Libraries look for files lazily (character sets, the time zone): those are not there. Whoever
     * wants to write is no library. */
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOENT), SCMP_SYS(openat), 1,
                         SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY)) != 0)
        return false;
    /* No memory becomes code. */
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, executable, 0)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, executable, 0)) == 0;
}

static bool filter_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    bool loaded = filter && seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
                  add_rules(filter) && seccomp_load(filter) == 0;

    seccomp_release(filter);
    return loaded;
}

bool sandbox_enter(uint64_t memory_bytes, uint64_t cpu_s, bool is_apart)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return false;
    if (!limits(memory_bytes, cpu_s))
        return false;
    if (is_apart)
        empty_root();
    return filter_calls();
}
