/* One file on its way in: what its sender wishes, and how it ended. */
#ifndef API_RECEIVE_H
#define API_RECEIVE_H

#include "api/endpoint.h"
#include "service/ingest.h"

/* How one file ended: a record, or the error. */
struct receipt {
    bool stored;
    struct ingest_outcome outcome; /* of ERR_DUPLICATE too: the upload that is there */
    struct error error;
};

/* Reads what a request says of all its files: workspace, user, on_duplicate, Idempotency-Key. Fails
 * with ERR_INVALID. */
bool receive_wish(struct request *req, const struct caller *who, struct ingest_request *out,
                  struct error *err);

/* ?on_duplicate=, which is link where it is not given. Fails with ERR_INVALID. */
bool receive_on_duplicate(const char *text, enum on_duplicate *out, struct error *err);
/* The Idempotency-Key; NULL if there is none. Fails with ERR_INVALID. */
bool receive_idempotency_key(struct request *req, const char **out, struct error *err);

/* The content must come as it is. Fails with ERR_MEDIA_TYPE if it is coded. */
bool receive_check_coding(struct request *req, struct error *err);

/* The file's name, from ?filename= or Content-Disposition; the former wins. FALLBACK, if it is not
 * NULL, is for who gives none. Fails with ERR_FILENAME, ERR_INVALID. */
bool receive_filename(struct request *req, const char *fallback, const char **out,
                      struct error *err);

/* A media type without its parameters, in lower case; NULL if TYPE says nothing of the content:
 * there is none, or it is what curl sends when nobody chose one. */
const char *receive_declared_type(const char *type, struct arena *mem);

/* Takes one file from begin to finish. TRAILERS: digests may follow BODY in the request's
 * trailers. */
void receive_file(struct request *req, const struct ingest_request *wish, struct source *body,
                  bool trailers, struct receipt *out);

/* 201, or 200 for content that was there; else the error's. */
int receipt_status(const struct receipt *receipt);
/* The problem of a receipt that is not stored; for a duplicate it names the upload that is there.
 */
const char *receipt_problem(const struct receipt *receipt, struct request *req);
/* Answers a request that was for one file alone. */
bool receipt_answer(const struct receipt *receipt, struct response *res, struct error *err);

/* The body is multipart/form-data: every file of it, each on its own, one after the other. WISH
 * holds for all. */
bool receive_form(struct request *req, const struct ingest_request *wish, struct response *res,
                  struct error *err);

#endif
