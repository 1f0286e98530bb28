/*
 * Proof that all adds up (DESIGN section 7, points 2 and 4): usage equals the sum of the rows, and
 * live + shared + staged + trash + garbage equals the bytes in the stores, both ways.
 *
 * May run beside a server: what looks wrong is looked at again before it is reported.
 */
#ifndef SERVICE_VERIFY_H
#define SERVICE_VERIFY_H

#include "service/app.h"

enum verify_parts {
    VERIFY_QUOTA = 1,  /* figures of usage, the cache's as well, against the rows */
    VERIFY_STORES = 2, /* objects against the catalog, both ways */
    VERIFY_CONTENT = 4 /* reads every object again and compares its SHA-256 */
};

enum verify_problem {
    VERIFY_MISSING,    /* a record whose object is not there, or whose store is not configured; or a
                        * session without what has come */
    VERIFY_WRONG_SIZE, /* an object of another size than its record says */
    VERIFY_WRONG_BYTES, /* an object whose digest differs */
    VERIFY_UNEXPLAINED, /* an object or a stage that nothing in the catalog explains */
    VERIFY_USAGE        /* a workspace whose figures are not the sum of its rows */
};

struct verify_finding {
    enum verify_problem problem;
    const char *store; /* NULL for VERIFY_USAGE */
    const char *key;   /* of the object or stage; the workspace's id for VERIFY_USAGE */
    uint64_t expected;
    uint64_t found;
};

struct verify_totals {
    uint64_t objects;
    uint64_t live_bytes;    /* objects with one record, which is live */
    uint64_t shared_bytes;  /* objects with several records, of which one at least is live */
    uint64_t trash_bytes;   /* objects all of whose records are in the trash */
    uint64_t garbage_bytes; /* objects on the garbage list */
    uint64_t derived_bytes; /* what processing made: chunks, waveforms */
    uint64_t staged_bytes;  /* stages of open sessions, and objects they have published already */
    uint64_t stored_bytes; /* all objects and stages found; the sum of those above if all is well */
    uint64_t saved_bytes;  /* what sharing saves: charged bytes less stored ones */
    uint64_t workspaces;
    uint64_t problems;
};

/* Checks PARTS. REPORT is called for each finding, whose strings live until it returns. False only
 * if the check itself could not be done. */
bool verify_run(struct app *app, unsigned parts,
                void (*report)(void *context, const struct verify_finding *finding), void *context,
                struct verify_totals *totals, struct error *err);

const char *verify_problem_name(enum verify_problem problem);

#endif
