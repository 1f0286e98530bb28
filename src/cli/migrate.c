/* `audiotricks migrate`: a catalog from SQLite to PostgreSQL. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/catalog_lock.h"
#include "cli/commands.h"
#include "cli/data_lock.h"
#include "cli/view.h"
#include "db/transfer.h"

#define SAY_EVERY_US US_PER_S

struct output {
    json_t *tables; /* NULL: lines for people */
    int64_t said_us;
};

static const struct command_option options[] = {
    {"from", 0, "DIR", "the data folder whose catalog is moved; no server may run on it"},
    {0},
};

/* ---- progress ---- */

static void say_progress(struct output *to, const struct transfer_progress *progress)
{
    int64_t now_us = clock_monotonic_us();

    if (now_us - to->said_us < SAY_EVERY_US)
        return;
    to->said_us = now_us;
    fprintf(stderr, "%s %s: %" PRIu64 " of %" PRIu64 " rows\n",
            progress->stage == TRANSFER_COPYING ? "copying" : "comparing", progress->table,
            progress->rows, progress->total);
}

static void add_table(struct output *to, const struct transfer_progress *progress)
{
    char checksum[17];

    snprintf(checksum, sizeof checksum, "%016" PRIx64, progress->checksum);
    if (to->tables)
        json_array_append_new(to->tables,
                              json_pack("{s:s, s:I, s:s}", "table", progress->table, "rows",
                                        (json_int_t)progress->rows, "checksum", checksum));
    else
        printf("%-26s%12" PRIu64 " rows  %s\n", progress->table, progress->rows, checksum);
}

static void report(void *context, const struct transfer_progress *progress)
{
    if (progress->stage == TRANSFER_DONE)
        add_table(context, progress);
    else
        say_progress(context, progress);
}

/* ---- the command ---- */

/* Nobody is to go on with the old catalog by mistake: it would know nothing of what comes now. */
static bool put_aside(const char *file, const char *aside, struct error *err)
{
    if (rename(file, aside) == 0)
        return true;
    return error_errno(err, "the catalog was moved, but \"%s\" could not be renamed", file);
}

static bool migrate_catalog(struct invocation *in, struct output *to, struct error *err)
{
    const char *data = option_text(in, "from");
    const char *url = config_text(in->config, "server", "database");
    scoped(fd_close) int lock = -1;
    scoped(fd_close) int catalog = -1;

    if (!data)
        return error_set(err, ERR_INVALID, "say with --from which data folder's catalog is moved");
    if (!url || strncmp(url, "postgresql:", strlen("postgresql:")) != 0)
        return error_set(err, ERR_INVALID, "say with --database postgresql://… where to");
    const char *file = arena_printf(in->mem, "%s/catalog.db", data);
    if (access(file, F_OK) != 0)
        return error_set(err, ERR_NOT_FOUND, "there is no catalog \"%s\"", file);
    return data_lock(data, &lock, err) && catalog_seclude(data, &catalog, err) &&
           transfer_run(&(struct transfer){.from = arena_printf(in->mem, "sqlite:%s", file),
                                           .to = url,
                                           .report = report,
                                           .context = to},
                        err) &&
           put_aside(file, arena_printf(in->mem, "%s.moved", file), err);
}

static enum cli_exit run(struct invocation *in)
{
    struct output to = {.tables = in->json ? json_array() : NULL, .said_us = clock_monotonic_us()};
    struct error err;
    bool done = migrate_catalog(in, &to, &err);

    if (!done) {
        json_decref(to.tables);
        return cli_fail(&err);
    }
    if (in->json) {
        json_t *all = json_pack("{s:b, s:o}", "ok", 1, "tables", to.tables);
        view_json(all);
        json_decref(all);
    } else {
        puts("the same on both sides; catalog.db is now catalog.db.moved");
    }
    return CLI_OK;
}

const struct command command_migrate = {
    .name = "migrate",
    .summary = "move a catalog from SQLite to PostgreSQL",
    .help =
        "Moves all that the catalog in a data folder holds to an empty PostgreSQL database, reads\n"
        "both whole and compares them table by table, and renames the old one to "
        "catalog.db.moved.\n"
        "The files stay where they are: serve with the same --data and --database from then on.\n"
        "\n"
        "No server nor worker may run on the data folder meanwhile. Stopped in the middle, it goes "
        "on from\n"
        "there when it is run again; until it is through no server takes the database. A database\n"
        "that holds a catalog already is refused, and so is a catalog of another version: start "
        "its\n"
        "server once with this program first.\n"
        "\n"
        "Examples:\n"
        "  audiotricks migrate --from /srv/audiotricks --database postgresql://db/audiotricks\n"
        "  audiotricks serve --data /srv/audiotricks --database postgresql://db/audiotricks\n",
    .options = options,
    .takes = TAKES_CONFIGURATION,
    .run = run,
};
