/*
 * Moving all that a catalog holds from SQLite to PostgreSQL: each table in pages, what is done
 * being noted in the same transaction; then both are read whole and compared; then the target is
 * opened for use. Knows no table: all are found in the schema, which is the same in both.
 *
 * While it is under way the target has one migration more than the program, so that no server takes
 * it for a catalog.
 */
#ifndef DB_TRANSFER_H
#define DB_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum transfer_stage { TRANSFER_COPYING, TRANSFER_COMPARING, TRANSFER_DONE };

struct transfer_progress {
    enum transfer_stage stage; /* of the table; DONE: the two are the same */
    const char *table;
    uint64_t rows, total;
    uint64_t checksum; /* of all rows, once DONE */
};

struct transfer {
    const char *from; /* URLs */
    const char *to;
    /* Called now and then, and once for each table when it is done. */
    void (*report)(void *context, const struct transfer_progress *progress);
    void *context;
};

/*
 * Nobody writes to the source meanwhile: that is the caller's to see to. A transfer that broke off
 * goes on where it was.
 *
 * Fails with ERR_CONFLICT if the target holds a catalog already, or something else than the source
 * in the end; ERR_INVALID if either has another schema than this program's; ERR_NOT_FOUND without a
 * source; ERR_UNAVAILABLE.
 */
bool transfer_run(const struct transfer *transfer, struct error *err);

#endif
