/* Brings one upload's content into a file: resumed where it stopped, checked when it is whole. */
#ifndef CLI_DOWNLOAD_H
#define CLI_DOWNLOAD_H

#include "cli/connect.h"
#include "cli/meter.h"

struct download {
    const struct connection *connection;
    const char *id;
    const char *sha256; /* hex, of the record */
    uint64_t size_bytes;
    const char *path; /* the file to make */
    bool force;       /* replace the file if there is one */
    struct meter *meter;
};

/*
 * Makes PATH. Bytes arrive in PATH.part, which stays after a failure and from which the next run
 * goes on; it becomes PATH when its SHA-256 is right and it has reached stable storage. Fails with
 * ERR_EXISTS if PATH is there (and not forced), ERR_CONFLICT if another run writes PATH.part,
 * ERR_CHECKSUM if the content is not what the record says (PATH.part is then gone).
 */
bool download_to_file(const struct download *what, struct arena *mem, struct error *err);

/* Writes the content to OUT, and checks it at the end: fails with ERR_CHECKSUM after the fact. */
bool download_to_stream(const struct download *what, FILE *out, struct arena *mem,
                        struct error *err);

#endif
