/* Preloaded, it makes a program's wall clock wrong by CLOCK_SHIFT_S seconds; the monotonic one
 * stays. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*next)(clockid_t, struct timespec *);
static long shift_s;

__attribute__((constructor)) static void begin(void)
{
    const char *shift = getenv("CLOCK_SHIFT_S");

    next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    shift_s = shift ? atol(shift) : 0;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    /* A sandboxed process may read the clock by way of libc alone. */
    int status = next ? next(id, out) : (int)syscall(SYS_clock_gettime, id, out);

    if (status == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        out->tv_sec += shift_s;
    return status;
}

int gettimeofday(struct timeval *out, void *zone)
{
    struct timespec now;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
