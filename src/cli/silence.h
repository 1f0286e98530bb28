/* Notices that nothing moves on a connection any more. Pure: values in, values out. */
#ifndef CLI_SILENCE_H
#define CLI_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

/* So long may nothing move while bytes are under way, unless the user says otherwise. */
#define SILENCE_S 60
/* So many times that may pass before the answer to what gives the server work to do. */
#define SILENCE_WORKING_FACTOR 5

/* Begins as zeros. */
struct silence {
    uint64_t bytes;
    int64_t since_us, asked_us; /* of clock_monotonic_us */
};

/*
 * Whether BYTES, all that has moved so far, is what it was LIMIT_S ago. To be asked every second or
 * so: a longer pause means that this process did not run, and nothing about the connection.
 */
bool silence_lasts(struct silence *silence, uint64_t bytes, unsigned limit_s, int64_t now_us);

#endif
