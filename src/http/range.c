#include "http/range.h"

#include <stdio.h>
#include <stdlib.h>

/* One range-spec. False if it is malformed; *OUT has length 0 if it lies outside. */
static bool parse_spec(struct str spec, uint64_t size, struct http_range *out)
{
    const char *dash = memchr(spec.ptr, '-', spec.len);
    struct str first, last;
    uint64_t start, end;

    if (!dash)
        return false;
    first = (struct str){spec.ptr, (size_t)(dash - spec.ptr)};
    last = (struct str){dash + 1, spec.len - first.len - 1};
    if (first.len == 0) { /* the last END bytes */
        if (!str_to_u64(last, UINT64_MAX, &end))
            return false;
        end = end < size ? end : size;
        *out = (struct http_range){size - end, end};
        return true;
    }
    if (!str_to_u64(first, UINT64_MAX, &start))
        return false;
    end = UINT64_MAX;
    if (last.len > 0 && (!str_to_u64(last, UINT64_MAX, &end) || end < start))
        return false;
    if (start >= size)
        *out = (struct http_range){0, 0};
    else
        *out = (struct http_range){start, (end < size ? end + 1 : size) - start};
    return true;
}

static int by_start(const void *a, const void *b)
{
    const struct http_range *left = a, *right = b;

    return (left->start > right->start) - (left->start < right->start);
}

static bool touch(const struct http_range *a, const struct http_range *b)
{
    return a->start <= b->start + b->length && b->start <= a->start + a->length;
}

static bool any_touch(const struct http_range *ranges, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = i + 1; j < count; j++) {
            if (touch(&ranges[i], &ranges[j]))
                return true;
        }
    }
    return false;
}

static unsigned coalesce(struct http_range *ranges, unsigned count)
{
    unsigned kept = 1;

    qsort(ranges, count, sizeof *ranges, by_start);
    for (unsigned i = 1; i < count; i++) {
        struct http_range *last = &ranges[kept - 1];
        uint64_t end = ranges[i].start + ranges[i].length;

        if (!touch(last, &ranges[i]))
            ranges[kept++] = ranges[i];
        else if (end > last->start + last->length)
            last->length = end - last->start;
    }
    return kept;
}

enum range_result range_parse(struct str header, uint64_t size,
                              struct http_range out[static RANGES_MAX], unsigned *count)
{
    struct str unit, spec;
    unsigned found = 0, specs = 0;

    header = str_trim(header);
    if (!str_split(&header, '=', &unit) || !str_equal_nocase(unit, "bytes"))
        return RANGE_IGNORE;
    while (str_split(&header, ',', &spec)) {
        struct http_range range;

        spec = str_trim(spec);
        if (spec.len == 0)
            continue; /* lists may have empty elements: section 5.6.1 */
        if (++specs > RANGES_MAX || !parse_spec(spec, size, &range))
            return RANGE_IGNORE;
        if (range.length > 0)
            out[found++] = range;
    }
    if (specs == 0)
        return RANGE_IGNORE;
    if (found == 0)
        return RANGE_UNSATISFIABLE;
    *count = any_touch(out, found) ? coalesce(out, found) : found;
    return RANGE_PARTS;
}

void content_range_format(struct http_range range, uint64_t size,
                          char out[static CONTENT_RANGE_SIZE])
{
    snprintf(out, CONTENT_RANGE_SIZE, "bytes %ju-%ju/%ju", (uintmax_t)range.start,
             (uintmax_t)(range.start + range.length - 1), (uintmax_t)size);
}

void content_range_unsatisfied(uint64_t size, char out[static CONTENT_RANGE_SIZE])
{
    snprintf(out, CONTENT_RANGE_SIZE, "bytes */%ju", (uintmax_t)size);
}
