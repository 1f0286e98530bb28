/* From the arguments of `upload` to the files that are to be sent. */
#ifndef CLI_UPLOAD_FILES_H
#define CLI_UPLOAD_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct upload_file {
    const char *path; /* as it is opened and shown; "-" for standard input */
    const char *name; /* what the server is told */
    uint64_t size_bytes;
    bool is_stream; /* standard input, a pipe: read once, of unknown length */
};

struct upload_files {
    struct arena *mem;
    struct upload_file *files;
    size_t count;
    size_t room;
    uint64_t total_bytes;
    uint64_t passed_over; /* in folders: what is plainly not audio, and what is no file */
    unsigned folders;     /* how many were gone through */
    bool everything;      /* pass over no file */
    bool takes_stream;    /* what is no file may be read as one: it has been given a name */
    /* Called for each of these: WHAT it is. */
    void (*passed)(void *context, const char *path, const char *what);
    /* Called for what cannot be read, or is not to be; the walk goes on. */
    void (*failed)(void *context, const char *path, const struct error *err);
    void *context; /* of both */
};

/*
 * Adds the file PATH, or every regular file in the folder PATH and below it, in the order of names.
 * In folders, names that begin with a dot are left out, links to folders are not followed, and
 * files that are empty, or whose first bytes are plainly something else than audio, are passed
 * over, unless EVERYTHING. Pipes, sockets, devices and the kernel's own file systems are passed
 * over in any case: reading there may never end. Named as PATH, they fail unless TAKES_STREAM.
 */
void upload_files_add(struct upload_files *files, const char *path);

#endif
