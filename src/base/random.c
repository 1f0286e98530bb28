#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static void system_fill(const struct random_source *self, void *out, size_t length)
{
    unsigned char *p = out;

    (void)self;
    while (length > 0) {
        ssize_t n = getrandom(p, length, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort();
        p += n;
        length -= (size_t)n;
    }
}

const struct random_source random_system = {.fill = system_fill};
