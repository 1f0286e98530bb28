/* `audiotricks verify`: proof that catalog and stores add up, beside a running server too. */
#include "service/verify.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/catalog_lock.h"
#include "cli/commands.h"
#include "cli/view.h"

#define COUNT_WIDTH 12

struct verify_output {
    struct arena *mem;
    json_t *findings; /* NULL: lines for people */
};

static const struct command_option options[] = {
    {"quota", 0, NULL, "check each workspace's usage against its records"},
    {"stores", 0, NULL, "check the records against the stores, both ways"},
    {"content", 0, NULL, "as --stores, and read every object again for its SHA-256"},
    {0},
};

/* ---- findings ---- */

static void add_finding(struct verify_output *to, const struct verify_finding *finding)
{
    json_t *one =
        json_pack("{s:s, s:s?, s:s, s:I, s:I}", "problem", verify_problem_name(finding->problem),
                  "store", finding->store, "key", view_visible(to->mem, finding->key), "expected",
                  (json_int_t)finding->expected, "found", (json_int_t)finding->found);

    json_array_append_new(to->findings, one);
}

static void print_finding(struct verify_output *to, const struct verify_finding *finding)
{
    const char *key = view_visible(to->mem, finding->key);

    switch (finding->problem) {
    case VERIFY_MISSING:
        printf("missing      %s: \"%s\": the object is not there, its record says %" PRIu64
               " bytes\n",
               finding->store, key, finding->expected);
        break;
    case VERIFY_WRONG_SIZE:
        printf("wrong size   %s: \"%s\": %" PRIu64 " bytes, its record says %" PRIu64 "\n",
               finding->store, key, finding->found, finding->expected);
        break;
    case VERIFY_WRONG_BYTES:
        printf("wrong bytes  %s: \"%s\": its SHA-256 is not the record's\n", finding->store, key);
        break;
    case VERIFY_UNEXPLAINED:
        printf("unexplained  %s: \"%s\": %" PRIu64 " bytes that no record explains\n",
               finding->store, key, finding->found);
        break;
    case VERIFY_USAGE:
        printf("usage        workspace %s: the quota counts %" PRIu64
               ", its records add up to %" PRIu64 "\n",
               key, finding->found, finding->expected);
        break;
    }
}

static void report(void *context, const struct verify_finding *finding)
{
    struct verify_output *to = context;

    if (to->findings)
        add_finding(to, finding);
    else
        print_finding(to, finding);
}

/* ---- totals ---- */

static void print_totals(const struct verify_totals *totals, unsigned parts)
{
    const struct {
        const char *name;
        uint64_t bytes;
    } lines[] = {
        {"live", totals->live_bytes},
        {"shared", totals->shared_bytes},
        {"trash", totals->trash_bytes},
        {"garbage", totals->garbage_bytes},
        {"derived", totals->derived_bytes},
        {"staged", totals->staged_bytes},
        {"in the stores", totals->stored_bytes},
        {"saved by sharing", totals->saved_bytes},
    };

    if (parts & VERIFY_QUOTA)
        printf("%-18s%*" PRIu64 "\n", "workspaces", COUNT_WIDTH, totals->workspaces);
    if (parts & (VERIFY_STORES | VERIFY_CONTENT)) {
        printf("%-18s%*" PRIu64 "\n", "objects", COUNT_WIDTH, totals->objects);
        for (size_t i = 0; i < COUNT_OF(lines); i++)
            printf("%-18s%*" PRIu64 " bytes\n", lines[i].name, COUNT_WIDTH, lines[i].bytes);
    }
    if (totals->problems > 0)
        printf("%" PRIu64 " do%s not add up\n", totals->problems,
               totals->problems == 1 ? "es" : "");
    else
        puts("all adds up");
}

static void print_json(const struct verify_totals *totals, json_t *findings)
{
    json_t *sums = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "objects",
        (json_int_t)totals->objects, "live_bytes", (json_int_t)totals->live_bytes, "shared_bytes",
        (json_int_t)totals->shared_bytes, "trash_bytes", (json_int_t)totals->trash_bytes,
        "garbage_bytes", (json_int_t)totals->garbage_bytes, "derived_bytes",
        (json_int_t)totals->derived_bytes, "staged_bytes", (json_int_t)totals->staged_bytes,
        "stored_bytes", (json_int_t)totals->stored_bytes, "saved_bytes",
        (json_int_t)totals->saved_bytes, "workspaces", (json_int_t)totals->workspaces, "problems",
        (json_int_t)totals->problems);
    json_t *all = json_pack("{s:b, s:o, s:O}", "ok", totals->problems == 0, "totals", sums,
                            "findings", findings);

    view_json(all);
    json_decref(all);
}

/* ---- the command ---- */

static unsigned wanted_parts(const struct invocation *in)
{
    unsigned parts = (option_given(in, "quota") ? VERIFY_QUOTA : 0U) |
                     (option_given(in, "stores") ? VERIFY_STORES : 0U) |
                     (option_given(in, "content") ? VERIFY_CONTENT : 0U);

    return parts ? parts : VERIFY_QUOTA | VERIFY_STORES;
}

static bool verify(struct invocation *in, struct verify_output *to, struct verify_totals *totals,
                   struct error *err)
{
    const struct app_options existing = {.data = config_text(in->config, "server", "data"),
                                         .existing_only = true,
                                         .without_media = true};
    scoped(fd_close) int lock = -1;
    scoped(app_release) struct app *app = NULL;

    return catalog_share(in->config, &lock, err) && app_open(in->config, &existing, &app, err) &&
           verify_run(app, wanted_parts(in), report, to, totals, err);
}

static enum cli_exit run(struct invocation *in)
{
    struct verify_output to = {.mem = in->mem, .findings = in->json ? json_array() : NULL};
    struct verify_totals totals;
    struct error err;
    bool done = verify(in, &to, &totals, &err);

    if (!done)
        cli_fail(&err);
    else if (in->json)
        print_json(&totals, to.findings);
    else
        print_totals(&totals, wanted_parts(in));
    json_decref(to.findings);
    if (!done)
        return CLI_FAILED;
    return totals.problems > 0 ? CLI_DIFFERENCES : CLI_OK;
}

const struct command command_verify = {
    .name = "verify",
    .summary = "prove that catalog and stores add up",
    .help =
        "Checks that every workspace's usage is the sum of its records (--quota), and that every\n"
        "byte in the stores is explained by the catalog and the other way round (--stores): what "
        "is\n"
        "live, shared, in the trash, garbage or staged makes up all that is stored. --content "
        "also\n"
        "reads every object again and compares its SHA-256. Without any of these: --quota and\n"
        "--stores.\n"
        "\n"
        "Nothing is changed. It may run beside a running server; what looks wrong is looked at\n"
        "again before it is reported. Ends with 0 when all adds up, 7 when something does not, 1\n"
        "when the check could not be made.\n"
        "\n"
        "Examples:\n"
        "  audiotricks verify --data /srv/audiotricks\n"
        "  audiotricks verify --content --json | jq '.findings[]'\n",
    .options = options,
    .takes = TAKES_CONFIGURATION,
    .run = run,
};
