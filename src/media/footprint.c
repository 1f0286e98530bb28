#include "media/footprint.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct mapping {
    unsigned long start;
    unsigned long end;
    bool constant; /* of a file, and not writable */
};

static void parse_head(const char *line, struct mapping *out)
{
    char permissions[8] = "";
    char path[8] = "";
    int fields =
        sscanf(line, "%lx-%lx %7s %*s %*s %*s %7s", &out->start, &out->end, permissions, path);

    out->constant = fields == 4 && path[0] == '/' && !strchr(permissions, 'w');
}

/* Pages that were written to before they became constant (relocated tables) are the process's own
 * and would be lost: a mapping with any such page stays. */
static void consider(const struct mapping *mapping, unsigned long own_kb)
{
    if (mapping->constant && own_kb == 0)
        madvise((void *)mapping->start, mapping->end - mapping->start, MADV_DONTNEED);
}

void footprint_shrink(void)
{
    FILE *file = fopen("/proc/self/smaps", "re");
    struct mapping mapping = {0};
    char line[512];

    while (file && fgets(line, sizeof line, file)) {
        unsigned long own_kb;

        if (sscanf(line, "Anonymous: %lu kB", &own_kb) == 1)
            consider(&mapping, own_kb);
        else if (strchr(line, '-') && strchr(line, '-') < strchr(line, ' '))
            parse_head(line, &mapping);
    }
    if (file)
        fclose(file);
}
