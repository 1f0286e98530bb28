#include "cli/table.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cli/text.h"

#define GAP 2
#define LAST_COLUMN_MIN 16 /* before it gets narrower than this another column leaves */

struct row {
    struct row *next;
    char **cells;
};

struct table {
    struct arena *mem;
    const struct table_column *columns;
    size_t count;
    size_t *widths;
    struct row *first, **end;
};

struct table *table_new(struct arena *mem, const struct table_column *columns, size_t count)
{
    struct table *table = arena_alloc(mem, sizeof *table);

    *table = (struct table){.mem = mem, .columns = columns, .count = count};
    table->widths = arena_array(mem, count, sizeof *table->widths);
    table->end = &table->first;
    for (size_t i = 0; i < count; i++)
        table->widths[i] = text_width(columns[i].heading);
    return table;
}

void table_add(struct table *table, const char *const *cells)
{
    struct row *row = arena_alloc(table->mem, sizeof *row);

    row->cells = arena_array(table->mem, table->count, sizeof *row->cells);
    for (size_t i = 0; i < table->count; i++) {
        const char *text = cells[i] ? cells[i] : "-";
        size_t size = TEXT_VISIBLE_SIZE(strlen(text)), width;
        char *visible = arena_alloc(table->mem, size);

        text_visible(text, visible, size);
        row->cells[i] = visible;
        width = text_width(visible);
        if (width > table->widths[i])
            table->widths[i] = width;
    }
    *table->end = row;
    table->end = &row->next;
}

static size_t total_width(const struct table *table, const size_t *widths)
{
    size_t total = 0;

    for (size_t i = 0; i < table->count; i++)
        total += widths[i] ? widths[i] + (total ? GAP : 0) : 0;
    return total;
}

/* The column that leaves next: the highest order still there. False when all that remain stay. */
static bool leaver(const struct table *table, const size_t *widths, size_t *out)
{
    unsigned highest = 0;

    for (size_t i = 0; i < table->count; i++) {
        if (widths[i] && table->columns[i].order > highest) {
            highest = table->columns[i].order;
            *out = i;
        }
    }
    return highest > 0;
}

/* Makes the last column narrower, and lets others go, until WIDTHS fit; a width of 0 is gone. */
static void fit(const struct table *table, size_t width, size_t *widths)
{
    size_t *last = &widths[table->count - 1], gone;

    while (total_width(table, widths) > width) {
        size_t over = total_width(table, widths) - width;

        if (*last > over && *last - over >= (*last < LAST_COLUMN_MIN ? *last : LAST_COLUMN_MIN)) {
            *last -= over;
            return;
        }
        if (!leaver(table, widths, &gone))
            return;
        widths[gone] = 0;
    }
}

static void print_cell(const struct table *table, size_t column, size_t width, const char *text,
                       FILE *out)
{
    size_t size = strlen(text) + 3; /* text_cut may put an ellipsis in place of one byte */
    char *cut = arena_alloc(table->mem, size);
    bool is_last = column + 1 == table->count;
    int padding;

    memcpy(cut, text, strlen(text) + 1);
    text_cut(cut, width);
    padding = (int)(width - text_width(cut));
    if (table->columns[column].align == TABLE_RIGHT)
        fprintf(out, "%*s%s", padding, "", cut);
    else
        fprintf(out, "%s%*s", cut, is_last ? 0 : padding, "");
}

static void print_row(const struct table *table, const size_t *widths, char *const *cells,
                      FILE *out)
{
    bool begun = false;

    for (size_t i = 0; i < table->count; i++) {
        if (!widths[i])
            continue;
        fprintf(out, "%*s", begun ? GAP : 0, "");
        print_cell(table, i, widths[i], cells ? cells[i] : table->columns[i].heading, out);
        begun = true;
    }
    fputc('\n', out);
}

void table_print(const struct table *table, size_t width, FILE *out)
{
    size_t *widths = arena_array(table->mem, table->count, sizeof *widths);

    memcpy(widths, table->widths, table->count * sizeof *widths);
    if (width > 0)
        fit(table, width, widths);
    print_row(table, widths, NULL, out);
    for (const struct row *row = table->first; row; row = row->next)
        print_row(table, widths, row->cells, out);
}

size_t table_terminal_width(FILE *out)
{
    struct winsize size;
    int fd = fileno(out);

    if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) < 0)
        return 0;
    return size.ws_col;
}
