/* A store that passes everything to another and makes the nth operation fail: a driver for tests.
 */
#ifndef TESTS_STORE_FAULT_H
#define TESTS_STORE_FAULT_H

#include "store/store.h"

enum fault_when {
    FAULT_BEFORE, /* the operation does not happen */
    FAULT_AFTER,  /* it happens, and its answer is lost */
};

/* Wraps INNER, which stays the caller's and must outlive it. Calm until armed. */
struct store *store_fault_new(struct store *inner);
/* Counting from 0, the operation NTH from now fails with ERR_UNAVAILABLE; then it is calm again. */
void store_fault_arm(struct store *store, int nth, enum fault_when when);
void store_fault_calm(struct store *store);
/* Whether an armed fault has struck. */
bool store_fault_struck(const struct store *store);

#endif
