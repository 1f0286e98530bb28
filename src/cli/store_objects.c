/* `audiotricks store class` and `audiotricks store restore`: content of uploads at its provider. */
#include <stdio.h>

#include "base/clock.h"
#include "cli/catalog_lock.h"
#include "cli/store.h"
#include "cli/view.h"
#include "service/archive.h"

/* What is done with each upload that is named. */
struct work {
    struct invocation *in;
    struct app *app;
    bool (*change)(const struct work *work, const struct upload *upload, struct error *err);
    const char *storage_class;
    uint64_t days;
    const char *tier;
};

static bool move(const struct work *work, const struct upload *upload, struct error *err)
{
    return archive_set_class(work->app, upload, work->storage_class, err);
}

static bool restore(const struct work *work, const struct upload *upload, struct error *err)
{
    return archive_restore(work->app, upload, (unsigned)work->days, work->tier, err);
}

/* ---- what came of it ---- */

static void show(const struct work *work, const char *id, const struct store_object *object)
{
    const char *availability = archive_availability_name(object->availability);
    scoped(json_decrefp) json_t *line = NULL;
    char until[TIME_RFC3339_SIZE] = "";

    if (object->available_until_us)
        time_to_rfc3339(object->available_until_us, until);
    if (!work->in->json) {
        printf("%s  %s  %s%s%s\n", id, object->storage_class, availability, *until ? " until " : "",
               until);
        return;
    }
    line = json_pack("{s:s, s:s, s:s, s:s?}", "id", id, "storage_class", object->storage_class,
                     "availability", availability, "available_until", *until ? until : NULL);
    view_json(line);
}

static bool find_upload(const struct work *work, const char *id_text, struct upload *out,
                        struct error *err)
{
    struct uuid id;

    return uuid_parse(str_from(id_text), &id)
               ? archive_find_upload(work->app, id, work->in->mem, out, err)
               : error_tell(err, ERR_NOT_FOUND, "that is no id");
}

static enum cli_exit do_one(const struct work *work, const char *id)
{
    struct store_object object;
    struct upload upload;
    struct error err;

    if (!find_upload(work, id, &upload, &err) || !work->change(work, &upload, &err) ||
        !archive_look(work->app, &upload, &object, &err)) {
        error_context(&err, "%s", id);
        return cli_fail(&err);
    }
    show(work, id, &object);
    return CLI_OK;
}

static enum cli_exit do_all(struct work *work, size_t first)
{
    const struct app_options existing = {.data = config_text(work->in->config, "server", "data"),
                                         .existing_only = true,
                                         .without_media = true};
    scoped(fd_close) int lock = -1;
    scoped(app_release) struct app *app = NULL;
    enum cli_exit code = CLI_OK;
    struct error err;

    if (!catalog_share(work->in->config, &lock, &err) ||
        !app_open(work->in->config, &existing, &app, &err))
        return cli_fail(&err);
    work->app = app;
    for (size_t i = first; i < work->in->argument_count; i++)
        code = cli_exit_join(code, do_one(work, work->in->arguments[i]));
    return code;
}

/* ---- the commands ---- */

static enum cli_exit run_class(struct invocation *in)
{
    struct work work = {.in = in, .change = move, .storage_class = in->arguments[0]};

    return do_all(&work, 1);
}

static enum cli_exit run_restore(struct invocation *in)
{
    struct work work = {.in = in, .change = restore, .tier = option_text(in, "tier")};
    struct error err;

    if (!option_count(in, "days", ARCHIVE_DAYS_USUAL, 1, ARCHIVE_DAYS_MAX, &work.days, &err))
        return cli_fail(&err);
    return do_all(&work, 0);
}

const struct command store_command_class = {
    .name = "class",
    .summary = "move the content of uploads to another storage class",
    .usage = "CLASS ID...",
    .help =
        "Moves the objects of uploads, of whatever workspace, to a class of the provider's, and "
        "the\n"
        "records of all uploads that share an object say so. What is archived must be restored\n"
        "first. Content of GLACIER and DEEP_ARCHIVE cannot be downloaded before it is restored.\n"
        "S3 does it by a copy of the object onto itself, at which some versions of Ceph lose its\n"
        "bytes later: there, leave it to the lifecycle.\n"
        "\n"
        "Example:\n"
        "  audiotricks store class STANDARD_IA 01936a1c-2b7e-7c4d-8e9f-0a1b2c3d4e5f\n",
    .takes = TAKES_CONFIGURATION,
    .arguments_min = 2,
    .arguments_max = SIZE_MAX,
    .run = run_class,
};

static const struct command_option restore_options[] = {
    {"days", 0, "N", "how long there is a copy to read: 7"},
    {"tier", 0, "TIER", "how fast, in the provider's words, such as Standard or Bulk"},
    {0},
};

const struct command store_command_restore = {
    .name = "restore",
    .summary = "ask for archived content of uploads, to be read for some days",
    .usage = "ID...",
    .help =
        "Asks the provider for a copy of the objects of uploads, of whatever workspace, that lie "
        "in\n"
        "GLACIER or DEEP_ARCHIVE. That takes minutes to days: run it again to see how far it is.\n"
        "What was asked for before is not asked for twice.\n"
        "\n"
        "Example:\n"
        "  audiotricks store restore --days 3 01936a1c-2b7e-7c4d-8e9f-0a1b2c3d4e5f\n",
    .options = restore_options,
    .takes = TAKES_CONFIGURATION,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run_restore,
};
