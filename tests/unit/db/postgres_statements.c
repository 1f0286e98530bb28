/* Every statement of sql/ compiles on a freshly migrated PostgreSQL database, and none needs to
 * walk through a whole table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/scoped.h"
#include "db/db.h"
#include "db/sql_set.h"

static int migrate_fresh(void **state)
{
    struct database_options options = {.url = getenv("TEST_POSTGRES_URL"), .busy_ms = 20000};
    struct database *database;
    struct error err;

    if (!database_open(&options, &database, &err)) {
        fprintf(stderr, "%s\n", err.log);
        return -1;
    }
    database_free(database);
    PGconn *connection = PQconnectdb(options.url);
    *state = connection;
    return PQstatus(connection) == CONNECTION_OK ? 0 : -1;
}

static int disconnect(void **state)
{
    PQfinish(*state);
    return 0;
}

static bool is_good(PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static void every_statement_compiles(void **state)
{
    const struct sql_set *sql = &sql_set_product;
    unsigned broken = 0;

    for (size_t i = 0; i < sql->statement_count; i++) {
        const struct sql_statement *statement = &sql->statements[i];
        PGresult *prepared =
            PQprepare(*state, statement->name, statement->text[SQL_ENGINE_POSTGRES], 0, NULL);
        PGresult *described = PQdescribePrepared(*state, statement->name);
        if (!is_good(prepared) || (unsigned)PQnparams(described) != statement->parameters) {
            print_error("%s: %s\n", statement->name,
                        is_good(prepared) ? "parameters" : PQresultErrorMessage(prepared));
            broken++;
        }
        PQclear(prepared);
        PQclear(described);
    }
    assert_int_equal(broken, 0);
}

/* ---- plans ---- */

/* Those that are about a whole table: what only verify asks; the migrations, pauses, webhooks and
 * the cache's figures, which are few. */
static bool may_scan(const char *statement)
{
    static const char *const whole[] = {
        "cache_audit",    "cache_totals", "delivery_forget_removed", "job_figures",
        "job_pauses",     "quota_audit",  "schema_migrations_last",  "schema_migrations_list",
        "webhook_forget", "webhook_told"};

    for (size_t i = 0; i < COUNT_OF(whole); i++)
        if (strcmp(statement, whole[i]) == 0)
            return true;
    return false;
}

static bool is_explained(const struct sql_statement *statement)
{
    const char *text = statement->text[SQL_ENGINE_POSTGRES];

    return strncmp(text, "CREATE", strlen("CREATE")) != 0;
}

/* The plan for any parameters, as the server keeps it for a prepared statement. */
static PGresult *plan_of(PGconn *connection, const struct sql_statement *statement)
{
    char text[1024];
    int length = snprintf(text, sizeof text, "EXPLAIN EXECUTE %s", statement->name);

    for (unsigned i = 0; i < statement->parameters; i++)
        length +=
            snprintf(text + length, sizeof text - (size_t)length, "%sNULL", i == 0 ? "(" : ", ");
    if (statement->parameters > 0)
        snprintf(text + length, sizeof text - (size_t)length, ")");
    return PQexec(connection, text);
}

static unsigned scans_of(PGresult *plan, const char *name)
{
    unsigned scans = 0;

    for (int row = 0; row < PQntuples(plan); row++)
        if (strstr(PQgetvalue(plan, row, 0), "Seq Scan")) {
            print_error("%s: %s\n", name, PQgetvalue(plan, row, 0));
            scans++;
        }
    return scans;
}

/* Tables are empty here: where there is a way by an index, it is taken only because scans are dear.
 */
static void no_statement_walks_through_a_table(void **state)
{
    const struct sql_set *sql = &sql_set_product;
    unsigned scans = 0;

    PQclear(PQexec(*state, "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off"));
    for (size_t i = 0; i < sql->statement_count; i++) {
        if (!is_explained(&sql->statements[i]) || may_scan(sql->statements[i].name))
            continue;
        PGresult *plan = plan_of(*state, &sql->statements[i]);
        if (!is_good(plan))
            fail_msg("%s: %s", sql->statements[i].name, PQresultErrorMessage(plan));
        scans += scans_of(plan, sql->statements[i].name);
        PQclear(plan);
    }
    assert_int_equal(scans, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_compiles),
        cmocka_unit_test(no_statement_walks_through_a_table), /* of those prepared above */
    };

    return cmocka_run_group_tests_name("postgresql statements", tests, migrate_fresh, disconnect);
}
