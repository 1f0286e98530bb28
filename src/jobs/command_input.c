#include "jobs/command_input.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "catalog/chunk.h"
#include "service/remaking.h"

#define PATH_STANDARD "/usr/local/bin:/usr/bin:/bin"
#define VARIABLES_OWN 20
#define EXTENSION_MAX 16
#define TRIES 3 /* to find a chunk that others may be cutting anew */

/* ---- where the audio is ---- */

struct place {
    const char *storage_name, *path;
};

static bool find_chunk(struct app *app, const struct job *job, struct arena *mem, struct chunk *out,
                       struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) &&
           chunk_by_index(db, job->upload_id, job->chunk_index, mem, out, err);
}

static bool find_place(struct app *app, const struct upload *upload, const struct job *job,
                       struct arena *mem, struct place *out, struct error *err)
{
    struct chunk chunk;

    *out = (struct place){upload->storage_name, upload->storage_path};
    if (uuid_is_nil(job->chunk_id))
        return true;
    if (!find_chunk(app, job, mem, &chunk, err))
        return false;
    if (!chunk.has_file)
        return error_tell(err, ERR_CONFLICT,
                          "the chunk has not been cut: \"after = chunk\" makes its jobs wait");
    *out = (struct place){chunk.storage_name, chunk.chunk_path};
    return true;
}

/* What the name of the audio ends in: there are programs that go by that. */
static const char *extension_of(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot && !strchr(dot, '/') && strlen(dot) <= EXTENSION_MAX ? dot : "";
}

/* ---- at a path of its own ---- */

struct file_sink {
    struct sink base;
    int fd;
    uint64_t written;
};

static bool write_file(struct sink *base, const void *bytes, size_t length, struct error *err)
{
    struct file_sink *sink = container_of(base, struct file_sink, base);

    if (!fs_write_at(sink->fd, bytes, length, sink->written, "copy of the audio", err))
        return false;
    sink->written += length;
    return true;
}

static bool copy(struct store *store, const char *key, const char *path, int *out,
                 struct error *err)
{
    scoped(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct file_sink sink = {.base = {write_file}, .fd = fd};

    if (fd < 0)
        return error_errno(err, "copy of the audio");
    if (!store_get(store, key, (struct byte_range){0, BYTE_RANGE_REST}, &sink.base, err))
        return false;
    *out = fd_take(&fd);
    return true;
}

/* The kernel knows where an open file lies; false if it has no name any more. */
static bool link_to(int fd, const char *path, struct error *err)
{
    char own[32], where[PATH_MAX];
    ssize_t length;
    struct stat st;

    if (fstat(fd, &st) != 0 || st.st_nlink == 0)
        return error_set(err, ERR_NOT_FOUND, "the audio has just been removed");
    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    length = readlink(own, where, sizeof where);
    if (length <= 0 || (size_t)length == sizeof where || *where != '/')
        return error_set(err, ERR_INTERNAL, "the audio's path is not known");
    where[length] = '\0';
    return symlink(where, path) == 0 || error_errno(err, "link to the audio");
}

static bool open_place(struct app *app, const struct place *place, const char *path, int *out,
                       struct error *err)
{
    scoped(fd_close) int fd = -1;
    struct store *store;
    uint64_t size;

    if (!app_find_store(app, place->storage_name, &store, err))
        return false;
    if (store_open_fd(store, place->path, &fd, &size, err)) {
        if (!link_to(fd, path, err))
            return false;
    } else if (err->kind != ERR_NOT_IMPLEMENTED || !copy(store, place->path, path, &fd, err)) {
        return false;
    }
    *out = fd_take(&fd);
    return true;
}

static bool should_end(void *context)
{
    return atomic_load((const atomic_bool *)context);
}

/* A chunk that is gone from the store is cut again; an upload that is gone is lost. */
static bool make_again(const struct command_source *from, const struct place *place,
                       struct arena *mem, struct error *err)
{
    struct missing_file file = {from->upload, DERIVED_CHUNK, place->storage_name, place->path};

    if (!uuid_is_nil(from->job->chunk_id))
        return remake(from->app, &file, should_end, (void *)from->should_end, mem, err);
    err->kind = ERR_CONFLICT;
    return error_client(err, "the audio is not in the store");
}

bool command_input_open(const struct command_source *from, const struct scratch_folder *folder,
                        struct arena *mem, struct command_input *out, struct error *err)
{
    for (int i = 0; i < TRIES; i++) {
        struct command_input input = COMMAND_INPUT_NONE;
        struct place place;

        if (!find_place(from->app, from->upload, from->job, mem, &place, err))
            return false;
        input.path = arena_printf(mem, "%s/audio%s", folder->path, extension_of(place.path));
        if (open_place(from->app, &place, input.path, &input.fd, err)) {
            *out = input;
            return true;
        }
        unlink(input.path); /* a copy that was begun */
        if (err->kind != ERR_NOT_FOUND || !make_again(from, &place, mem, err))
            return false;
    }
    return error_tell(err, ERR_CONFLICT, "the chunk is being cut anew");
}

/* ---- words ---- */

static const char *passed(const struct processor *processor, const char *name)
{
    for (char **variable = processor->passed; *variable; variable++)
        if (strcmp(*variable, name) == 0)
            return getenv(name);
    return NULL;
}

static const char *search_path(const struct processor *processor)
{
    const char *own = passed(processor, "PATH");

    return own ? own : PATH_STANDARD;
}

static bool find_program(const struct processor *processor, struct arena *mem, char **out,
                         struct error *err)
{
    struct str rest = str_from(search_path(processor)), folder;
    char *program = processor->words[0];

    if (*program == '/') {
        *out = program;
        return true;
    }
    while (str_split(&rest, ':', &folder)) {
        *out = arena_printf(mem, "%.*s/%s", (int)folder.len, folder.ptr, program);
        if (*out[0] == '/' && access(*out, X_OK) == 0)
            return true;
    }
    return error_tell(err, ERR_UNAVAILABLE, "there is no program \"%s\" along the path", program);
}

/* WORD with PATH in the place of each {input}. */
static char *fill_in(const char *word, const char *path, struct arena *mem)
{
    static const char placeholder[] = "{input}";
    const char *at = strstr(word, placeholder);

    return at ? arena_printf(mem, "%.*s%s%s", (int)(at - word), word, path,
                             fill_in(at + strlen(placeholder), path, mem))
              : arena_strdup(mem, word);
}

bool command_arguments(const struct processor *processor, const char *path, struct arena *mem,
                       char ***out, struct error *err)
{
    char **words = arena_array(mem, processor->word_count + 1, sizeof *words);

    if (!find_program(processor, mem, &words[0], err))
        return false;
    for (size_t i = 1; i < processor->word_count; i++)
        words[i] =
            processor->by_path ? fill_in(processor->words[i], path, mem) : processor->words[i];
    *out = words;
    return true;
}

/* ---- the environment ---- */

struct variables {
    struct arena *mem;
    char **list;
    size_t count;
};

static void set(struct variables *to, const char *name, const char *value)
{
    to->list[to->count++] = arena_printf(to->mem, "%s=%s", name, value ? value : "");
}

static void set_id(struct variables *to, const char *name, struct uuid id)
{
    char text[UUID_TEXT_SIZE];

    uuid_format(id, text);
    set(to, name, text);
}

static void set_seconds(struct variables *to, const char *name, int64_t ms)
{
    set(to, name, arena_printf(to->mem, "%lld.%03lld", (long long)ms / 1000, (long long)ms % 1000));
}

static void set_job(struct variables *to, const struct upload *upload, const struct job *job)
{
    int64_t start_ms = job->has_chunk ? job->chunk_start_ms : 0;
    int64_t end_ms = job->has_chunk ? job->chunk_end_ms : upload->duration_ms;

    set_id(to, "JOB_ID", job->id);
    set(to, "JOB_KIND", job->kind);
    set(to, "JOB_OPTIONS", job->options);
    set(to, "JOB_ATTEMPT", arena_printf(to->mem, "%d", job->attempts));
    set_id(to, "JOB_WORKSPACE_ID", job->workspace_id);
    set_id(to, "JOB_UPLOAD_ID", job->upload_id);
    set(to, "JOB_CHUNK_INDEX",
        job->has_chunk ? arena_printf(to->mem, "%u", job->chunk_index) : NULL);
    set_seconds(to, "JOB_START_TIME", start_ms);
    set_seconds(to, "JOB_END_TIME", end_ms);
}

char **command_environment(const struct processor *processor, const struct upload *upload,
                           const struct job *job, const struct scratch_folder *folder,
                           const char *path, struct arena *mem)
{
    struct variables variables = {.mem = mem};
    size_t passed_count = 0;

    while (processor->passed[passed_count])
        passed_count++;
    variables.list = arena_array(mem, VARIABLES_OWN + passed_count + 1, sizeof *variables.list);
    set(&variables, "PATH", search_path(processor));
    set(&variables, "LANG", "C.UTF-8");
    set(&variables, "HOME", folder->path);
    set(&variables, "TMPDIR", folder->path);
    if (processor->by_path)
        set(&variables, "JOB_INPUT", path);
    set_job(&variables, upload, job);
    for (char **name = processor->passed; *name; name++)
        if (strcmp(*name, "PATH") != 0 && getenv(*name))
            set(&variables, *name, getenv(*name));
    return variables.list;
}
