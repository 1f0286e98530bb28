/*
 * Listing: a walk in the order of whole keys. Memory is bounded by the folders on the way, one at a
 * time per level. What is no object of ours (a symbolic link, a name that no key can have) is
 * visited like one, so that whoever compares with the catalog can tell of every byte.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "store/local.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

typedef bool visitor(void *context, const struct store_object *object);

static void dir_release(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* ---- one folder's entries ---- */

struct entry {
    const char *name;
    size_t length;
    bool is_folder;
};

struct entries {
    struct arena *names;
    struct entry *items;
    size_t count;
    size_t room;
};

static void entries_done(struct entries *self)
{
    arena_free(self->names);
    free(self->items);
}

static bool is_folder(int dir_fd, const struct dirent *found)
{
    struct stat st;

    if (found->d_type != DT_UNKNOWN)
        return found->d_type == DT_DIR;
    return fstatat(dir_fd, found->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void entries_add(struct entries *self, const char *name, bool folder)
{
    if (self->count == self->room) {
        self->room = self->room ? 2 * self->room : 64;
        self->items = reallocarray(self->items, self->room, sizeof *self->items);
        assert(self->items);
    }
    self->items[self->count++] = (struct entry){
        .name = arena_strdup(self->names, name),
        .length = strlen(name),
        .is_folder = folder,
    };
}

/* A folder's keys go on with '/', so that "a-b" comes before "a/b" although "a" is before "a-b". */
static int byte_at(const struct entry *entry, size_t index)
{
    if (index < entry->length)
        return (unsigned char)entry->name[index];
    return entry->is_folder ? '/' : -1;
}

static int entry_compare(const void *one, const void *other)
{
    const struct entry *a = one;
    const struct entry *b = other;
    size_t shared = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->name, b->name, shared);

    return order ? order : byte_at(a, shared) - byte_at(b, shared);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool entries_read(struct entries *self, DIR *dir, struct error *err)
{
    struct dirent *found;

    self->names = arena_new();
    for (errno = 0; (found = readdir(dir)); errno = 0)
        if (!is_dots(found->d_name))
            entries_add(self, found->d_name, is_folder(dirfd(dir), found));
    if (errno != 0)
        return local_fail(err, "read a folder");
    if (self->count > 1)
        qsort(self->items, self->count, sizeof *self->items, entry_compare);
    return true;
}

/* ---- the walk ---- */

/* The functions below return whether to go on; an end by failure sets FAILED and fills ERR. */
struct walk {
    const char *prefix;
    const char *after; /* "" for none: every key is greater */
    visitor *visit;
    void *context;
    struct error *err;
    bool failed;
    size_t length;
    char path[PATH_MAX]; /* of the folder, with a final '/'; of the entry while that is looked at */
};

static bool walk_fail(struct walk *walk, const char *what)
{
    walk->failed = true;
    return local_fail(walk->err, what);
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool wants_folder(const struct walk *walk)
{
    bool on_the_way =
        starts_with(walk->prefix, walk->path) || starts_with(walk->path, walk->prefix);
    bool passed = strcmp(walk->after, walk->path) > 0 && !starts_with(walk->after, walk->path);

    return on_the_way && !passed;
}

static bool wants_file(const struct walk *walk)
{
    return starts_with(walk->path, walk->prefix) && strcmp(walk->path, walk->after) > 0;
}

static bool visit_entry(struct walk *walk, int dir_fd, const char *name)
{
    struct store_object object = {.key = walk->path};
    struct stat st;

    if (!wants_file(walk))
        return true;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || walk_fail(walk, "stat a file"); /* removed meanwhile */
    local_object_fill(&object, &st);
    return walk->visit(walk->context, &object);
}

static bool walk_folder(struct walk *walk, int fd);

/* The file system's own, which only root may read; nothing of the store's is in it. */
static bool is_lost_and_found(const struct walk *walk)
{
    return strcmp(walk->path, "lost+found/") == 0;
}

static bool walk_into(struct walk *walk, int dir_fd, const char *name)
{
    if (!wants_folder(walk))
        return true;
    int fd = openat(dir_fd, name, FOLDER_FLAGS);
    if (fd >= 0)
        return walk_folder(walk, fd);
    if (errno == ENOENT || (errno == EACCES && is_lost_and_found(walk)))
        return true;
    return walk_fail(walk, "open a folder");
}

/* What no path can name any more is shown under the part that one can. */
static bool path_add(struct walk *walk, const struct entry *entry)
{
    size_t room = sizeof walk->path - walk->length - 2;
    size_t length = entry->length < room ? entry->length : room;

    memcpy(walk->path + walk->length, entry->name, length);
    walk->length += length;
    if (entry->is_folder && length == entry->length)
        walk->path[walk->length++] = '/';
    walk->path[walk->length] = '\0';
    return length == entry->length;
}

static bool walk_entry(struct walk *walk, int dir_fd, const struct entry *entry)
{
    size_t before = walk->length;
    bool whole = path_add(walk, entry);
    bool going = entry->is_folder && whole ? walk_into(walk, dir_fd, entry->name)
                                           : visit_entry(walk, dir_fd, entry->name);

    walk->length = before;
    walk->path[before] = '\0';
    return going;
}

static bool is_own(const struct walk *walk, const char *name)
{
    return walk->length == 0 &&
           (strcmp(name, LOCAL_MARKER) == 0 || strcmp(name, LOCAL_STAGING) == 0);
}

/* Closes FD. */
static bool walk_folder(struct walk *walk, int fd)
{
    scoped(entries_done) struct entries entries = {0};
    scoped(dir_release) DIR *dir = fdopendir(fd);

    if (!dir) {
        close(fd);
        return walk_fail(walk, "read a folder");
    }
    if (!entries_read(&entries, dir, walk->err)) {
        walk->failed = true;
        return false;
    }
    for (size_t i = 0; i < entries.count; i++)
        if (!is_own(walk, entries.items[i].name) &&
            !walk_entry(walk, dirfd(dir), &entries.items[i]))
            return false;
    return true;
}

/* The deepest folder that holds all keys with the prefix; the root where the prefix names none. */
static void start_at(struct walk *walk)
{
    struct local_place place;
    struct error ignored;
    const char *slash = strrchr(walk->prefix, '/');
    size_t length = slash ? (size_t)(slash - walk->prefix) : 0;

    if (length == 0 || length > STORE_KEY_MAX)
        return;
    memcpy(walk->path, walk->prefix, length);
    walk->path[length] = '\0';
    if (!store_key_is_valid(walk->path) || !local_place_of(walk->path, &place, &ignored))
        length = 0;
    walk->length = length;
    walk->path[length] = '\0';
}

static bool walk_from(struct walk *walk, const struct local_root *root)
{
    start_at(walk);
    int fd = local_open(root->fd, walk->path, FOLDER_FLAGS);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || walk_fail(walk, "open a folder");
    if (walk->length > 0) {
        walk->path[walk->length++] = '/';
        walk->path[walk->length] = '\0';
    }
    return walk_folder(walk, fd);
}

bool local_list(struct store *store, const char *prefix, const char *after, visitor *visit,
                void *context, struct error *err)
{
    scoped(local_root_release) struct local_root *root = NULL;
    scoped(local_root_release) struct local_root *again = NULL;
    struct walk walk = {
        .prefix = prefix,
        .after = after ? after : "",
        .visit = visit,
        .context = context,
        .err = err,
    };

    if (!local_root_enter(local_store(store), true, &root, err))
        return false;
    if (!walk_from(&walk, root))
        return !walk.failed;
    /* What was emptied while we walked must not pass for a short list. */
    return local_root_enter(local_store(store), true, &again, err);
}

/* ---- stages ---- */

static bool stages_open(struct local_store *self, DIR **out, struct error *err)
{
    scoped(local_root_release) struct local_root *root = NULL;

    if (!local_root_enter(self, true, &root, err))
        return false;
    int fd = openat(root->staging_fd, ".", FOLDER_FLAGS);
    *out = fd >= 0 ? fdopendir(fd) : NULL;
    return *out || local_fail(err, "open " LOCAL_STAGING);
}

static bool stage_visit(int dir_fd, const char *name, visitor *visit, void *context)
{
    struct store_object object = {.key = name};
    struct stat st;

    if (is_dots(name) || strcmp(name, LOCAL_PROBE) == 0)
        return true;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return true; /* published or discarded meanwhile */
    local_object_fill(&object, &st);
    return visit(context, &object);
}

bool local_list_stages(struct store *store, visitor *visit, void *context, struct error *err)
{
    scoped(dir_release) DIR *dir = NULL;
    struct dirent *found;

    if (!stages_open(local_store(store), &dir, err))
        return false;
    for (errno = 0; (found = readdir(dir)); errno = 0)
        if (!stage_visit(dirfd(dir), found->d_name, visit, context))
            return true;
    return errno == 0 || local_fail(err, "read " LOCAL_STAGING);
}
