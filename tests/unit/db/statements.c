/* Every statement of sql/ compiles on a freshly migrated database, with as many parameters as its
 * text was found to have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "db/db.h"
#include "db/sql_set.h"

#define MIGRATED "catalog.db"

/* In a folder of its own, which is the working one until the end. */
static int migrate_fresh(void **state)
{
    char folder[] = "/tmp/db-statements-XXXXXX";
    struct database_options options = {.url = "sqlite:" MIGRATED, .readers = 1, .busy_ms = 1000};
    struct database *database;
    struct error err;
    sqlite3 *handle;

    if (!mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    if (!database_open(&options, &database, &err)) {
        fprintf(stderr, "%s\n", err.log);
        return -1;
    }
    database_free(database);
    if (sqlite3_open(MIGRATED, &handle) != SQLITE_OK)
        return -1;
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL); /* as the driver has it */
    *state = handle;
    return 0;
}

static int remove_it(void **state)
{
    scoped(memory_free) char *folder = getcwd(NULL, 0);

    sqlite3_close(*state);
    unlink(MIGRATED);
    return rmdir(folder);
}

static void every_statement_compiles(void **state)
{
    const struct sql_set *sql = &sql_set_product;
    unsigned broken = 0;

    assert_int_equal(sql->statement_count, SQL_COUNT);
    for (size_t i = 0; i < sql->statement_count; i++) {
        const struct sql_statement *statement = &sql->statements[i];
        sqlite3_stmt *prepared = NULL;
        const char *tail = "";
        int code =
            sqlite3_prepare_v2(*state, statement->text[SQL_ENGINE_SQLITE], -1, &prepared, &tail);
        int parameters = sqlite3_bind_parameter_count(prepared);
        if (code != SQLITE_OK || *tail || (unsigned)parameters != statement->parameters) {
            print_error("%s: %s\n", statement->name,
                        code != SQLITE_OK ? sqlite3_errmsg(*state) : "parameters or a second one");
            broken++;
        }
        sqlite3_finalize(prepared);
    }
    assert_int_equal(broken, 0);
}

static void names_are_known_by_their_numbers(void **state)
{
    (void)state;
    assert_string_equal(sql_set_product.statements[SQL_SCHEMA_MIGRATIONS_LIST].name,
                        "schema_migrations_list");
}

static void foreign_keys_and_indexes_are_sound(void **state)
{
    sqlite3_stmt *check;
    sqlite3 *handle = *state;

    assert_int_equal(sqlite3_prepare_v2(handle, "PRAGMA integrity_check", -1, &check, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
    /* Fails to run at all where a key refers to a column that is not unique. */
    assert_int_equal(sqlite3_exec(handle, "PRAGMA foreign_key_check", NULL, NULL, NULL), SQLITE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_compiles),
        cmocka_unit_test(names_are_known_by_their_numbers),
        cmocka_unit_test(foreign_keys_and_indexes_are_sound),
    };

    return cmocka_run_group_tests_name("statements", tests, migrate_fresh, remove_it);
}
