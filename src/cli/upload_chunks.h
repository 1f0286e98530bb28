/*
 * Sends one large file in chunks, several at once, on a session that survives interruptions: of the
 * connection, of the server, and of this program.
 */
#ifndef CLI_UPLOAD_CHUNKS_H
#define CLI_UPLOAD_CHUNKS_H

#include "cli/upload_send.h"

struct upload_chunks {
    const struct upload_send *what;
    int fd;              /* of the file, read with pread */
    uint64_t size_bytes; /* as it was digested */
    const char *sha256;  /* of its content, hex */
};

/*
 * Goes on where an earlier run has stopped, if the file is still what it was then; else begins
 * anew. *RECORD is the upload's, the caller's to json_decref; *EXISTED whether it was there before
 * (on_duplicate=return). Fails as client_send, with ERR_CONFLICT if another run is sending the
 * file, with ERR_LENGTH if the file became shorter; what the server has is kept there and
 * remembered, unless the failure is final (retry.h).
 */
bool upload_in_chunks(const struct upload_chunks *upload, struct arena *mem, json_t **record,
                      bool *existed, struct error *err);

#endif
