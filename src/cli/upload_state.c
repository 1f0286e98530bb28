#include "cli/upload_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "cli/view.h"
#include "crypto/digest.h"

#define STATE_MAX_BYTES 4096
#define SHORT_BYTES 16 /* of a digest, in names of files */

static void folder_close(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static const char *cache_folder(struct arena *mem)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache && *cache == '/') /* the XDG specification: relative ones are to be ignored */
        return arena_printf(mem, "%s/audiotricks", cache);
    return home && *home ? arena_printf(mem, "%s/.cache/audiotricks", home) : NULL;
}

/* Of a text that may be long, or hold what no name of a file may. */
static const char *short_digest(const char *text, struct arena *mem)
{
    uint8_t hash[SHA256_BYTES];
    char *hex = arena_alloc(mem, HEX_SIZE(SHORT_BYTES));

    sha256_of(text, strlen(text), hash);
    hex_encode(hash, SHORT_BYTES, hex);
    return hex;
}

/* How the names of all states of PATH begin; NULL if it cannot be found. */
static const char *name_prefix(const struct connection *connection, const char *path,
                               struct arena *mem)
{
    scoped(memory_free) char *absolute = realpath(path, NULL);
    const char *key;

    if (!absolute)
        return NULL;
    key = arena_printf(mem, "%s\n%s", connection->options.server, absolute);
    return arena_printf(mem, "upload-%s-", short_digest(key, mem));
}

bool upload_state_path(const struct connection *connection, const char *path, struct arena *mem,
                       const char **out, struct error *err)
{
    const char *folder = cache_folder(mem), *prefix = name_prefix(connection, path, mem);
    const char *workspace;

    if (!folder || !prefix) {
        *out = NULL;
        return true;
    }
    if (!connect_workspace(connection, mem, &workspace, err))
        return false;
    *out = arena_printf(mem, "%s/%s%s.json", folder, prefix, short_digest(workspace, mem));
    return true;
}

bool upload_state_is_anywhere(const struct connection *connection, const char *path,
                              struct arena *mem)
{
    const char *folder = cache_folder(mem), *prefix = name_prefix(connection, path, mem);
    scoped(folder_close) DIR *dir = folder && prefix ? opendir(folder) : NULL;
    const struct dirent *entry;
    bool found = false;

    while (dir && !found && (entry = readdir(dir)))
        found = strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    return found;
}

bool upload_state_read(const char *state_path, struct arena *mem, struct upload_state *out)
{
    scoped(json_decrefp) json_t *state = NULL;
    struct error ignored;
    size_t length;
    char *text;

    if (!fs_read_file(state_path, STATE_MAX_BYTES, mem, &text, &length, &ignored))
        return false;
    state = json_loadb(text, length, 0, NULL);
    *out = (struct upload_state){
        .key = arena_strdup(mem, view_text(state, "key")),
        .session = arena_strdup(mem, view_text(state, "session")),
        .size_bytes = (uint64_t)view_int(state, "file_size", 0),
        .mtime_us = view_int(state, "mtime_us", 0),
        .sha256 = arena_strdup(mem, view_text(state, "sha256")),
        .name = arena_strdup(mem, view_text(state, "filename")),
        .on_duplicate = arena_strdup(mem, view_text(state, "on_duplicate")),
    };
    return out->key && out->sha256 && out->name;
}

bool upload_state_write(const char *state_path, const struct upload_state *state, struct error *err)
{
    scoped(json_decrefp) json_t *object = json_pack(
        "{s:s, s:s*, s:I, s:I, s:s, s:s, s:s*}", "key", state->key, "session", state->session,
        "file_size", (json_int_t)state->size_bytes, "mtime_us", (json_int_t)state->mtime_us,
        "sha256", state->sha256, "filename", state->name, "on_duplicate", state->on_duplicate);
    scoped(memory_free) char *text = json_dumps(object, JSON_COMPACT);

    if (!text)
        return error_set(err, ERR_FILENAME, "the file's name is not UTF-8");
    return fs_write_file(state_path, text, strlen(text), 0600, err);
}

void upload_state_remove(const char *state_path)
{
    if (state_path)
        unlink(state_path);
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool upload_state_is_same(const struct upload_state *a, const struct upload_state *b)
{
    return a->size_bytes == b->size_bytes && a->mtime_us == b->mtime_us &&
           is_same_text(a->sha256, b->sha256) && is_same_text(a->name, b->name) &&
           is_same_text(a->on_duplicate, b->on_duplicate);
}

/* ---- one at a time ---- */

/* The state itself cannot be locked: each time that it is written it is another file. */
static const char *lock_path(const char *state_path, struct arena *mem)
{
    return arena_printf(mem, "%s.lock", state_path);
}

static bool try_lock(const char *path, int *out, bool *gone, struct error *err)
{
    scoped(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat facts;

    if (fd < 0)
        return error_errno(err, "create \"%s\"", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return error_tell(err, ERR_CONFLICT, "it is being sent by another audiotricks");
    /* Who had the lock removed the file before letting go: this one keeps nobody out. */
    *gone = fstat(fd, &facts) == 0 && facts.st_nlink == 0;
    if (!*gone)
        *out = fd_take(&fd);
    return true;
}

bool upload_state_lock(const char *state_path, struct arena *mem, int *out, struct error *err)
{
    const char *slash = strrchr(state_path, '/');
    const char *folder = arena_strndup(mem, state_path, (size_t)(slash - state_path));
    bool gone;

    if (!fs_make_folders(AT_FDCWD, folder, 0700, err))
        return false;
    do {
        if (!try_lock(lock_path(state_path, mem), out, &gone, err))
            return false;
    } while (gone);
    return true;
}

void upload_state_unlock(const char *state_path, struct arena *mem, int lock)
{
    if (lock < 0)
        return;
    unlink(lock_path(state_path, mem));
    close(lock);
}
