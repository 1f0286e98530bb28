#include "cli/upload_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/scoped.h"
#include "cli/names.h"
#include "media/media.h"

#define SNIFF_BYTES 4096
#define SHORTEST_BYTES 16 /* no format's header has less */
/* Two that <linux/magic.h> leaves out. */
#define CONFIGFS_FILE_MAGIC 0x62656570
#define FUSE_CONTROL_FILE_MAGIC 0x65735543

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
        .name = name_for_server(name, files->mem),
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
    scoped(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
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

/* What is neither a file nor a folder. */
static const char *special_kind(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFIFO:
        return "a named pipe";
    case S_IFSOCK:
        return "a socket";
    default:
        return "a device";
    }
}

/* Where files are made up as they are read: some wait for what never comes, some never end. */
static bool is_of_kernel(const char *folder)
{
    static const unsigned long magics[] = {
        PROC_SUPER_MAGIC, SYSFS_MAGIC,         DEBUGFS_MAGIC,          TRACEFS_MAGIC,
        SECURITYFS_MAGIC, CGROUP_SUPER_MAGIC,  CGROUP2_SUPER_MAGIC,    DEVPTS_SUPER_MAGIC,
        BPF_FS_MAGIC,     EFIVARFS_MAGIC,      PSTOREFS_MAGIC,         BINFMTFS_MAGIC,
        SELINUX_MAGIC,    CONFIGFS_FILE_MAGIC, FUSE_CONTROL_FILE_MAGIC};
    struct statfs found;

    if (statfs(folder, &found) != 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(magics); i++)
        if ((unsigned long)found.f_type == magics[i])
            return true;
    return false;
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
    else if (!S_ISDIR(target.st_mode))
        pass_over(files, path, special_kind(target.st_mode));
}

static int is_wanted(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void walk(struct upload_files *files, const char *folder)
{
    struct dirent **entries;
    int count;

    if (is_of_kernel(folder)) {
        pass_over(files, folder, "a file system of the kernel");
        return;
    }
    count = scandir(folder, &entries, is_wanted, alphasort);
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

static void refuse_special(struct upload_files *files, const char *path, mode_t mode)
{
    struct error err;

    error_tell(&err, ERR_INVALID, "it is %s; alone and with --name it is read to its end",
               special_kind(mode));
    files->failed(files->context, path, &err);
}

void upload_files_add(struct upload_files *files, const char *path)
{
    struct stat facts;

    if (strcmp(path, "-") == 0)
        add_file(files, path, "", NULL);
    else if (stat(path, &facts) < 0)
        fail(files, path);
    else if (S_ISDIR(facts.st_mode))
        walk(files, path), files->folders++;
    else if (S_ISREG(facts.st_mode) || (files->takes_stream && !S_ISSOCK(facts.st_mode)))
        add_file(files, path, name_of_path(path), S_ISREG(facts.st_mode) ? &facts : NULL);
    else
        refuse_special(files, path, facts.st_mode);
}
