/*
 * The progress line at the bottom of the terminal, and whole lines above it. Safe from any thread;
 * without a terminal on standard error there is no progress line, and lines are just printed.
 */
#ifndef CLI_METER_H
#define CLI_METER_H

#include <stdint.h>
#include <stdio.h>

#include "base/scoped.h"

struct meter;

struct meter *meter_new(unsigned files_total, uint64_t bytes_total);
/* Clears the line. */
void meter_free(struct meter *meter);
DEFINE_RELEASE(meter, struct meter)

/* BYTES more have been transferred; fewer, when a transfer begins again. */
void meter_add(struct meter *meter, int64_t bytes);
/* BYTES are there from an earlier run, or have turned out not to be; neither tells of the rate. */
void meter_resume(struct meter *meter, int64_t bytes);
/* BYTES more have been read for their digest. */
void meter_check(struct meter *meter, uint64_t bytes);
/* There is less to do than was thought: a file that need not be sent. */
void meter_shrink(struct meter *meter, uint64_t bytes);
void meter_file_done(struct meter *meter);
/* Prints a line, with its line break, on standard output or standard error. */
__attribute__((format(printf, 3, 4))) void meter_say(struct meter *meter, FILE *out,
                                                     const char *fmt, ...);

#endif
