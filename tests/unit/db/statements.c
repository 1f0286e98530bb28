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

#include "base/scoped.h"
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

/* ---- plans ---- */

/* Those that are about a whole table: what only verify asks; the migrations, pauses, webhooks and
 * the cache's figures, which are few. */
static bool may_scan(const char *statement)
{
    static const char *const whole[] = {"cache_audit",
                                        "cache_totals",
                                        "job_pauses",
                                        "quota_audit",
                                        "schema_migrations_exists",
                                        "schema_migrations_last",
                                        "schema_migrations_list",
                                        "upload_store_names",
                                        "delivery_forget_removed",
                                        "webhook_forget",
                                        "webhook_told"};

    for (size_t i = 0; i < COUNT_OF(whole); i++)
        if (strcmp(statement, whole[i]) == 0)
            return true;
    return false;
}

/* Indexes of what is not done, beside which there is much that is. */
static bool is_by_small_index(const char *step)
{
    static const char *const small[] = {
        "INDEX chunked_uploads_open",          "INDEX derived_files_loose",
        "INDEX processing_jobs_due_workspace", "INDEX processing_jobs_failed",
        "INDEX processing_jobs_leased",        "INDEX processing_jobs_waiting",
        "INDEX webhook_deliveries_lane"};

    for (size_t i = 0; i < COUNT_OF(small); i++)
        if (strstr(step, small[i]))
            return true;
    return false;
}

/* Whether a step of a plan walks through a whole table: one of the schema's, and not by an index
 * that holds a small part of it. */
static bool is_scan(sqlite3 *handle, const char *step)
{
    char table[64];

    if (sscanf(step, "SCAN %63s", table) != 1 || is_by_small_index(step))
        return false;
    return sqlite3_table_column_metadata(handle, NULL, table, NULL, NULL, NULL, NULL, NULL, NULL) ==
               SQLITE_OK ||
           strlen(table) <= 2; /* an alias */
}

static void no_statement_walks_through_a_table(void **state)
{
    const struct sql_set *sql = &sql_set_product;
    unsigned scans = 0;

    for (size_t i = 0; i < sql->statement_count; i++) {
        char *text =
            sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql->statements[i].text[SQL_ENGINE_SQLITE]);
        sqlite3_stmt *plan;

        assert_int_equal(sqlite3_prepare_v2(*state, text, -1, &plan, NULL), SQLITE_OK);
        while (sqlite3_step(plan) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(plan, 3);

            if (is_scan(*state, step) && !may_scan(sql->statements[i].name)) {
                print_error("%s: %s\n", sql->statements[i].name, step);
                scans++;
            }
        }
        sqlite3_finalize(plan);
        sqlite3_free(text);
    }
    assert_int_equal(scans, 0);
}

/* How many steps of SQLite's machine the statement takes with NULL for all its parameters but $1,
 * and a second one that is a limit (0: it is none).
 */
static int steps_within(sqlite3 *handle, enum sql_id id, const char *first, int limit)
{
    sqlite3_stmt *statement;
    int steps;

    assert_int_equal(sqlite3_prepare_v2(handle,
                                        sql_set_product.statements[id].text[SQL_ENGINE_SQLITE], -1,
                                        &statement, NULL),
                     SQLITE_OK);
    if (sqlite3_bind_parameter_count(statement) > 0)
        sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
    if (limit > 0)
        sqlite3_bind_int(statement, 2, limit);
    while (sqlite3_step(statement) == SQLITE_ROW)
        ;
    steps = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return steps;
}

static int steps_of(sqlite3 *handle, enum sql_id id, const char *first)
{
    return steps_within(handle, id, first, 0);
}

static void run(sqlite3 *handle, const char *text)
{
    char *why = NULL;

    if (sqlite3_exec(handle, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s", why);
}

/* Sessions that have ended stay for a day or more, to tell how; each upload asks what is open. */
static void ended_sessions_cost_open_ones_nothing(void **state)
{
    static const enum sql_id asked[] = {SQL_QUOTA_READ, SQL_SESSION_FINALS, SQL_SESSION_FIGURES,
                                        SQL_WORKSPACE_DELETE};
    int before[COUNT_OF(asked)];

    run(*state, "SAVEPOINT empty;"
                "INSERT INTO workspaces (id, name, created_at) VALUES ('w', 'w', 1);"
                "INSERT INTO users (id, workspace_id, name, created_at) VALUES ('u', 'w', 'u', 1);"
                "INSERT INTO storage_quotas (workspace_id, updated_at) VALUES ('w', 1);");
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        before[i] = steps_of(*state, asked[i], "w");
    run(*state, "UPDATE workspaces SET deleted_at = NULL;"
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
                "INSERT INTO chunked_uploads (id, workspace_id, user_id, upload_id, kind, status,"
                " filename, reserved_bytes, storage_name, storage_path, created_at, expires_at) "
                "SELECT i, 'w', 'u', i, 'tus', 'completed', 'f', 0, 'main', i, 1, 2 FROM n;");
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        assert_in_range(steps_of(*state, asked[i], "w"), 1, before[i] + 20);
    run(*state, "ROLLBACK TO empty; RELEASE empty;");
}

/* What a workspace stores is asked for at each look at a page, and does not grow with it. */
static void usage_costs_the_same_however_much_there_is(void **state)
{
    static const enum sql_id asked[] = {SQL_USAGE_OF_WORKSPACE, SQL_USAGE_LIST};
    int before[COUNT_OF(asked)];

    run(*state, "SAVEPOINT empty;"
                "INSERT INTO workspaces (id, name, created_at) VALUES ('w', 'w', 1);"
                "INSERT INTO users (id, workspace_id, name, created_at) VALUES ('u', 'w', 'u', 1);"
                "INSERT INTO storage_quotas (workspace_id, updated_at) VALUES ('w', 1);");
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        before[i] = steps_within(*state, asked[i], i == 0 ? "w" : "", i == 0 ? 0 : 100);
    run(*state,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        "INSERT INTO audio_uploads (id, workspace_id, user_id, original_filename, file_size,"
        " file_type, mime_type, storage_provider, storage_name, storage_path, checksum_md5,"
        " checksum_sha256, original_size, uploaded_at, updated_at) "
        "SELECT i, 'w', 'u', 'f', 1, 'wav', 'audio/wav', 'local', 'main', i, '', i, 1, i, i FROM n;"
        "UPDATE storage_quotas SET current_file_count = 1000, current_storage_bytes = 1000;");
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        assert_in_range(steps_within(*state, asked[i], i == 0 ? "w" : "", i == 0 ? 0 : 100), 1,
                        before[i] + 50);
    run(*state, "ROLLBACK TO empty; RELEASE empty;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_compiles),
        cmocka_unit_test(names_are_known_by_their_numbers),
        cmocka_unit_test(foreign_keys_and_indexes_are_sound),
        cmocka_unit_test(no_statement_walks_through_a_table),
        cmocka_unit_test(ended_sessions_cost_open_ones_nothing),
        cmocka_unit_test(usage_costs_the_same_however_much_there_is),
    };

    return cmocka_run_group_tests_name("statements", tests, migrate_fresh, remove_it);
}
