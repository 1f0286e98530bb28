/*
 * What is remembered of an upload in chunks between two runs of the program: which session it has
 * on the server, and of which content. A small file in the user's cache folder, for this user
 * alone.
 */
#ifndef CLI_UPLOAD_STATE_H
#define CLI_UPLOAD_STATE_H

#include "cli/connect.h"

struct upload_state {
    const char *session; /* its id on the server */
    uint64_t size_bytes; /* of the file, then */
    int64_t mtime_us;
    const char *sha256; /* of its content, hex */
};

/* Where the state of an upload of PATH over CONNECTION is kept; NULL if there is no folder for it
 * (neither $XDG_CACHE_HOME nor $HOME is set), or PATH cannot be found. */
const char *upload_state_path(const struct connection *connection, const char *path,
                              struct arena *mem);
/* Waits until no other process of this user sends the same file; until what it gives is closed,
 * none does. -1 where the file system cannot lock: then both send. */
int upload_state_lock(const char *state_path, struct arena *mem);
/* False if nothing is remembered there. */
bool upload_state_read(const char *state_path, struct arena *mem, struct upload_state *out);
/* Makes the folder and the file, with modes 0700 and 0600. */
bool upload_state_write(const char *state_path, const struct upload_state *state, struct arena *mem,
                        struct error *err);
/* Harmless if there is none. */
void upload_state_remove(const char *state_path);

#endif
