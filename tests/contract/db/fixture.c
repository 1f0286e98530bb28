#include "fixture.h"

#include <dirent.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- PostgreSQL: a database for each test ---- */

static const char *server_url(void)
{
    return getenv("TEST_POSTGRES_URL");
}

bool db_fixture_is_postgres(void)
{
    return server_url() != NULL;
}

bool db_fixture_on_server(const char *statement)
{
    PGconn *connection = PQconnectdb(server_url());
    PGresult *result = PQexec(connection, statement);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fprintf(stderr, "%s: %s\n", statement, PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static int make_database(struct db_fixture *f)
{
    static unsigned made;
    char statement[96];

    snprintf(f->name, sizeof f->name, "contract_%d_%u", (int)getpid(), made++);
    snprintf(f->url, sizeof f->url, "%.*s/%s", (int)(strrchr(server_url(), '/') - server_url()),
             server_url(), f->name);
    snprintf(statement, sizeof statement, "CREATE DATABASE %s TEMPLATE template0", f->name);
    return db_fixture_on_server(statement) ? 0 : -1;
}

static void remove_database(const struct db_fixture *f)
{
    char statement[96];

    snprintf(statement, sizeof statement, "DROP DATABASE %s WITH (FORCE)", f->name);
    db_fixture_on_server(statement);
}

/* ---- SQLite: a file for each test ---- */

static int make_folder(struct db_fixture *f)
{
    snprintf(f->folder, sizeof f->folder, "/tmp/db-contract-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/catalog.db", f->folder);
    snprintf(f->url, sizeof f->url, "sqlite:%s", f->path);
    return 0;
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);

    for (struct dirent *entry; dir && (entry = readdir(dir));)
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(path);
}

/* ---- either ---- */

int db_fixture_up_closed(void **state)
{
    struct db_fixture *f = calloc(1, sizeof *f);

    if (!f || (server_url() ? make_database(f) : make_folder(f)) != 0)
        return -1;
    f->options = (struct database_options){.url = f->url, .readers = 2, .busy_ms = 200};
    f->mem = arena_new();
    *state = f;
    return 0;
}

int db_fixture_up(void **state)
{
    if (db_fixture_up_closed(state) != 0)
        return -1;
    db_fixture_open(*state);
    return 0;
}

int db_fixture_down(void **state)
{
    struct db_fixture *f = *state;

    database_free(f->database);
    arena_free(f->mem);
    if (server_url())
        remove_database(f);
    else
        remove_folder(f->folder);
    free(f);
    return 0;
}

void db_fixture_open(struct db_fixture *f)
{
    struct error err;

    check_ok(database_open_set(&f->options, &sql_set_shelf, DATABASE_CREATE, &f->database, &err));
}

void db_fixture_close(struct db_fixture *f)
{
    database_free(take(f->database));
}

static int64_t number_of(struct db_fixture *f, enum sql_id id, const struct db_value *args,
                         size_t count)
{
    scoped(db_release) struct db *db = NULL;
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct error err;

    check_ok(database_read(f->database, &db, &err));
    check_ok(db_query(db, id, args, count, &rows, &err));
    if (!db_next(rows)) {
        check_ok(db_rows_ok(rows, &err));
        return 0;
    }
    return db_column_int(rows, 0);
}

int64_t db_fixture_number(struct db_fixture *f, enum sql_id id)
{
    return number_of(f, id, DB_NO_ARGS);
}

int64_t db_fixture_tally(struct db_fixture *f, const char *name)
{
    return number_of(f, SQL_TALLY_OF, DB_ARGS(db_text(name)));
}

bool shelf_add_work(struct db *tx, void *context, struct error *err)
{
    struct shelf_work *work = context;
    uint64_t added;

    work->runs++;
    if (!db_execute(tx, SQL_SHELF_ADD, DB_ARGS(db_int(work->id), db_text(work->label)),
                    work->at_once ? &added : NULL, err))
        return false;
    if (work->fail_after)
        return error_set(err, ERR_CONFLICT, "the work changed its mind");
    return true;
}

bool tally_work(struct db *tx, void *context, struct error *err)
{
    const char *name = context;

    return db_execute(tx, SQL_TALLY_ADD, DB_ARGS(db_text(name), db_int(1)), NULL, err);
}
