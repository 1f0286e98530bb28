/* Statements on a PostgreSQL connection: values in, rows out. All rows of an answer are in memory,
 * so that a connection is free for the next statement while they are read: answers are pages. */
#include <assert.h>
#include <string.h>

#include "db/postgres.h"

struct postgres_rows {
    struct db_rows base;
    PGresult *result;
    int row;           /* -1 before the first */
    struct arena *mem; /* of texts made from values; NULL until needed */
};

static struct postgres_db *postgres_of(struct db *db)
{
    return container_of(db, struct postgres_db, base);
}

static bool run(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                PGresult **out, struct error *err)
{
    struct postgres_parameters parameters;

    postgres_encode(args, count, &parameters);
    return postgres_statement(postgres_of(db), id, &parameters, out, err);
}

static bool run_later(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                      const struct db_refusal *otherwise, struct error *err)
{
    struct postgres_parameters parameters;

    postgres_encode(args, count, &parameters);
    return postgres_later_statement(postgres_of(db), id, &parameters, otherwise, err);
}

bool postgres_query(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                    struct db_rows **out, struct error *err)
{
    PGresult *result;

    if (!run(db, id, args, count, &result, err))
        return false;
    struct postgres_rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        abort();
    rows->base.columns = PQnfields(result);
    rows->base.statement = id;
    rows->result = result;
    rows->row = -1;
    *out = &rows->base;
    return true;
}

bool postgres_execute(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                      uint64_t *changed, struct error *err)
{
    PGresult *result;

    if (!changed && postgres_of(db)->pipelined)
        return run_later(db, id, args, count, NULL, err);
    if (!run(db, id, args, count, &result, err))
        return false;
    bool reads = strncmp(PQcmdStatus(result), "SELECT", strlen("SELECT")) == 0;
    if (changed)
        *changed =
            reads ? 0 : strtoull(PQcmdTuples(result), NULL, 10); /* "" of what changes none */
    PQclear(result);
    return true;
}

bool postgres_must(struct db *tx, enum sql_id id, const struct db_value *args, size_t count,
                   const struct db_refusal *otherwise, struct error *err)
{
    assert(postgres_of(tx)->pipelined);
    return run_later(tx, id, args, count, otherwise, err);
}

/* A migration takes as long as it takes. */
bool postgres_script(struct db *tx, const char *text, struct error *err)
{
    struct postgres_db *db = postgres_of(tx);
    bool pipelined = db->pipelined; /* which takes one statement at a time */

    return (!pipelined || postgres_pipeline_stop(db, err)) &&
           postgres_command(db, "SET LOCAL statement_timeout = 0", POSTGRES_LIMITED, err) &&
           postgres_command(db, text, POSTGRES_UNLIMITED, err) &&
           (!pipelined || postgres_pipeline_start(db, err));
}

enum db_step postgres_next(struct db_rows *base, struct error *err)
{
    struct postgres_rows *rows = container_of(base, struct postgres_rows, base);

    (void)err;
    if (rows->mem)
        arena_reset(rows->mem);
    if (rows->row + 1 >= PQntuples(rows->result))
        return DB_STEP_END;
    rows->row++;
    return DB_STEP_ROW;
}

struct db_value postgres_column(const struct db_rows *base, int column, enum db_type type)
{
    struct postgres_rows *rows = container_of((struct db_rows *)base, struct postgres_rows, base);

    if (PQgetisnull(rows->result, rows->row, column))
        return db_null();
    if (!rows->mem && type == DB_TEXT)
        rows->mem = arena_new();
    return postgres_decode(PQftype(rows->result, column),
                           PQgetvalue(rows->result, rows->row, column),
                           (size_t)PQgetlength(rows->result, rows->row, column), type, rows->mem);
}

void postgres_free_rows(struct db_rows *base)
{
    struct postgres_rows *rows = container_of(base, struct postgres_rows, base);

    PQclear(rows->result);
    arena_free(rows->mem);
    free(rows);
}
