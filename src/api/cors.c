#include "api/cors.h"

#include <string.h>

/* Of a preflight's answer; browsers hold it for two hours at most. */
#define MAX_AGE_S "7200"

/* What a page may send: everything that a route looks at. */
#define REQUEST_HEADERS                                                                           \
    "Authorization, Content-Type, Content-Disposition, Content-Digest, Content-MD5, "             \
    "Repr-Digest, Want-Content-Digest, Want-Repr-Digest, Idempotency-Key, If-Match, "             \
    "If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Last-Event-ID, Range, "     \
    "Tus-Resumable, "                                                                             \
    "Upload-Checksum, Upload-Complete, Upload-Concat, Upload-Defer-Length, "                      \
    "Upload-Draft-Interop-Version, Upload-Length, Upload-Metadata, Upload-Offset, X-Request-Id, " \
    "X-Requested-With, X-HTTP-Method-Override"

/* What a page may read: everything that a route answers. */
#define RESPONSE_HEADERS                                                                   \
    "Accept-Patch, Accept-Ranges, Allow, Content-Disposition, Content-Length, "            \
    "Content-Location, Content-Range, Date, ETag, Last-Modified, Location, Repr-Digest, "  \
    "Retry-After, WWW-Authenticate, X-Request-Id, Tus-Checksum-Algorithm, Tus-Extension, " \
    "Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Complete, Upload-Concat, "           \
    "Upload-Defer-Length, Upload-Draft-Interop-Version, Upload-Expires, Upload-Id, "       \
    "Upload-Length, Upload-Limit, Upload-Metadata, Upload-Offset"

static const char *origins_of(const struct config *config)
{
    return config_text(config, "server", "cors_origins");
}

/* ---- the option ---- */

/* "https://app.example:8443": a scheme and a host, and nothing behind them. */
static bool is_origin(struct str origin)
{
    static const char mark[] = "://";
    const char *at = memmem(origin.ptr, origin.len, mark, sizeof mark - 1);
    size_t scheme;

    if (!at || at == origin.ptr)
        return false;
    scheme = (size_t)(at - origin.ptr) + sizeof mark - 1;
    for (size_t i = 0; i < origin.len; i++)
        if (origin.ptr[i] <= ' ' || origin.ptr[i] > '~' || (i >= scheme && origin.ptr[i] == '/'))
            return false;
    return origin.len > scheme;
}

bool cors_check(const struct config *config, struct error *err)
{
    struct str rest = str_from(origins_of(config)), one;

    while (str_split(&rest, ',', &one)) {
        one = str_trim(one);
        if (!str_equal_text(one, "*") && !is_origin(one))
            return error_tell(err, ERR_INVALID,
                              "server.cors_origins: \"%.*s\" is no origin, such as "
                              "https://app.example",
                              (int)one.len, one.ptr);
    }
    return true;
}

/* ---- requests ---- */

static bool names(const char *origins, const char *origin)
{
    struct str rest = str_from(origins), one;

    while (str_split(&rest, ',', &one))
        if (str_equal_nocase(str_trim(one), origin))
            return true;
    return false;
}

static void allow_sending(const struct request *req, struct response *res)
{
    const char *methods = request_allow(req);

    if (methods)
        response_header_always(res, "Access-Control-Allow-Methods", methods);
    response_header_always(res, "Access-Control-Allow-Headers", REQUEST_HEADERS);
    response_header_always(res, "Access-Control-Max-Age", MAX_AGE_S);
}

void cors_before(const struct request *req, const struct config *config, struct response *res)
{
    const char *origins = origins_of(config);
    const char *origin = request_header(req, "Origin");
    bool everybody = origins && names(origins, "*");

    if (!origins)
        return;
    if (!everybody) /* also where no origin is named: a cache must not hand that answer to a page */
        response_header_always(res, "Vary", "Origin");
    if (!origin || (!everybody && !names(origins, origin)))
        return;
    response_header_always(res, "Access-Control-Allow-Origin", everybody ? "*" : origin);
    if (req->method == METHOD_OPTIONS && request_header(req, "Access-Control-Request-Method"))
        allow_sending(req, res);
    else
        response_header_always(res, "Access-Control-Expose-Headers", RESPONSE_HEADERS);
}
