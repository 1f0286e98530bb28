/* Transfer's statements: those that are always the same, and those that are made of the schema. */
#ifndef DB_TRANSFER_TABLES_H
#define DB_TRANSFER_TABLES_H

#include "db/driver.h"

#define TRANSFER_COLUMNS_MOST 48 /* as many as a statement takes parameters */

/* Behind the product's statements. */
enum transfer_sql {
    TRANSFER_TABLES = SQL_COUNT, /* of the source: its names, and of their columns */
    TRANSFER_COLUMNS,            /* of the target: table, column, type, place in the key or 0 */
    TRANSFER_COPIED,             /* how many rows of table $1 are there by now */
    TRANSFER_NOTE,               /* $1: $2 rows */
    TRANSFER_FIRST,              /* of the first table's; each has as many as are below */
};

enum transfer_table_sql {
    TABLE_COUNT,
    TABLE_READ,
    TABLE_ADD,
    TABLE_PAGE,
    TABLE_PAGE_BEHIND,
    TABLE_SQL
};

struct transfer_table {
    const char *name;
    const char *columns[TRANSFER_COLUMNS_MOST];
    enum db_type types[TRANSFER_COLUMNS_MOST];
    bool is_json[TRANSFER_COLUMNS_MOST];
    size_t column_count;
    size_t key[TRANSFER_COLUMNS_MOST]; /* which columns, in order */
    size_t key_count;
};

struct transfer_tables {
    struct transfer_table *list;
    size_t count;
};

static inline enum sql_id transfer_sql(size_t table, enum transfer_table_sql which)
{
    return (enum sql_id)(TRANSFER_FIRST + table * TABLE_SQL + which);
}

/* The product's set with what is above; of the tables, which may be NULL, too. The target's has the
 * migration that prepares it. All in MEM. */
struct sql_set transfer_set(const struct transfer_tables *tables, enum sql_engine engine,
                            struct arena *mem);

/* Reads what the tables are like; fails with ERR_INVALID unless both have the same. */
bool transfer_tables_read(struct db *from, struct db *to, struct arena *mem,
                          struct transfer_tables *out, struct error *err);

/* What makes the target whole again, in one transaction. */
extern const char transfer_finish[];

#endif
