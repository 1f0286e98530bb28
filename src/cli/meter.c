#include "cli/meter.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>

#include "base/clock.h"
#include "cli/progress.h"
#include "cli/table.h"

#define REDRAW_US (200 * 1000)
#define SAMPLE_US (500 * 1000)

struct meter {
    pthread_mutex_t lock; /* guards all below; output happens under it, so that lines stay whole */
    struct progress progress;
    struct progress_state state;
    bool is_terminal;
    bool drawn; /* the cursor stands behind a progress line */
    int64_t drawn_us;
    int64_t sampled_us;
};

struct meter *meter_new(unsigned files_total, uint64_t bytes_total)
{
    struct meter *meter = calloc(1, sizeof *meter);

    if (!meter)
        abort();
    pthread_mutex_init(&meter->lock, NULL);
    meter->state = (struct progress_state){.files_total = files_total, .bytes_total = bytes_total};
    meter->is_terminal = table_terminal_width(stderr) > 0;
    return meter;
}

/* The functions below want the lock held. */

static void clear_line(struct meter *meter)
{
    if (meter->drawn)
        fputs("\r\033[K", stderr);
    meter->drawn = false;
}

static void draw_line(struct meter *meter, int64_t now_us)
{
    size_t width = table_terminal_width(stderr);
    char line[512];

    if (!meter->is_terminal || width < 20)
        return;
    progress_line(&meter->progress, &meter->state, width - 1, line, sizeof line);
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    meter->drawn = true;
    meter->drawn_us = now_us;
}

static void advance(struct meter *meter)
{
    int64_t now_us = clock_monotonic_us();

    if (now_us - meter->sampled_us >= SAMPLE_US) {
        progress_note(&meter->progress, now_us, meter->state.bytes_done);
        meter->sampled_us = now_us;
    }
    if (now_us - meter->drawn_us >= REDRAW_US)
        draw_line(meter, now_us);
}

void meter_free(struct meter *meter)
{
    if (!meter)
        return;
    clear_line(meter);
    pthread_mutex_destroy(&meter->lock);
    free(meter);
}

static void add_done(struct meter *meter, int64_t bytes)
{
    if (bytes < 0 && (uint64_t)-bytes > meter->state.bytes_done)
        meter->state.bytes_done = 0;
    else
        meter->state.bytes_done += (uint64_t)bytes;
}

void meter_add(struct meter *meter, int64_t bytes)
{
    pthread_mutex_lock(&meter->lock);
    add_done(meter, bytes);
    advance(meter);
    pthread_mutex_unlock(&meter->lock);
}

void meter_resume(struct meter *meter, int64_t bytes)
{
    pthread_mutex_lock(&meter->lock);
    add_done(meter, bytes);
    progress_shift(&meter->progress, bytes);
    advance(meter);
    pthread_mutex_unlock(&meter->lock);
}

void meter_check(struct meter *meter, uint64_t bytes)
{
    pthread_mutex_lock(&meter->lock);
    meter->state.bytes_checked += bytes;
    advance(meter);
    pthread_mutex_unlock(&meter->lock);
}

void meter_shrink(struct meter *meter, uint64_t bytes)
{
    pthread_mutex_lock(&meter->lock);
    meter->state.bytes_total -= bytes < meter->state.bytes_total ? bytes : meter->state.bytes_total;
    pthread_mutex_unlock(&meter->lock);
}

void meter_file_done(struct meter *meter)
{
    pthread_mutex_lock(&meter->lock);
    meter->state.files_done++;
    advance(meter);
    pthread_mutex_unlock(&meter->lock);
}

void meter_say(struct meter *meter, FILE *out, const char *fmt, ...)
{
    va_list args;
    bool was_drawn;

    pthread_mutex_lock(&meter->lock);
    was_drawn = meter->drawn;
    clear_line(meter);
    va_start(args, fmt);
    vfprintf(out, fmt, args);
    va_end(args);
    fputc('\n', out);
    if (was_drawn) {
        fflush(out);
        draw_line(meter, clock_monotonic_us());
    }
    pthread_mutex_unlock(&meter->lock);
}
