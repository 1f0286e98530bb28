/*
 * One time for all processes that share a database: the database's, which each follows
 * (base/followed_clock.h), so that nodes whose own clocks differ agree on when a lease has run out.
 * Where the database is a file there is one machine, and its clock is the time.
 *
 * They agree to within half of the quickest answer that each has had.
 */
#ifndef SERVICE_SHARED_CLOCK_H
#define SERVICE_SHARED_CLOCK_H

#include "service/app.h"

/* At first, when the database has been opened: from then on app_now_us is its time. */
bool shared_clock_start(struct app *app, struct error *err);
/* Asks the database for the time, by DB, unless that was done a few seconds ago. */
bool shared_clock_keep(struct app *app, struct db *db, struct error *err);

#endif
