/*
 * Requests to an S3 provider: signed, sent with libcurl, retried. Knows nothing of stages or of
 * what objects mean.
 *
 * What may go away by itself is tried again, after a pause that grows and varies, and not before
 * the provider's Retry-After: connections that fail or are cut, timeouts, and the statuses 408,
 * 429, 500, 502, 503 and 504. All calls may be made from any thread.
 */
#ifndef STORE_S3_CLIENT_H
#define STORE_S3_CLIENT_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/stream.h"
#include "store/s3_settings.h"
#include "store/s3_sign.h"
#include "store/s3_xml.h"

struct s3_client;

/* SETTINGS outlive it. */
struct s3_client *s3_client_new(const struct s3_settings *settings);
void s3_client_free(struct s3_client *client);

/* What is sent along: bytes in memory, or LENGTH bytes of the descriptor FD from OFFSET on. */
struct s3_body {
    const void *bytes; /* NULL: FD */
    int fd;
    uint64_t offset;
    uint64_t length;
};

#define S3_CALL_FIELDS_MAX 16 /* of its query, and of its headers */

struct s3_call {
    const char *method;
    const char *key; /* in the bucket, with the prefix; NULL: the bucket itself */
    const struct s3_field *query;
    size_t query_count;
    const struct s3_field *headers; /* names in lower case */
    size_t header_count;
    struct s3_body body; /* of a PUT or POST */
    const char *sha256;  /* hex, of the body, if it is known already; NULL */
    struct sink *dest; /* for the body of an answer of status 200 or 206; NULL: the reply's TEXT */
    const atomic_bool *stop; /* NULL, or: once it becomes true the call soon fails */
    uint64_t within_ms; /* 0, or: one attempt, which ends after that, whatever the settings say */
};

#define S3_ETAG_SIZE 256
#define S3_TEXT_SIZE 256
#define S3_FILENAME_SIZE 1700 /* of x-amz-meta-original-filename: S3 has 2 KiB for all */
#define S3_SIZE_UNKNOWN UINT64_MAX

struct s3_reply {
    long status;
    char code[S3_CODE_SIZE]; /* of an error; "" if the provider gave none */
    char etag[S3_ETAG_SIZE]; /* with its quotes; "" if there is none */
    char stage[129];         /* x-amz-meta-stage: who wrote the object */
    char sha256[65];         /* x-amz-meta-sha256: of its content */
    /* What else the object says of itself, to be said again of a copy. */
    char content_type[S3_TEXT_SIZE], filename[S3_FILENAME_SIZE], timestamp[40];
    char storage_class[STORE_CLASS_SIZE]; /* x-amz-storage-class; "" of the standard one */
    char restore[S3_TEXT_SIZE];           /* x-amz-restore */
    uint64_t length;                      /* Content-Length */
    uint64_t range_start;                 /* Content-Range, of a 206 */
    uint64_t total;                       /* and the whole object's size */
    int64_t modified_us;
    uint64_t delivered; /* bytes that DEST took */
    bool was_retried;   /* an attempt before this one may have been carried out all the same */
    struct buf text;    /* the body, without DEST and of errors; freed by s3_reply_done */
};

void s3_reply_init(struct s3_reply *reply);
void s3_reply_done(struct s3_reply *reply);

/*
 * Sends CALL and fills REPLY, which was initialised. True for statuses 200 to 299 and for those
 * that the caller must tell apart: 404 of an object, 409, 412, 416. Once DEST has taken a byte
 * nothing is tried again: REPLY's DELIVERED says how many, for who goes on from there.
 *
 * Fails with ERR_UNAVAILABLE if the provider cannot be reached, fails, or refuses (credentials, the
 * bucket, the clock), ERR_STORAGE_FULL if it has no room, and with what DEST failed with.
 */
bool s3_call(struct s3_client *client, const struct s3_call *call, struct s3_reply *reply,
             struct error *err);

struct s3_link {
    const char *key;
    const struct s3_field *query;
    size_t query_count;
    uint64_t longest_s; /* 0: as long as the settings say */
};

/* A link by which anyone may get an object for as long as the settings say, or LINK, whichever is
 * shorter; with keys that expire no longer than those hold. OUT is in MEM. Nothing is asked of the
 * provider. Fails with ERR_UNAVAILABLE if there are no credentials. */
bool s3_link(struct s3_client *client, const struct s3_link *link, struct arena *mem,
             const char **out, struct error *err);

#endif
