/* SQL that is not in sql/: nothing there could know which tables the last migration has left. */
#include "db/transfer_tables.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not moved: what each database says of itself, and what transfer makes. */
#define OWN "('schema_migrations', 'database_probe', 'transfer_constraints', 'transfer_progress')"
#define HERE "current_schema()::regnamespace"

static const struct sql_statement fixed[] = {
    {"transfer_tables",
     0,
     {"SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c "
      "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite~_%' ESCAPE '~' AND m.name NOT IN " OWN
      " ORDER BY m.name, c.cid",
      NULL}},
    {"transfer_columns",
     0,
     {NULL, "SELECT c.table_name::TEXT, c.column_name::TEXT, c.data_type::TEXT,"
            " coalesce((SELECT array_position(i.indkey::SMALLINT[], a.attnum) + 1 FROM pg_index i"
            " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = c.column_name"
            " WHERE i.indisprimary"
            " AND i.indrelid = format('%I', c.table_name)::regclass), 0)::BIGINT "
            "FROM information_schema.columns c JOIN information_schema.tables t"
            " USING (table_schema, table_name) "
            "WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'"
            " AND c.is_generated = 'NEVER' ORDER BY 1, c.ordinal_position"}},
    {"transfer_copied", 1, {NULL, "SELECT rows FROM transfer_progress WHERE table_name = $1"}},
    {"transfer_note",
     2,
     {NULL, "INSERT INTO transfer_progress (table_name, rows) VALUES ($1, $2) "
            "ON CONFLICT (table_name) DO UPDATE SET rows = excluded.rows"}},
};

/* Rows come in any order of tables, and events are moved with the rest: neither foreign keys nor
 * triggers are of use before the end. */
static const char prepare[] =
    "DO $$ BEGIN\n"
    "    IF EXISTS (SELECT FROM workspaces) THEN\n"
    "        RAISE EXCEPTION 'the database holds a catalog already';\n"
    "    END IF;\n"
    "END $$;\n"
    "CREATE TABLE transfer_progress (table_name TEXT PRIMARY KEY, rows BIGINT NOT NULL);\n"
    "CREATE TABLE transfer_constraints AS\n"
    "SELECT conrelid::regclass::TEXT AS table_name, conname::TEXT AS name,\n"
    "       pg_get_constraintdef(oid) AS definition\n"
    "FROM pg_constraint WHERE contype = 'f' AND connamespace = " HERE ";\n"
    "DO $$ DECLARE one RECORD; BEGIN\n"
    "    FOR one IN SELECT * FROM transfer_constraints LOOP\n"
    "        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.table_name, one.name);\n"
    "    END LOOP;\n"
    "    FOR one IN SELECT relname AS name FROM pg_class WHERE relkind = 'r'\n"
    "               AND relnamespace = " HERE " AND relname NOT IN " OWN " LOOP\n"
    "        EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', one.name);\n"
    "        EXECUTE format('DELETE FROM %I', one.name);\n" /* what migrations put there */
    "    END LOOP;\n"
    "END $$;\n";

const char transfer_finish[] =
    "DO $$ DECLARE one RECORD; BEGIN\n"
    "    FOR one IN SELECT * FROM transfer_constraints LOOP\n"
    "        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', one.table_name, one.name,\n"
    "                       one.definition);\n"
    "    END LOOP;\n"
    "    FOR one IN SELECT relname AS name FROM pg_class WHERE relkind = 'r'\n"
    "               AND relnamespace = " HERE " AND relname NOT IN " OWN " LOOP\n"
    "        EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', one.name);\n"
    "    END LOOP;\n"
    /* A number that was given to an event that is gone is not given again. */
    "    PERFORM setval(pg_get_serial_sequence('events', 'sequence'), greatest(last, 1), last > "
    "0)\n"
    "    FROM (SELECT greatest((SELECT max(sequence) FROM events),\n"
    "                          (SELECT max(sequence) FROM event_positions), 0) AS last) AS seen;\n"
    "END $$;\n"
    "DROP TABLE transfer_constraints, transfer_progress;\n"
    "DELETE FROM schema_migrations WHERE name = 'transfer';\n"
    "ANALYZE;\n";

/* ---- texts ---- */

static const char *joined(struct arena *mem, const char *all, const char *one)
{
    return all ? arena_printf(mem, "%s, %s", all, one) : one;
}

static const char *columns_of(const struct transfer_table *table, struct arena *mem)
{
    const char *all = NULL;

    for (size_t i = 0; i < table->column_count; i++)
        all = joined(mem, all, arena_printf(mem, "\"%s\"", table->columns[i]));
    return all;
}

static const char *key_of(const struct transfer_table *table, struct arena *mem)
{
    const char *all = NULL;

    for (size_t i = 0; i < table->key_count; i++)
        all = joined(mem, all, arena_printf(mem, "\"%s\"", table->columns[table->key[i]]));
    return all;
}

static const char *parameters(size_t count, struct arena *mem)
{
    const char *all = NULL;

    for (size_t i = 1; i <= count; i++)
        all = joined(mem, all, arena_printf(mem, "$%zu", i));
    return all;
}

#define PAGE "2000"

static void table_texts(const struct transfer_table *table, struct sql_statement *out,
                        struct arena *mem)
{
    const char *columns = columns_of(table, mem), *key = key_of(table, mem), *name = table->name;
    const char *statement_name = arena_printf(mem, "transfer_%s", name);

    out[TABLE_COUNT] = (struct sql_statement){
        statement_name, 0, {arena_printf(mem, "SELECT count(*) FROM \"%s\"", name), NULL}};
    out[TABLE_READ] = (struct sql_statement){
        statement_name,
        1,
        {arena_printf(mem, "SELECT %s FROM \"%s\" ORDER BY %s LIMIT -1 OFFSET ?1", columns, name,
                      key),
         NULL}};
    out[TABLE_ADD] = (struct sql_statement){
        statement_name,
        (unsigned)table->column_count,
        {NULL, arena_printf(mem, "INSERT INTO \"%s\" (%s) OVERRIDING SYSTEM VALUE VALUES (%s)",
                            name, columns, parameters(table->column_count, mem))}};
    out[TABLE_PAGE] = (struct sql_statement){
        statement_name,
        0,
        {NULL,
         arena_printf(mem, "SELECT %s FROM \"%s\" ORDER BY %s LIMIT " PAGE, columns, name, key)}};
    out[TABLE_PAGE_BEHIND] = (struct sql_statement){
        statement_name,
        (unsigned)table->key_count,
        {NULL, arena_printf(mem, "SELECT %s FROM \"%s\" WHERE (%s) > (%s) ORDER BY %s LIMIT " PAGE,
                            columns, name, key, parameters(table->key_count, mem), key)}};
}

/* ---- the set ---- */

/* The product's migrations, and the one that prepares a target: while that is recorded no server
 * opens the database, whose schema is newer than it knows. */
static const struct sql_migration *with_preparation(struct arena *mem)
{
    size_t count = sql_set_product.migration_count;
    struct sql_migration *all = arena_array(mem, count + 1, sizeof *all);

    memcpy(all, sql_set_product.migrations, count * sizeof *all);
    all[count] = (struct sql_migration){.number = (int64_t)count + 1,
                                        .name = "transfer",
                                        .text = {prepare, prepare},
                                        .sha256 = {"transfer 1", "transfer 1"}};
    return all;
}

struct sql_set transfer_set(const struct transfer_tables *tables, enum sql_engine engine,
                            struct arena *mem)
{
    size_t table_count = tables ? tables->count : 0;
    size_t count = TRANSFER_FIRST + table_count * TABLE_SQL;
    struct sql_statement *all = arena_array(mem, count, sizeof *all);
    struct sql_set set = sql_set_product;

    assert(sql_set_product.statement_count == SQL_COUNT);
    memcpy(all, sql_set_product.statements, SQL_COUNT * sizeof *all);
    memcpy(all + SQL_COUNT, fixed, sizeof fixed);
    for (size_t i = 0; i < table_count; i++)
        table_texts(&tables->list[i], all + TRANSFER_FIRST + i * TABLE_SQL, mem);
    set.statements = all;
    set.statement_count = count;
    if (engine == SQL_ENGINE_POSTGRES) {
        set.migrations = with_preparation(mem);
        set.migration_count++;
    }
    return set;
}

/* ---- the tables ---- */

#define TABLES_MOST 200

static bool type_of(const char *name, enum db_type *type, bool *is_json)
{
    static const struct {
        const char *name;
        enum db_type type;
    } known[] = {
        {"uuid", DB_TEXT},        {"text", DB_TEXT},
        {"jsonb", DB_TEXT},       {"bigint", DB_INT},
        {"integer", DB_INT},      {"smallint", DB_INT},
        {"numeric", DB_DECIMAL3}, {"boolean", DB_BOOL},
        {"bytea", DB_BYTES},      {"timestamp with time zone", DB_TIME},
    };

    *is_json = strcmp(name, "jsonb") == 0;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strcmp(known[i].name, name) == 0) {
            *type = known[i].type;
            return true;
        }
    return false;
}

static struct transfer_table *find(const struct transfer_tables *tables, const char *name)
{
    for (size_t i = 0; i < tables->count; i++)
        if (strcmp(tables->list[i].name, name) == 0)
            return &tables->list[i];
    return NULL;
}

static size_t column_at(const struct transfer_table *table, const char *name)
{
    size_t i = 0;

    while (i < table->column_count && strcmp(table->columns[i], name) != 0)
        i++;
    return i;
}

/* The source's tables, with the names of their columns. */
static bool read_source(struct db *from, struct arena *mem, struct transfer_tables *out,
                        struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(from, (enum sql_id)TRANSFER_TABLES, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(rows)) {
        const char *name = db_column_text(rows, 0, mem);
        struct transfer_table *table = find(out, name);

        if (!table) {
            assert(out->count < TABLES_MOST);
            table = &out->list[out->count++];
            *table = (struct transfer_table){.name = name};
        }
        assert(table->column_count < TRANSFER_COLUMNS_MOST);
        table->columns[table->column_count++] = db_column_text(rows, 1, mem);
    }
    return db_rows_ok(rows, err);
}

/* One row of TRANSFER_COLUMNS; *SEEN counts those that the source has too. */
static bool add_column(struct transfer_tables *tables, const struct db_rows *rows, size_t *seen,
                       struct arena *mem, struct error *err)
{
    const char *table_name = db_column_text(rows, 0, mem), *name = db_column_text(rows, 1, mem);
    struct transfer_table *table = find(tables, table_name);
    size_t place = (size_t)db_column_int(rows, 3), at;

    if (!table) /* PostgreSQL's alone, and empty */
        return true;
    at = column_at(table, name);
    if (at == table->column_count ||
        !type_of(db_column_text(rows, 2, mem), &table->types[at], &table->is_json[at]))
        return error_set(err, ERR_INVALID, "transfer: column %s.%s is PostgreSQL's alone",
                         table_name, name);
    if (place > 0) {
        table->key[place - 1] = at;
        table->key_count++;
    }
    (*seen)++;
    return true;
}

bool transfer_tables_read(struct db *from, struct db *to, struct arena *mem,
                          struct transfer_tables *out, struct error *err)
{
    struct transfer_tables tables = {
        .list = arena_array(mem, TABLES_MOST, sizeof(struct transfer_table))};
    scoped(db_rows_release) struct db_rows *rows = NULL;
    size_t wanted = 0, seen = 0;

    if (!read_source(from, mem, &tables, err) ||
        !db_query(to, (enum sql_id)TRANSFER_COLUMNS, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(rows))
        if (!add_column(&tables, rows, &seen, mem, err))
            return false;
    for (size_t i = 0; i < tables.count; i++) {
        wanted += tables.list[i].column_count;
        if (tables.list[i].key_count == 0)
            return error_set(err, ERR_INVALID, "transfer: table %s has no key there",
                             tables.list[i].name);
    }
    if (!db_rows_ok(rows, err))
        return false;
    *out = tables;
    return seen == wanted ||
           error_set(err, ERR_INVALID, "transfer: the source has columns that PostgreSQL lacks");
}
