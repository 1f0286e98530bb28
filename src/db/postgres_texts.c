/* Statements as the server reads them, and their names as prepared ones. Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/postgres.h"

size_t postgres_slot(const struct sql_set *sql, enum sql_id id, bool must)
{
    return (size_t)id + (must ? sql->statement_count : 0);
}

static char *joined(const char *head, const char *text, const char *tail)
{
    size_t size = strlen(head) + strlen(text) + strlen(tail) + 1;
    char *out = malloc(size);

    if (!out)
        abort();
    snprintf(out, size, "%s%s%s", head, text, tail);
    return out;
}

char *postgres_text(const struct sql_set *sql, enum sql_id id, bool must)
{
    const char *text = sql->statements[id].text[SQL_ENGINE_POSTGRES];

    if (!must)
        return joined("", text, "");
    if (strncmp(text, "SELECT", strlen("SELECT")) == 0)
        return joined("SELECT 1 / count(*) FROM (", text, ") AS found");
    return joined("WITH touched AS (", text, " RETURNING 1) SELECT 1 / count(*) FROM touched");
}

/* FNV-1a. Names are the same for the same text alone, in whatever version of the program. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static void name_statement(const struct sql_set *sql, enum sql_id id, bool must,
                           char name[static POSTGRES_NAME_SIZE])
{
    char *text = postgres_text(sql, id, must);

    snprintf(name, POSTGRES_NAME_SIZE, "at_%016llx", (unsigned long long)hash_of(text));
    free(text);
}

char (*postgres_names(const struct sql_set *sql))[POSTGRES_NAME_SIZE]
{
    char(*names)[POSTGRES_NAME_SIZE] = calloc(POSTGRES_FORMS * sql->statement_count, sizeof *names);

    if (!names)
        abort();
    for (size_t i = 0; i < sql->statement_count; i++) {
        if (!sql->statements[i].text[SQL_ENGINE_POSTGRES])
            continue; /* a set that is not meant for us lacks all but the driver's own */
        for (int must = 0; must < POSTGRES_FORMS; must++)
            name_statement(sql, (enum sql_id)i, must,
                           names[postgres_slot(sql, (enum sql_id)i, must)]);
    }
    return names;
}
