/*
 * Makes each flush of the process take FLUSH_MS milliseconds longer, as one does on a disk that has
 * to write before it answers, or across a network. Preloaded into ours and into nginx alike.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct timespec longer;

/* At once: nginx clears its workers' environment. */
__attribute__((constructor)) static void read_wish(void)
{
    const char *text = getenv("FLUSH_MS");

    longer.tv_nsec = (text ? atol(text) : 0) * 1000000;
}

static int flush(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

    nanosleep(&longer, NULL);
    return real(fd);
}

int fsync(int fd)
{
    return flush("fsync", fd);
}

int fdatasync(int fd)
{
    return flush("fdatasync", fd);
}
