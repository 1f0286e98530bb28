#include "http/pace.h"

static bool fast_enough(const struct pace *pace)
{
    uint64_t least = pace->min_rate * (uint64_t)pace->in_window_us / 1000000;

    return pace->in_window_bytes >= (least > 0 ? least : 1);
}

bool pace_add(struct pace *pace, size_t bytes, int64_t waited_us)
{
    bool good;

    if (pace->window_us == 0)
        return true;
    pace->waited_us += waited_us;
    pace->in_window_us += waited_us;
    pace->in_window_bytes += bytes;
    if (pace->in_window_us < pace->window_us)
        return true;
    good = pace->waited_us < pace->grace_us || fast_enough(pace);
    pace->in_window_us = 0;
    pace->in_window_bytes = 0;
    return good;
}
