/* A table of text: columns as wide as their content, fitted to the terminal. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#include "base/arena.h"

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table_column {
    const char *heading;
    enum table_align align;
    unsigned order; /* of leaving when there is no room: the highest leaves first; 0 never leaves */
};

struct table;

/* A table over COUNT columns, which outlive it; all else lives in MEM. The last column may be cut.
 */
struct table *table_new(struct arena *mem, const struct table_column *columns, size_t count);
/* Adds a row of COUNT texts, copied; they are made visible (text.h). NULL is shown as "-". */
void table_add(struct table *table, const char *const *cells);
/* Prints it. WIDTH is the terminal's, in columns; 0: no limit, nothing leaves or is cut. */
void table_print(const struct table *table, size_t width, FILE *out);

/* The columns of the terminal that OUT is; 0 if it is none. */
size_t table_terminal_width(FILE *out);

#endif
