/*
 * A database of the test's own, with the statements and migrations of sql/ beside this file. sql.h
 * here is generated from those and hides the product's. It is SQLite's, or, where the environment
 * has TEST_POSTGRES_URL (tests/lib/postgres.py), one on that server.
 */
#ifndef TESTS_CONTRACT_DB_FIXTURE_H
#define TESTS_CONTRACT_DB_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check.h"
#include "db/driver.h"

extern const struct sql_set sql_set_shelf;

struct db_fixture {
    char folder[64]; /* SQLite's */
    char path[96];   /* SQLite's: of the file */
    char name[48];   /* PostgreSQL's */
    char url[160];
    struct database_options options;
    struct database *database;
    struct arena *mem;
};

/* cmocka's set-up and tear-down: *STATE is a struct db_fixture, its database open. */
int db_fixture_up(void **state);
int db_fixture_down(void **state);
/* The same with no database opened yet. */
int db_fixture_up_closed(void **state);

bool db_fixture_is_postgres(void);
/* Runs a statement on the server, outside of any test's database. */
bool db_fixture_on_server(const char *statement);

void db_fixture_open(struct db_fixture *f);
void db_fixture_close(struct db_fixture *f);

/* What one statement without parameters, or tally_of NAME, answers with; through a reader. */
int64_t db_fixture_number(struct db_fixture *f, enum sql_id id);
int64_t db_fixture_tally(struct db_fixture *f, const char *name);

/* Works: the context says what to do. */
struct shelf_work {
    int64_t id;
    const char *label;
    bool at_once;    /* waits until it is added, or cannot be */
    bool fail_after; /* adds the shelf, then fails with ERR_CONFLICT */
    unsigned runs;   /* how often it was called */
};
bool shelf_add_work(struct db *tx, void *context, struct error *err);
/* Adds one to the tally that CONTEXT names. */
bool tally_work(struct db *tx, void *context, struct error *err);

#endif
