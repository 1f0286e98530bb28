/* Whether bytes move fast enough. Only time spent waiting for the other side counts. Pure. */
#ifndef HTTP_PACE_H
#define HTTP_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pace {
    uint64_t min_rate; /* bytes per second; 0: any, but something must move in each window */
    int64_t window_us; /* 0: no limit at all */
    int64_t grace_us;  /* of waiting, before anything is demanded */
    int64_t waited_us; /* in all */
    int64_t in_window_us;
    uint64_t in_window_bytes;
};

/* Counts BYTES for which WAITED_US were spent; false once a window was too slow. */
bool pace_add(struct pace *pace, size_t bytes, int64_t waited_us);

#endif
