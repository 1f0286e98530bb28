/*
 * How far many transfers have come: the arithmetic of rate and time left, and the line that shows
 * it.
 *
 * Pure: times are given, nothing is printed. upload.c and get.c own the terminal.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_SAMPLES 16

struct progress {
    struct {
        int64_t at_us;
        uint64_t bytes;
    } samples[PROGRESS_SAMPLES]; /* a ring: the rate is that of the last few seconds */
    unsigned count;
    unsigned newest;
};

/* What is to be shown. */
struct progress_state {
    uint64_t bytes_done;
    uint64_t bytes_total;   /* 0: unknown */
    uint64_t bytes_checked; /* read for their digest, before any are transferred */
    unsigned files_done;
    unsigned files_total;
};

/* Notes how many bytes had been done at AT_US (monotonic); called every few hundred milliseconds.
 */
void progress_note(struct progress *progress, int64_t at_us, uint64_t bytes_done);
/* BYTES more (fewer, if negative) are there without having been transferred: that is no speed. */
void progress_shift(struct progress *progress, int64_t bytes);
/* Bytes a second over the samples held; 0 while there is nothing to tell. Never negative: a
 * transfer that begins again makes BYTES_DONE smaller. */
uint64_t progress_rate(const struct progress *progress);
/* Seconds until TOTAL is reached at this rate. False if that cannot be told. */
bool progress_left_s(const struct progress *progress, uint64_t done, uint64_t total,
                     uint64_t *out_s);

/* One line of at most WIDTH columns (at least 20) without a line break:
 *   "12/40 files  [######......]  51%  1.2 GiB of 2.4 GiB  85 MiB/s  0:14 left"
 * or, as long as nothing is transferred, "12/40 files  checking: 1.2 GiB of 2.4 GiB".
 * The bar takes what is left over; narrow terminals get less. OUT holds SIZE bytes. */
void progress_line(const struct progress *progress, const struct progress_state *state,
                   size_t width, char *out, size_t size);

#endif
