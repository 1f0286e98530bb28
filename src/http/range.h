/* The Range header and what answers it (RFC 9110 section 14). Pure functions. */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct http_range {
    uint64_t start;
    uint64_t length; /* bytes, > 0 */
};

enum range_result {
    RANGE_IGNORE,       /* another unit, malformed, or not worth it: send everything */
    RANGE_PARTS,        /* send these */
    RANGE_UNSATISFIABLE /* 416 */
};

#define RANGES_MAX 32

/*
 * Reads the value of Range against a representation of SIZE bytes. OUT gets the ranges in the order
 * asked for, cut to SIZE; those that lie outside are dropped. Ranges that overlap or touch make the
 * request suspect (section 14.2): they are coalesced, in the order of their start. More than
 * RANGES_MAX, or together more than SIZE bytes, is RANGE_IGNORE.
 */
enum range_result range_parse(struct str header, uint64_t size,
                              struct http_range out[static RANGES_MAX], unsigned *count);

#define CONTENT_RANGE_SIZE 80
/* "bytes 0-499/1234" */
void content_range_format(struct http_range range, uint64_t size,
                          char out[static CONTENT_RANGE_SIZE]);
/* "bytes * / 1234", without the blanks: for 416. */
void content_range_unsatisfied(uint64_t size, char out[static CONTENT_RANGE_SIZE]);

#endif
