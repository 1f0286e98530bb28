#include "api/claims.h"
#include "api/draft.h"
#include "api/receive.h"
#include "api/resources.h"

static bool receive_raw(struct request *req, struct ingest_request *wish, struct response *res,
                        struct error *err)
{
    uint64_t length = request_body_length(req);
    struct receipt receipt;

    if (!receive_filename(req, NULL, &wish->filename, err) ||
        !claims_read(req, claims_header, &wish->claims, err))
        return false;
    wish->declared_type = receive_declared_type(request_header(req, "Content-Type"), req->mem);
    wish->size = length == REQUEST_LENGTH_UNKNOWN ? INGEST_SIZE_UNKNOWN : length;
    receive_file(req, wish, request_body(req), true, &receipt);
    return receipt_answer(&receipt, res, err);
}

/* One file of one request, of which nothing is asked before its session begins. */
static bool is_plain(struct request *req)
{
    return !request_has_type(req, "multipart/form-data") &&
           !request_header(req, "Idempotency-Key") && !request_header(req, "Upload-Complete");
}

bool post_uploads(struct request *req, const struct caller *who, struct response *res,
                  struct error *err)
{
    struct ingest_request wish;
    struct draft draft;

    if ((!is_plain(req) && !endpoint_confirm(req, who, res, err)) ||
        !receive_wish(req, who, &wish, err))
        return false;
    if (draft_is_creation(req, who, res, &draft))
        return draft_create(&draft, &wish, err);
    if (request_has_type(req, "multipart/form-data"))
        return receive_form(req, &wish, res, err);
    return receive_raw(req, &wish, res, err);
}
