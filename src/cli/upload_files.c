#include "cli/upload_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scoped.h"
#include "cli/names.h"
#include "media/media.h"

#define SNIFF_BYTES 4096
#define SHORTEST_BYTES 16 /* no format's header has less */

static void add_file(struct upload_files *files, const char *path, const char *name,
                     const struct stat *facts)
{
    if (files->count == files->room) {
        size_t room = files->room ? 2 * files->room : 64;
        struct upload_file *bigger = arena_array(files->mem, room, sizeof *bigger);

        if (files->count > 0)
            memcpy(bigger, files->files, files->count * sizeof *bigger);
        files->files = bigger;
        files->room = room;
    }
    files->files[files->count++] = (struct upload_file){
        .path = arena_strdup(files->mem, path),
        .name = arena_strdup(files->mem, name),
        .size_bytes = facts ? (uint64_t)facts->st_size : 0,
        .is_stream = !facts,
    };
    files->total_bytes += facts ? (uint64_t)facts->st_size : 0;
}

static void fail(struct upload_files *files, const char *path)
{
    struct error err;

    error_errno(&err, "cannot read it");
    files->failed(files->context, path, &err);
}

/* *WHAT it is, then. */
static bool is_plainly_not_audio(const char *path, const char **what)
{
    scoped(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char head[SNIFF_BYTES];
    ssize_t length = fd < 0 ? -1 : read(fd, head, sizeof head);

    if (length < 0)
        return false; /* sending it will say why it cannot be read */
    if (length < SHORTEST_BYTES) {
        *what = length == 0 ? "an empty file" : "too short for audio";
        return true;
    }
    return media_sniff(head, (size_t)length, what) == MEDIA_SNIFF_NO;
}

static void pass_over(struct upload_files *files, const char *path, const char *what)
{
    files->passed_over++;
    files->passed(files->context, path, what);
}

static void walk(struct upload_files *files, const char *folder);

static void add_entry(struct upload_files *files, const char *folder, const char *name)
{
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    const char *path = arena_printf(files->mem, "%s%s%s", folder, slash, name);
    struct stat own, target;
    const char *what;

    if (lstat(path, &own) < 0 || stat(path, &target) < 0)
        fail(files, path);
    else if (S_ISDIR(own.st_mode))
        walk(files, path);
    else if (S_ISREG(target.st_mode) && !files->everything && is_plainly_not_audio(path, &what))
        pass_over(files, path, what);
    else if (S_ISREG(target.st_mode))
        add_file(files, path, name, &target);
}

static int is_wanted(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void walk(struct upload_files *files, const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_wanted, alphasort);

    if (count < 0) {
        fail(files, folder);
        return;
    }
    for (int i = 0; i < count; i++) {
        add_entry(files, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

void upload_files_add(struct upload_files *files, const char *path)
{
    struct stat facts;

    if (strcmp(path, "-") == 0)
        add_file(files, path, "", NULL);
    else if (stat(path, &facts) < 0)
        fail(files, path);
    else if (S_ISDIR(facts.st_mode))
        walk(files, path);
    else
        add_file(files, path, name_of_path(path), S_ISREG(facts.st_mode) ? &facts : NULL);
}
