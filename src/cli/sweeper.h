/* The thread that clears away, while the server runs, what crashes and expiries have left. */
#ifndef CLI_SWEEPER_H
#define CLI_SWEEPER_H

#include "service/app.h"

struct sweeper;

/* Sweeps once before it returns, so that nothing of an earlier run is left when serving begins;
 * then every minute in a thread of its own. A sweep that fails is logged and tried again. Fails
 * only if there can be no thread (ERR_UNAVAILABLE). */
bool sweeper_start(struct app *app, struct sweeper **out, struct error *err);
/* Waits for a running sweep to end. */
void sweeper_free(struct sweeper *sweeper);
DEFINE_RELEASE(sweeper, struct sweeper)

#endif
