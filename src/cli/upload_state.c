#include "cli/upload_state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "cli/view.h"
#include "crypto/digest.h"

#define STATE_MAX_BYTES 4096

static const char *cache_folder(struct arena *mem)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache && *cache == '/') /* the XDG specification: relative ones are to be ignored */
        return arena_printf(mem, "%s/audiotricks", cache);
    return home && *home ? arena_printf(mem, "%s/.cache/audiotricks", home) : NULL;
}

const char *upload_state_path(const struct connection *connection, const char *path,
                              struct arena *mem)
{
    scoped(memory_free) char *absolute = realpath(path, NULL);
    const char *folder = cache_folder(mem), *workspace = connection->workspace;
    char hex[HEX_SIZE(SHA256_BYTES)];
    uint8_t hash[SHA256_BYTES];
    char *key;

    if (!absolute || !folder)
        return NULL;
    key = arena_printf(mem, "%s\n%s\n%s", connection->options.server, workspace ? workspace : "",
                       absolute);
    sha256_of(key, strlen(key), hash);
    hex_encode(hash, sizeof hash, hex);
    return arena_printf(mem, "%s/upload-%s.json", folder, hex);
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
    out->session = arena_strdup(mem, view_text(state, "session"));
    out->sha256 = arena_strdup(mem, view_text(state, "sha256"));
    out->size_bytes = (uint64_t)view_int(state, "file_size", 0);
    out->mtime_us = view_int(state, "mtime_us", 0);
    return out->session && out->sha256;
}

static bool make_folder(const char *state_path, struct arena *mem, struct error *err)
{
    const char *slash = strrchr(state_path, '/');

    return fs_make_folders(AT_FDCWD, arena_strndup(mem, state_path, (size_t)(slash - state_path)),
                           0700, err);
}

int upload_state_lock(const char *state_path, struct arena *mem)
{
    struct error ignored;
    int fd, code;

    if (!make_folder(state_path, mem, &ignored))
        return -1;
    fd = open(arena_printf(mem, "%s.lock", state_path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    do
        code = fd < 0 ? 0 : flock(fd, LOCK_EX);
    while (code != 0 && errno == EINTR);
    return fd;
}

bool upload_state_write(const char *state_path, const struct upload_state *state, struct arena *mem,
                        struct error *err)
{
    scoped(json_decrefp) json_t *object =
        json_pack("{s:s, s:I, s:I, s:s}", "session", state->session, "file_size",
                  (json_int_t)state->size_bytes, "mtime_us", (json_int_t)state->mtime_us, "sha256",
                  state->sha256);
    scoped(memory_free) char *text = json_dumps(object, JSON_COMPACT);

    if (!text)
        abort();
    return make_folder(state_path, mem, err) &&
           fs_write_file(state_path, text, strlen(text), 0600, err);
}

void upload_state_remove(const char *state_path)
{
    if (state_path)
        unlink(state_path);
}
