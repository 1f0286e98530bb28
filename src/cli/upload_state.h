/*
 * What is remembered of an upload in chunks between two runs of the program: which session it has
 * on the server, and of which content. A small file in the user's cache folder, for this user
 * alone.
 */
#ifndef CLI_UPLOAD_STATE_H
#define CLI_UPLOAD_STATE_H

#include "cli/connect.h"

struct upload_state {
    const char *key;     /* the Idempotency-Key that the session was asked for with */
    const char *session; /* its id on the server; NULL: the answer has not come */
    uint64_t size_bytes; /* of the file, then */
    int64_t mtime_us;
    const char *sha256;       /* of its content, hex */
    const char *name;         /* that the server was told */
    const char *on_duplicate; /* NULL: the server's default */
};

/*
 * Where the state of an upload of PATH over CONNECTION is kept. The workspace is part of it, which
 * a token may imply: the server is asked then. *OUT is NULL if there is no folder for it (neither
 * $XDG_CACHE_HOME nor $HOME is set), or PATH cannot be found. Fails as connect_workspace.
 */
bool upload_state_path(const struct connection *connection, const char *path, struct arena *mem,
                       const char **out, struct error *err);
/* Whether there is a state of an upload of PATH, in whatever workspace; nobody is asked. */
bool upload_state_is_anywhere(const struct connection *connection, const char *path,
                              struct arena *mem);
/* False if nothing is remembered there. */
bool upload_state_read(const char *state_path, struct arena *mem, struct upload_state *out);
/* Makes the file, with mode 0600, or replaces it, in a folder that is there. */
bool upload_state_write(const char *state_path, const struct upload_state *state,
                        struct error *err);
/* Harmless if there is none. */
void upload_state_remove(const char *state_path);
/* Whether both are of the same content, and ask the same for it. */
bool upload_state_is_same(const struct upload_state *a, const struct upload_state *b);

/*
 * Keeps other runs, and other threads of this one, from the same upload until *OUT is given to
 * upload_state_unlock; ends with the process, too. Makes the folder, with mode 0700. Fails with
 * ERR_CONFLICT if another is at it, with other kinds if the folder cannot be used.
 */
bool upload_state_lock(const char *state_path, struct arena *mem, int *out, struct error *err);
/* LOCK may be -1: nothing happens. */
void upload_state_unlock(const char *state_path, struct arena *mem, int lock);

#endif
