#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/text.h"

#define BAR_MIN 10
#define BAR_MAX 40
#define LONGEST_LEFT_S (100 * 3600)

void progress_note(struct progress *progress, int64_t at_us, uint64_t bytes_done)
{
    if (progress->count > 0)
        progress->newest = (progress->newest + 1) % PROGRESS_SAMPLES;
    if (progress->count < PROGRESS_SAMPLES)
        progress->count++;
    progress->samples[progress->newest].at_us = at_us;
    progress->samples[progress->newest].bytes = bytes_done;
}

static uint64_t shifted(uint64_t count, int64_t by)
{
    return by < 0 && (uint64_t)-by > count ? 0 : count + (uint64_t)by;
}

void progress_shift(struct progress *progress, int64_t bytes)
{
    for (unsigned i = 0; i < PROGRESS_SAMPLES; i++)
        progress->samples[i].bytes = shifted(progress->samples[i].bytes, bytes);
}

uint64_t progress_rate(const struct progress *progress)
{
    unsigned newest = progress->newest, oldest;
    int64_t span_us;
    uint64_t bytes;

    if (progress->count < 2)
        return 0;
    oldest = (newest + PROGRESS_SAMPLES + 1 - progress->count) % PROGRESS_SAMPLES;
    span_us = progress->samples[newest].at_us - progress->samples[oldest].at_us;
    if (span_us <= 0 || progress->samples[newest].bytes < progress->samples[oldest].bytes)
        return 0;
    bytes = progress->samples[newest].bytes - progress->samples[oldest].bytes;
    return (uint64_t)((double)bytes * (double)US_PER_S / (double)span_us);
}

bool progress_left_s(const struct progress *progress, uint64_t done, uint64_t total,
                     uint64_t *out_s)
{
    uint64_t rate = progress_rate(progress), left;

    if (rate == 0 || total < done)
        return false;
    left = (total - done + rate - 1) / rate;
    if (left > LONGEST_LEFT_S)
        return false;
    *out_s = left;
    return true;
}

static bool is_checking(const struct progress_state *state)
{
    return state->bytes_done == 0 && state->bytes_checked > 0;
}

/* "51%  1.2 GiB of 2.4 GiB", or only what was done where the total is not known. */
static void describe_bytes(const struct progress_state *state, char *out, size_t size)
{
    char done[32], total[32];

    if (is_checking(state)) {
        str_format_bytes(state->bytes_checked, done);
        str_format_bytes(state->bytes_total, total);
        snprintf(out, size, "checking: %s of %s", done, total);
        return;
    }
    str_format_bytes(state->bytes_done, done);
    if (state->bytes_total == 0) {
        snprintf(out, size, "%s", done);
        return;
    }
    str_format_bytes(state->bytes_total, total);
    snprintf(out, size, "%3u%%  %s of %s",
             (unsigned)((double)state->bytes_done * 100 / (double)state->bytes_total), done, total);
}

static void describe_rate(const struct progress *progress, const struct progress_state *state,
                          char *out, size_t size)
{
    char rate[32], left[TEXT_DURATION_SIZE];
    uint64_t left_s;

    str_format_bytes(progress_rate(progress), rate);
    if (progress_rate(progress) == 0)
        snprintf(out, size, "%s", "");
    else if (progress_left_s(progress, state->bytes_done, state->bytes_total, &left_s)) {
        text_duration((double)left_s, left);
        snprintf(out, size, "  %s/s  %s left", rate, left);
    } else {
        snprintf(out, size, "  %s/s", rate);
    }
}

static void draw_bar(const struct progress_state *state, size_t room, char *out)
{
    size_t inside = (room > BAR_MAX ? BAR_MAX : room) - 2;
    double share = (double)state->bytes_done / (double)state->bytes_total;
    size_t full = (size_t)((share > 1 ? 1 : share) * (double)inside);

    *out++ = '[';
    memset(out, '#', full);
    memset(out + full, '.', inside - full);
    strcpy(out + inside, "]  ");
}

void progress_line(const struct progress *progress, const struct progress_state *state,
                   size_t width, char *out, size_t size)
{
    char files[48] = "", bytes[96], rate[96], bar[BAR_MAX + 4] = "";
    size_t used;

    if (state->files_total > 1)
        snprintf(files, sizeof files, "%u/%u files  ", state->files_done, state->files_total);
    describe_bytes(state, bytes, sizeof bytes);
    describe_rate(progress, state, rate, sizeof rate);
    used = strlen(files) + strlen(bytes) + strlen(rate);
    if (state->bytes_total > 0 && !is_checking(state) && used + BAR_MIN + 2 <= width)
        draw_bar(state, width - used - 2, bar);
    snprintf(out, size, "%s%s%s%s", files, bar, bytes, rate);
    if (strlen(out) > width)
        out[width] = '\0'; /* all of it is ASCII */
}
