/* What script/generate-sql.py makes of sql/: statements by number, migrations in order. */
#ifndef DB_SQL_SET_H
#define DB_SQL_SET_H

#include <stddef.h>
#include <stdint.h>

enum sql_engine { SQL_ENGINE_SQLITE, SQL_ENGINE_POSTGRES, SQL_ENGINES };

struct sql_statement {
    const char *name;              /* "upload_by_id" */
    unsigned parameters;           /* $1…$n: n */
    const char *text[SQL_ENGINES]; /* NULL: none for this engine */
};

struct sql_migration {
    int64_t number; /* from 1, without gaps */
    const char *name;
    const char *text[SQL_ENGINES];
    const char *sha256[SQL_ENGINES]; /* lower-case hex of the text */
};

/* The statements of sql/driver come first in every set, so that the database floor finds its own by
 * the same numbers in all of them. */
struct sql_set {
    const struct sql_statement *statements; /* by enum sql_id */
    size_t statement_count;
    const struct sql_migration *migrations; /* by number - 1 */
    size_t migration_count;
};

/* sql/queries and sql/migrations. */
extern const struct sql_set sql_set_product;

#endif
