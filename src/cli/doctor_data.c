#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "cli/doctor.h"
#include "cli/settings_check.h"
#include "service/app.h"

#define OTHERS_MAY 077

/* ---- the data folder ---- */

static void check_folder(struct doctor *doctor, const struct stat *folder)
{
    if (access(doctor->data, R_OK | W_OK | X_OK) != 0)
        doctor_fault(doctor, DOCTOR_FAIL, "data folder",
                     "run as the user who owns it, or give it to this one with chown",
                     "%s: this user may not write there", doctor->data);
    else if (folder->st_mode & OTHERS_MAY)
        doctor_fault(doctor, DOCTOR_WARN, "data folder", "chmod 700 it", "%s: open to others",
                     doctor->data);
    else
        doctor_ok(doctor, "data folder", "%s", doctor->data);
}

static void check_token_file(struct doctor *doctor)
{
    const char *path = arena_printf(doctor->mem, "%s/operator-token", doctor->data);
    struct stat found;

    if (stat(path, &found) != 0)
        doctor_fault(doctor, DOCTOR_WARN, "operator token",
                     "none is needed if you keep the token elsewhere", "%s: %s", path,
                     strerror(errno));
    else if (found.st_mode & OTHERS_MAY)
        doctor_fault(doctor, DOCTOR_FAIL, "operator token",
                     "chmod 600 it; if others use this machine, make a new token and revoke it",
                     "%s: others may read it", path);
    else
        doctor_ok(doctor, "operator token", "%s", path);
}

/* The server's lock, for an instant: whoever holds it is a server. */
static void check_server(struct doctor *doctor)
{
    const char *path = arena_printf(doctor->mem, "%s/lock", doctor->data);
    scoped(fd_close) int lock = open(path, O_RDONLY | O_CLOEXEC);

    if (lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        doctor_ok(doctor, "server", "one is running on this data folder");
    else
        doctor_ok(doctor, "server", "none is running on this data folder");
}

static void check_folder_room(struct doctor *doctor)
{
    struct statvfs disk;

    if (statvfs(doctor->data, &disk) != 0)
        doctor_fault(doctor, DOCTOR_FAIL, "room for the data folder", "look at the disk", "%s: %s",
                     doctor->data, strerror(errno));
    else
        doctor_room(doctor, "room for the data folder", (uint64_t)disk.f_bavail * disk.f_frsize,
                    (uint64_t)disk.f_blocks * disk.f_frsize);
}

/* ---- database and stores ---- */

static void check_database(struct doctor *doctor, struct app *app)
{
    struct error err;
    int64_t version;

    if (!database_schema_version(app->database, &version, &err))
        doctor_fault(doctor, DOCTOR_FAIL, "database", "restore it from a backup", "%s", err.log);
    else if (!database_check(app->database, &err))
        doctor_fault(doctor, DOCTOR_FAIL, "database",
                     "make room, give this user the right to write, or end what locks it", "%s",
                     err.log);
    else
        doctor_ok(doctor, "database", "%s, schema %" PRId64 ", can be written to",
                  database_version(app->database), version);
}

static void check_store(struct doctor *doctor, struct store *store)
{
    const char *what = arena_printf(doctor->mem, "store \"%s\"", store_name(store));
    uint64_t room, total;
    struct error err;

    if (!store_check(store, &err)) {
        doctor_fault(doctor, DOCTOR_FAIL, what,
                     store_has_files(store)
                         ? "mount its disk, make room, or give this user the right to write"
                         : "look at its endpoint, bucket and keys, and at the staging folder",
                     "%s", err.log);
        return;
    }
    doctor_ok(doctor, what, "%s, can be written to", store_provider(store));
    what = arena_printf(doctor->mem,
                        store_has_files(store) ? "room in store \"%s\""
                                               : "room to stage for store \"%s\"",
                        store_name(store));
    if (!store_space(store, &room, &total, &err))
        doctor_fault(doctor, DOCTOR_WARN, what, "look at its disk", "%s", err.log);
    else if (total == STAGE_SIZE_UNKNOWN)
        doctor_ok(doctor, what, "without bound");
    else
        doctor_room(doctor, what, room, total);
}

static void check_contents(struct doctor *doctor)
{
    const struct app_options existing = {
        .data = doctor->data, .existing_only = true, .without_media = true};
    scoped(app_release) struct app *app = NULL;
    struct error err;

    if (!app_open(doctor->config, &existing, &app, &err)) {
        doctor_fault(doctor, DOCTOR_FAIL, "database and stores",
                     "`audiotricks serve` makes what is missing in a new data folder; otherwise "
                     "restore it, or mount the disk that holds it",
                     "%s", err.log);
        return;
    }
    check_database(doctor, app);
    for (size_t i = 0; i < app->store_count; i++)
        check_store(doctor, app->stores[i]);
}

static void check_settings(struct doctor *doctor)
{
    struct error err;

    if (settings_check(doctor->config, &err))
        doctor_ok(doctor, "configuration", "every option makes sense");
    else
        doctor_fault(doctor, DOCTOR_FAIL, "configuration",
                     "see `audiotricks config` for where each value comes from", "%s", err.log);
}

void doctor_check_data(struct doctor *doctor)
{
    struct stat folder;

    check_settings(doctor);
    if (stat(doctor->data, &folder) != 0 && errno == ENOENT) {
        doctor_fault(doctor, DOCTOR_WARN, "data folder",
                     "`audiotricks serve` makes it; or name another with --data",
                     "%s: there is none yet", doctor->data);
        return;
    }
    if (stat(doctor->data, &folder) != 0 || !S_ISDIR(folder.st_mode)) {
        doctor_fault(doctor, DOCTOR_FAIL, "data folder", "name a folder with --data",
                     "%s is no folder that this user can reach", doctor->data);
        return;
    }
    check_folder(doctor, &folder);
    check_folder_room(doctor);
    check_token_file(doctor);
    check_server(doctor);
    check_contents(doctor);
}
