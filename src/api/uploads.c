#include "api/claims.h"
#include "api/receive.h"
#include "api/resources.h"
#include "http/disposition.h"

/* ?filename= wins over Content-Disposition. */
static bool read_filename(struct request *req, const char **out, struct error *err)
{
    const char *header = request_header(req, "Content-Disposition");
    struct disposition disposition = {0};

    if (!request_query(req, "filename", out, err))
        return false;
    if (*out)
        return true;
    if (header && !disposition_parse(str_from(header), req->mem, &disposition, err)) {
        err->kind = ERR_FILENAME;
        return false;
    }
    if (!disposition.filename)
        return error_tell(err, ERR_FILENAME,
                          "name the file with ?filename= or a Content-Disposition header");
    *out = disposition.filename;
    return true;
}

static const char *header(const void *from, const char *name)
{
    return request_header(from, name);
}

static bool receive_raw(struct request *req, struct ingest_request *wish, struct response *res,
                        struct error *err)
{
    uint64_t length = request_body_length(req);
    struct receipt receipt;

    if (!read_filename(req, &wish->filename, err) || !claims_read(req, header, &wish->claims, err))
        return false;
    wish->declared_type = receive_declared_type(request_header(req, "Content-Type"), req->mem);
    wish->size = length == REQUEST_LENGTH_UNKNOWN ? INGEST_SIZE_UNKNOWN : length;
    receive_file(req, wish, request_body(req), true, &receipt);
    return receipt_answer(&receipt, req, res, err);
}

bool post_uploads(struct request *req, const struct caller *who, struct response *res,
                  struct error *err)
{
    struct ingest_request wish;

    if (!receive_wish(req, who, &wish, err))
        return false;
    if (request_has_type(req, "multipart/form-data"))
        return receive_form(req, &wish, res, err);
    return receive_raw(req, &wish, res, err);
}
