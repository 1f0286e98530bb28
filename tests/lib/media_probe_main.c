/*
 * Looks at files through the real media processes and prints one line of JSON a file: the record's
 * fields as the API names them, or an error with its code.
 *
 *   media-probe [-j PROCESSES] [-t TIMEOUT_MS] FILE…
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "media/media.h"

static json_t *facts_to_json(const struct media_facts *facts)
{
    json_t *root = json_pack("{s:s, s:s, s:s*, s:f, s:i, s:i, s:i, s:b}", "file_type",
                             facts->file_type, "mime_type", facts->mime_type, "codec", facts->codec,
                             "duration", (double)facts->duration_ms / 1000, "sample_rate",
                             facts->sample_rate_hz, "channels", facts->channels, "bitrate",
                             facts->bitrate_kbps, "has_video", facts->has_video);

    json_object_set_new(root, "metadata", json_loads(facts->metadata_json, 0, NULL));
    return root;
}

static json_t *look_at(struct media_pool *pool, const char *path)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct media_facts facts = {0};
    struct stat status;
    struct error err;
    json_t *root;
    bool taken;

    if (fd < 0 || fstat(fd, &status) != 0)
        return json_pack("{s:s}", "error", strerror(errno));
    taken = media_probe(pool, fd, (uint64_t)status.st_size, path, mem, &facts, &err);
    root = facts.metadata_json ? facts_to_json(&facts) : json_object();
    if (!taken) {
        json_object_set_new(root, "code", json_string(error_code(&err)));
        json_object_set_new(root, "detail", json_string(error_detail(&err)));
        json_object_set_new(root, "log", json_string(err.log));
    }
    return root;
}

static void print_file(struct media_pool *pool, const char *path)
{
    int64_t start_us = clock_monotonic_us();
    json_t *root = look_at(pool, path);

    json_object_set_new(root, "file", json_string(path));
    json_object_set_new(root, "elapsed_ms",
                        json_real((double)(clock_monotonic_us() - start_us) / 1000));
    json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
    putchar('\n');
    fflush(stdout);
    json_decref(root);
}

int main(int argc, char **argv)
{
    struct media_options options = {
        .processes = 1, .memory_bytes = UINT64_C(512) << 20, .timeout_ms = 20000};
    scoped(media_pool_release) struct media_pool *pool = NULL;
    struct error err;
    int option;

    if (argc == 2 && strcmp(argv[1], "media-worker") == 0)
        return media_worker_main();
    while ((option = getopt(argc, argv, "j:t:")) != -1) {
        if (option == 'j')
            options.processes = (unsigned)atoi(optarg);
        else if (option == 't')
            options.timeout_ms = (uint64_t)atoi(optarg);
        else
            return 2;
    }
    if (!media_pool_open(&options, &pool, &err)) {
        fprintf(stderr, "media-probe: %s\n", err.log);
        return 1;
    }
    for (int i = optind; i < argc; i++)
        print_file(pool, argv[i]);
    return 0;
}
