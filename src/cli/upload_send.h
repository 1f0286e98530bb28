/* Sends one file: its digest first, then its bytes, unless the server has them; a large one in
 * chunks. */
#ifndef CLI_UPLOAD_SEND_H
#define CLI_UPLOAD_SEND_H

#include <jansson.h>

#include "cli/connect.h"
#include "cli/meter.h"
#include "cli/upload_files.h"

struct upload_send {
    const struct connection *connection;
    const struct upload_file *file;
    const char *on_duplicate;    /* NULL: the server's default */
    bool skip;                   /* ask first, and send nothing that the server has */
    uint64_t chunked_from_bytes; /* files of so many bytes are sent in chunks */
    unsigned connections;        /* for the chunks of one file */
    unsigned chunk_retries;      /* for each chunk, after the first attempt */
    struct meter *meter;
};

enum upload_outcome {
    UPLOAD_SENT,    /* a new record with bytes of its own */
    UPLOAD_SHARED,  /* a new record that shares the bytes of another */
    UPLOAD_SKIPPED, /* the server had the content: nothing was sent, or nothing was made */
};

/*
 * *RECORD is the upload's, the caller's to json_decref. Fails as client_send; also with
 * ERR_CHECKSUM if the server's record names another SHA-256 than what was read here.
 */
bool upload_send(const struct upload_send *what, struct arena *mem, json_t **record,
                 enum upload_outcome *outcome, struct error *err);

#endif
