/*
 * The session on the server that one large file is sent on, and what this machine remembers of it,
 * so that a later run can go on with it. One run at a time works on a file.
 */
#ifndef CLI_UPLOAD_SESSION_H
#define CLI_UPLOAD_SESSION_H

#include "cli/upload_chunks.h"

struct upload_session {
    const struct upload_send *what;
    struct arena *mem;
    const char *state_path; /* NULL: there is no place for it */
    bool remembers;         /* it can be written there */
    int lock;               /* -1: none */
    json_t *view;           /* as the server showed it */
    const char *path;       /* "/v1/chunked-uploads/ID" */
};

/*
 * Goes on with the session of an earlier run, if the file is still what it was then; else that one
 * is deleted and a new one begun. Where nothing can be remembered it says so and does without. MEM
 * outlives *OUT, which is to be given to upload_session_done. Fails with ERR_CONFLICT if another
 * run is sending the file, and as client_send.
 */
bool upload_session_open(const struct upload_chunks *upload, struct arena *mem,
                         struct upload_session *out, struct error *err);
/* The session stays on the server, and remembered. */
void upload_session_done(struct upload_session *session);

/* Whether the server has given it up. False, too, if it does not say. */
bool upload_session_has_failed(const struct upload_session *session);

/* It is over: nothing is remembered any more. */
void upload_session_forget(struct upload_session *session);
/* Nobody will go on with it: it is deleted on the server, as well. */
void upload_session_drop(struct upload_session *session);

/* The same for what an earlier run has left, of a file that is not sent in chunks this time. */
void upload_session_drop_old(const struct upload_send *what, struct arena *mem);

#endif
