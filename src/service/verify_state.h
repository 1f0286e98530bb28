/* What the parts of service/verify*.c share. Private to them. Those that give bool fail with the
 * run's ERR; what they find wrong is reported, and no failure. */
#ifndef SERVICE_VERIFY_STATE_H
#define SERVICE_VERIFY_STATE_H

#include "service/verify.h"

#define VERIFY_PAGE 1000 /* rows read at once */

struct verify {
    struct app *app;
    unsigned parts;
    void (*report)(void *context, const struct verify_finding *finding);
    void *context;
    struct verify_totals *totals;
    struct error *err;
    bool failed; /* ERR says why */
};

void verify_found(struct verify *verify, struct verify_finding finding);
/* Whether the object has that SHA-256 (hex). One that is gone has: it went while we walked, or is
 * missed elsewhere. */
bool verify_digest_is(struct verify *verify, struct store *store, const char *key,
                      const char *sha256, bool *out);
/* The files that processing made, against the store: all are there, of their size and, if content
 * is looked at, their bytes. */
bool verify_derived(struct verify *verify, struct store *store);
/* Open sessions, of all stores: the bytes are there that were said to have come. */
bool verify_sessions(struct verify *verify);

#endif
