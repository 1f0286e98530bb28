#include "service/shared_clock.h"

#include "catalog/node.h"

#define ASK_EVERY_US (5 * US_PER_S)

#define ASKED_AT_FIRST 3 /* the first time the statement has to be prepared */

static bool ask(struct app *app, struct db *db, struct error *err)
{
    struct clock_answer answer = {.asked_at_us = clock_boot_us()};

    if (!node_clock(db, &answer.shown_us, err))
        return false;
    answer.answered_at_us = clock_boot_us();
    followed_clock_tell(&app->shared_time, &answer);
    return true;
}

bool shared_clock_start(struct app *app, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    if (!database_is_shared(app->database))
        return true;
    if (!database_read(app->database, &db, err))
        return false;
    for (unsigned i = 0; i < ASKED_AT_FIRST; i++)
        if (!ask(app, db, err))
            return false;
    return true;
}

bool shared_clock_keep(struct app *app, struct db *db, struct error *err)
{
    return !database_is_shared(app->database) ||
           !followed_clock_is_stale(&app->shared_time, ASK_EVERY_US, clock_boot_us()) ||
           ask(app, db, err);
}
