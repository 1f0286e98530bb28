/* `audiotricks store`: what is to be set at the stores' providers. */
#include <stdio.h>

#include "base/fs.h"
#include "cli/catalog_lock.h"
#include "cli/commands.h"
#include "cli/store.h"
#include "cli/view.h"
#include "service/app.h"
#include "service/lifecycle.h"
#include "service/store_ids.h"

/* ---- what is there ---- */

static void print_lifecycle(const struct store *store, const struct store_lifecycle *lifecycle)
{
    printf("%s: ", store_name(store));
    if (lifecycle->count == 0) {
        puts("no lifecycle");
        return;
    }
    printf("%s", lifecycle->prefix);
    for (size_t i = 0; i < lifecycle->count; i++)
        printf("%s after %u days %s", i ? "," : "", lifecycle->transitions[i].days,
               lifecycle->transitions[i].storage_class);
    putchar('\n');
}

static void print_json(const struct store *store, const struct store_lifecycle *lifecycle)
{
    const struct store_lifecycle usual = lifecycle_default();
    json_t *transitions = json_array(), *all;

    for (size_t i = 0; i < lifecycle->count; i++)
        json_array_append_new(transitions,
                              json_pack("{s:i, s:s}", "days", (int)lifecycle->transitions[i].days,
                                        "storage_class", lifecycle->transitions[i].storage_class));
    all = json_pack("{s:s, s:s?, s:o, s:b}", "store", store_name(store), "prefix",
                    lifecycle->count ? lifecycle->prefix : NULL, "transitions", transitions,
                    "is_default", lifecycle_equals(lifecycle, &usual));
    view_json(all);
    json_decref(all);
}

/* ---- what is to be there ---- */

/* *CHANGES if there is anything to be set. */
static bool read_wish(const struct invocation *in, bool *changes, struct store_lifecycle *out,
                      struct error *err)
{
    const char *transitions = option_text(in, "transitions");
    bool sets = option_given(in, "set"), removes = option_given(in, "remove");

    *changes = sets || removes;
    *out = lifecycle_default();
    if (sets && removes)
        return error_tell(err, ERR_INVALID, "either --set or --remove");
    if (transitions && !sets)
        return error_tell(err, ERR_INVALID, "--transitions goes with --set");
    if (removes)
        out->count = 0;
    return !transitions || lifecycle_parse(transitions, in->mem, out, err);
}

static bool find_store(const struct invocation *in, const struct app *app, struct store **out,
                       struct error *err)
{
    *out = in->argument_count > 0 ? app_store(app, in->arguments[0]) : app->stores[0];
    return *out || error_tell(err, ERR_NOT_FOUND, "there is no store \"%s\" in the configuration",
                              in->arguments[0]);
}

static enum cli_exit run_lifecycle(struct invocation *in)
{
    const struct app_options existing = {.data = config_text(in->config, "server", "data"),
                                         .existing_only = true,
                                         .without_media = true};
    scoped(fd_close) int lock = -1;
    scoped(app_release) struct app *app = NULL;
    struct store_lifecycle lifecycle;
    struct store *store;
    struct error err;
    bool changes;

    if (!read_wish(in, &changes, &lifecycle, &err) || !catalog_share(in->config, &lock, &err) ||
        !app_open(in->config, &existing, &app, &err) || !find_store(in, app, &store, &err) ||
        (changes && !lifecycle_apply(store, &lifecycle, &err)) ||
        !store_lifecycle_read(store, in->mem, &lifecycle, &err))
        return cli_fail(&err);
    (in->json ? print_json : print_lifecycle)(store, &lifecycle);
    return CLI_OK;
}

static const struct command_option options[] = {
    {"set", 0, NULL, "put the lifecycle in place, and read it back"},
    {"transitions", 0, "DAYS:CLASS,...", "with --set: other ones than the usual"},
    {"remove", 0, NULL, "take the store's lifecycle away"},
    {0},
};

static const struct command store_lifecycle = {
    .name = "lifecycle",
    .summary = "when the provider moves uploads to cheaper classes",
    .usage = "[STORE]",
    .help =
        "Shows the rule of the store (the first, unless one is named) in the lifecycle of its\n"
        "bucket. With --set the rule is put there and read back: uploads that are 30 days old\n"
        "become STANDARD_IA, at 90 days GLACIER, at 365 DEEP_ARCHIVE, or what --transitions says.\n"
        "It is for uploads alone: what processing made of them stays as it is. Rules that others\n"
        "have set for the bucket stay. --remove takes the rule away; nothing is moved back.\n"
        "\n"
        "Content of GLACIER and DEEP_ARCHIVE must be restored before it can be downloaded: `store\n"
        "restore`.\n"
        "\n"
        "Examples:\n"
        "  audiotricks store lifecycle --config /etc/audiotricks.conf\n"
        "  audiotricks store lifecycle --set --transitions 60:STANDARD_IA\n",
    .options = options,
    .takes = TAKES_CONFIGURATION,
    .arguments_max = 1,
    .run = run_lifecycle,
};

/* ---- another store under a name ---- */

static bool adopt(struct invocation *in, struct error *err)
{
    const struct app_options catalog_alone = {.data = config_text(in->config, "server", "data"),
                                              .existing_only = true,
                                              .without_media = true,
                                              .without_stores = true};
    const char *name = in->arguments[0];
    scoped(fd_close) int lock = -1;
    scoped(app_release) struct app *app = NULL;
    bool is_known, was_here;

    if (!catalog_share(in->config, &lock, err) ||
        !app_open(in->config, &catalog_alone, &app, err) ||
        !store_ids_is_known(app, name, &is_known, err))
        return false;
    if (!store_ids_remove_note(catalog_alone.data, name, &was_here, err))
        return false;
    if (!is_known && !was_here) /* another node's adoption may have had the catalog forget it */
        return error_tell(err, ERR_NOT_FOUND, "the catalog knows no store \"%s\"", name);
    return store_ids_forget(app, name, err);
}

static enum cli_exit run_adopt(struct invocation *in)
{
    struct error err;

    return adopt(in, &err) ? CLI_OK : cli_fail(&err);
}

static const struct command store_adopt = {
    .name = "adopt",
    .summary = "let another store have the name of one that is gone",
    .usage = "STORE",
    .help =
        "The catalog remembers which store its objects are in, by the id in the store's marker, "
        "and\n"
        "a server whose configuration leads to another one under that name does not start. Where "
        "that\n"
        "is as it should be (the store was lost, and what is left of it was copied to a new one),\n"
        "this has the next server that starts take whichever it finds. A node's data folder has a\n"
        "note of the store, too: run it on each node, while they are stopped.\n"
        "\n"
        "Examples:\n"
        "  audiotricks store adopt main --data /srv/audiotricks\n",
    .takes = TAKES_CONFIGURATION,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_adopt,
};

const struct command command_store = {
    .name = "store",
    .summary = "what the stores' providers do with content",
    .children = (const struct command *const[]){&store_lifecycle, &store_adopt,
                                                &store_command_class, &store_command_restore, NULL},
};
