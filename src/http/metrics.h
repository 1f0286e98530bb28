/* What the server counts. Written by worker threads, readable by anyone at any time without locks.
 */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

/* Upper bounds of the latency histogram, in microseconds; one more bucket holds what is slower. */
#define HTTP_LATENCY_BOUNDS_US                                                                \
    {                                                                                         \
        500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, \
            5000000, 10000000, 60000000                                                       \
    }
#define HTTP_LATENCY_BUCKETS 16

struct http_metrics {
    atomic_uint_fast64_t requests[6]; /* by status / 100; [0]: no answer could be sent */
    atomic_uint_fast64_t bytes_in;    /* of bodies */
    atomic_uint_fast64_t bytes_out;   /* of heads and bodies */
    atomic_uint_fast64_t connections_accepted;
    atomic_uint_fast64_t connections_refused; /* by a limit on their number */
    atomic_uint_fast64_t connections_timed_out;
    atomic_uint_fast64_t heads_refused; /* malformed or too large */
    atomic_uint connections_open;
    atomic_uint requests_active; /* handlers that run */
    atomic_uint bodies_active;   /* bodies that count towards bodies_max */
    atomic_uint answers_active;  /* that may wait for their reader: towards answers_max */
    atomic_uint feeds_open;      /* answers that go on without a worker */
    atomic_uint threads;
    atomic_uint_fast64_t latency[HTTP_LATENCY_BUCKETS]; /* requests, by time from head to end */
    atomic_uint_fast64_t latency_sum_us;
};

#endif
