/* `audiotricks doctor`: whether this machine, its settings and its data are fit to serve. */
#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/view.h"

#define GIB (UINT64_C(1) << 30)
#define ROOM_LITTLE_BYTES GIB
#define ROOM_NONE_BYTES (UINT64_C(64) << 20)

static const char *const level_names[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"};
static const char *const level_marks[] = {
    [DOCTOR_OK] = "OK  ", [DOCTOR_WARN] = "WARN", [DOCTOR_FAIL] = "FAIL"};

struct doctor_run {
    struct doctor doctor;
    json_t *checks; /* NULL: lines for people */
    unsigned faults, warnings;
};

/* ---- for the checks ---- */

void doctor_ok(struct doctor *doctor, const char *what, const char *detail, ...)
{
    va_list args;
    char *text;

    va_start(args, detail);
    text = arena_vprintf(doctor->mem, detail, args);
    va_end(args);
    doctor->note(doctor, DOCTOR_OK, what, text, NULL);
}

void doctor_fault(struct doctor *doctor, enum doctor_level level, const char *what,
                  const char *advice, const char *detail, ...)
{
    va_list args;
    char *text;

    va_start(args, detail);
    text = arena_vprintf(doctor->mem, detail, args);
    va_end(args);
    doctor->note(doctor, level, what, text, advice);
}

void doctor_room(struct doctor *doctor, const char *what, uint64_t free_bytes, uint64_t total_bytes)
{
    static const char advice[] = "make room, or move the data to a larger disk";
    char room[32], total[32];

    str_format_bytes(free_bytes, room);
    str_format_bytes(total_bytes, total);
    if (free_bytes < ROOM_NONE_BYTES)
        doctor_fault(doctor, DOCTOR_FAIL, what, advice, "%s free of %s", room, total);
    else if (free_bytes < ROOM_LITTLE_BYTES)
        doctor_fault(doctor, DOCTOR_WARN, what, advice, "%s free of %s", room, total);
    else
        doctor_ok(doctor, what, "%s free of %s", room, total);
}

/* ---- what they found ---- */

static void note(struct doctor *self, enum doctor_level level, const char *what, const char *detail,
                 const char *advice)
{
    struct doctor_run *run = container_of(self, struct doctor_run, doctor);
    const char *name = view_visible(self->mem, what), *text = view_visible(self->mem, detail);

    run->faults += level == DOCTOR_FAIL;
    run->warnings += level == DOCTOR_WARN;
    if (run->checks) {
        json_array_append_new(run->checks,
                              json_pack("{s:s, s:s, s:s, s:s?}", "name", name, "level",
                                        level_names[level], "detail", text, "advice", advice));
        return;
    }
    printf("%s  %s: %s\n", level_marks[level], name, text);
    if (advice)
        printf("      %s\n", advice);
    fflush(stdout); /* the next check may take its time */
}

static void print_json(const struct doctor_run *run)
{
    json_t *all =
        json_pack("{s:b, s:i, s:i, s:O}", "ok", run->faults == 0, "faults", (int)run->faults,
                  "warnings", (int)run->warnings, "checks", run->checks);

    view_json(all);
    json_decref(all);
}

static enum cli_exit run(struct invocation *in)
{
    struct doctor_run run = {.doctor = {.config = in->config,
                                        .data = config_text(in->config, "server", "data"),
                                        .mem = in->mem,
                                        .note = note},
                             .checks = in->json ? json_array() : NULL};

    doctor_check_machine(&run.doctor);
    doctor_check_data(&run.doctor);
    if (in->json)
        print_json(&run);
    else
        printf("%u fault%s, %u warning%s\n", run.faults, run.faults == 1 ? "" : "s", run.warnings,
               run.warnings == 1 ? "" : "s");
    json_decref(run.checks);
    return run.faults > 0 ? CLI_DIFFERENCES : CLI_OK;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "check that the machine, the settings and the data are fit to serve",
    .help =
        "Looks at the clock, the limit of open files, the digests and a media process; at the\n"
        "configuration, the data folder and its rights, the database, each store and the free\n"
        "space. Every line is OK, WARN or FAIL, with what to do about it. Nothing is changed, and\n"
        "it may run beside a running server. Ends with 0 without faults (warnings are none), 7\n"
        "with some.\n"
        "\n"
        "Examples:\n"
        "  audiotricks doctor --data /srv/audiotricks\n"
        "  audiotricks doctor --config /etc/audiotricks.conf --json | jq '.checks[]'\n",
    .takes = TAKES_CONFIGURATION,
    .run = run,
};
