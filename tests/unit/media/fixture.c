#include "fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"

struct kept {
    struct fixture base;
    json_t *metadata;
};

struct fixture *fixture_new(unsigned processes, uint64_t timeout_ms)
{
    struct kept *kept = calloc(1, sizeof *kept);
    struct media_options options = {
        .processes = processes, .memory_bytes = UINT64_C(256) << 20, .timeout_ms = timeout_ms};
    struct error err = {0};

    assert_non_null(kept);
    setenv("MEDIA_WORKER_TEST", "1", 1);
    strcpy(kept->base.folder, "/tmp/media-test-XXXXXX");
    assert_non_null(mkdtemp(kept->base.folder));
    kept->base.mem = arena_new();
    if (!media_pool_open(&options, &kept->base.pool, &err))
        fail_msg("%s", err.log);
    return &kept->base;
}

void fixture_free(struct fixture *fixture)
{
    struct kept *kept = container_of(fixture, struct kept, base);

    make(fixture, "rm -rf '%s'", fixture->folder);
    media_pool_free(fixture->pool);
    arena_free(fixture->mem);
    json_decref(kept->metadata);
    free(kept);
}

void make(struct fixture *fixture, const char *fmt, ...)
{
    char command[4096];
    char whole[4300];
    va_list args;

    va_start(args, fmt);
    vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    snprintf(whole, sizeof whole, "cd '%s' && { %s\n} </dev/null", fixture->folder, command);
    if (system(whole) != 0)
        fail_msg("command failed: %s", command);
}

static void path_of(struct fixture *fixture, const char *name, char out[static 512])
{
    snprintf(out, 512, "%s/%s", fixture->folder, name);
}

void make_file(struct fixture *fixture, const char *name, const void *bytes, size_t length)
{
    char path[512];
    FILE *file;

    path_of(fixture, name, path);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

uint64_t file_size(struct fixture *fixture, const char *name)
{
    char path[512];
    struct stat status;

    path_of(fixture, name, path);
    assert_int_equal(stat(path, &status), 0);
    return (uint64_t)status.st_size;
}

void make_cut(struct fixture *fixture, const char *from, const char *to, double share)
{
    make(fixture, "head -c %llu '%s' >'%s'",
         (unsigned long long)((double)file_size(fixture, from) * share), from, to);
}

void patch_file(struct fixture *fixture, const char *name, uint64_t at, const void *bytes,
                size_t length)
{
    char path[512];
    int fd;

    path_of(fixture, name, path);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, (off_t)at), length);
    close(fd);
}

struct look look_at(struct fixture *fixture, const char *name)
{
    struct kept *kept = container_of(fixture, struct kept, base);
    struct look look = {0};
    struct error err = {0};
    char path[512];
    int fd;

    path_of(fixture, name, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    look.taken = media_probe(fixture->pool, fd, file_size(fixture, name), name, fixture->mem,
                             &look.facts, &err);
    close(fd);
    look.kind = err.kind;
    json_decref(kept->metadata);
    kept->metadata =
        look.facts.metadata_json ? json_loads(look.facts.metadata_json, 0, NULL) : NULL;
    look.metadata = kept->metadata;
    return look;
}

const char *tag_of(const struct look *look, const char *name)
{
    return json_string_value(json_object_get(json_object_get(look->metadata, "tags"), name));
}

int64_t number_tag_of(const struct look *look, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(look->metadata, "tags"), name));
}

bool note_of(const struct look *look, const char *name)
{
    return json_is_true(json_object_get(look->metadata, name));
}
