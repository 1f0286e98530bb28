#include "http/head.h"

#include <llhttp.h>

#include "http/client_address.h"
#include "http/text.h"

/* ---- where it ends ---- */

static bool bad(struct error *err, const char *why)
{
    return error_tell(err, ERR_INVALID, "%s", why);
}

static bool too_large(const char *bytes, const struct head_limits *limits, struct error *err)
{
    if (!memchr(bytes, '\n', limits->head_max_bytes))
        return error_tell(err, ERR_URI_TOO_LONG, "the request target is too long");
    return error_tell(err, ERR_HEAD_TOO_LARGE, "the request's headers are too large");
}

enum head_progress head_find(const char *bytes, size_t length, const struct head_limits *limits,
                             size_t *skip, size_t *head_length, struct error *err)
{
    size_t start = 0;
    const char *at, *feed, *end = bytes + length;

    /* RFC 9112 section 2.2: empty lines before the request line are ignored. */
    while (length - start >= 2 && bytes[start] == '\r' && bytes[start + 1] == '\n')
        start += 2;
    if (start < length && !text_is_tchar(bytes[start]) &&
        !(bytes[start] == '\r' && length - start == 1)) {
        bad(err, "the request does not begin with a method");
        return HEAD_BAD;
    }
    for (at = bytes + start; (feed = memchr(at, '\n', (size_t)(end - at))); at = feed + 1) {
        if (feed == bytes || feed[-1] != '\r') {
            bad(err, "a line of the head ends in LF without CR");
            return HEAD_BAD;
        }
        if (feed == at + 1) {
            *skip = start;
            *head_length = (size_t)(feed + 1 - bytes) - start;
            return HEAD_COMPLETE;
        }
    }
    if (length >= limits->head_max_bytes) {
        too_large(bytes, limits, err);
        return HEAD_BAD;
    }
    return HEAD_PARTIAL;
}

/* ---- parsing ---- */

struct collector {
    struct head *head;
    size_t room; /* for headers */
    bool too_many;
};

static int on_url(llhttp_t *parser, const char *at, size_t length)
{
    struct collector *collector = parser->data;

    collector->head->target = (struct str){at, length};
    return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t length)
{
    struct collector *collector = parser->data;

    if (collector->head->header_count == collector->room) {
        collector->too_many = true;
        return HPE_USER;
    }
    collector->head->headers[collector->head->header_count++] =
        (struct header){{at, length}, {"", 0}};
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t length)
{
    struct collector *collector = parser->data;

    collector->head->headers[collector->head->header_count - 1].value = (struct str){at, length};
    return 0;
}

/* The body is not llhttp's business. */
static int on_headers_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
};

/* "METHOD SP target SP HTTP/x.y", exactly. */
struct request_line {
    struct str method;
    struct str target;
    struct str version;
};

static bool split_request_line(struct str head, struct request_line *out, struct error *err)
{
    struct str rest, line;

    str_split(&head, '\r', &line);
    rest = line;
    if (!str_split(&rest, ' ', &out->method) || !str_split(&rest, ' ', &out->target) ||
        !text_is_token(out->method) || out->target.len == 0 || rest.len == 0)
        return bad(err, "the request line is malformed");
    out->version = rest;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool check_version(struct str version, struct error *err)
{
    if (version.len != 8 || !str_starts_with(version, "HTTP/") || !is_digit(version.ptr[5]) ||
        version.ptr[6] != '.' || !is_digit(version.ptr[7]))
        return bad(err, "the request line is malformed");
    if (str_equal_text(version, "HTTP/1.0") || str_equal_text(version, "HTTP/1.1"))
        return true;
    return error_tell(err, ERR_VERSION, "only HTTP/1.1 and HTTP/1.0 are spoken here");
}

static bool check_target(struct str target, const struct head_limits *limits, struct error *err)
{
    if (target.len > limits->target_max_bytes)
        return error_tell(err, ERR_URI_TOO_LONG, "the request target is longer than %zu bytes",
                          limits->target_max_bytes);
    if (target.ptr[0] != '/')
        return bad(err, "the request target is not a path");
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];

        if (c <= ' ' || c >= 0x7f || c == '#')
            return bad(err, "the request target has a character that must be escaped");
    }
    return true;
}

/* What each line of the head must be, whatever llhttp thinks of it. */
static bool check_lines(struct str head, struct error *err)
{
    struct str line;

    head.len--; /* the last line's LF */
    while (str_split(&head, '\n', &line)) {
        if (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
            return bad(err, "a header is folded over several lines");
        if (line.len == 0 || line.ptr[line.len - 1] != '\r' ||
            !text_is_field_value((struct str){line.ptr, line.len - 1}))
            return bad(err, "the head has a control character");
    }
    return true;
}

static unsigned count_headers(struct str head)
{
    unsigned lines = 0;

    for (size_t i = 0; i < head.len; i++)
        lines += head.ptr[i] == '\n';
    return lines - 2; /* the request line and the empty one */
}

static bool run_llhttp(struct str head, struct collector *collector, struct error *err)
{
    llhttp_t parser;
    llhttp_errno_t result;

    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = collector;
    result = llhttp_execute(&parser, head.ptr, head.len);
    if (result == HPE_PAUSED || result == HPE_PAUSED_UPGRADE)
        return true;
    if (collector->too_many)
        return error_tell(err, ERR_HEAD_TOO_LARGE, "the request has too many headers");
    if (result == HPE_INVALID_METHOD)
        return error_tell(err, ERR_NOT_IMPLEMENTED, "the request method is not known");
    error_set(err, ERR_INVALID, "%s: %s", llhttp_errno_name(result), parser.reason);
    return error_client(err, "the request's head is malformed");
}

/* Names and values become C strings in place: a ':' or CR follows each of them. */
static bool terminate_headers(struct head *head, struct error *err)
{
    for (size_t i = 0; i < head->header_count; i++) {
        struct header *header = &head->headers[i];

        header->value = str_trim(header->value);
        if (!text_is_token(header->name))
            return bad(err, "a header's name is malformed");
        if (header->value.len > 0)
            ((char *)header->value.ptr)[header->value.len] = '\0';
        else
            header->value = STR_LITERAL("");
        ((char *)header->name.ptr)[header->name.len] = '\0';
    }
    return true;
}

static void split_target(struct head *head)
{
    char *text = (char *)head->target.ptr, *mark;

    text[head->target.len] = '\0';
    head->path = text;
    mark = memchr(text, '?', head->target.len);
    if (mark) {
        *mark = '\0';
        head->query = mark + 1;
    }
}

/* ---- what the headers mean together ---- */

static const char *const once_only[] = {
    "Authorization",   "Content-Disposition", "Content-Length",   "Content-MD5",
    "Content-Type",    "Content-Range",       "Expect",           "Host",
    "Idempotency-Key", "If-Modified-Since",   "If-Range",         "If-Unmodified-Since",
    "Range",           "Transfer-Encoding",   "X-Forwarded-Host", "X-Request-Id",
    "Tus-Resumable",   "Upload-Length",       "Upload-Offset",    "Upload-Metadata",
    "Upload-Checksum", "Upload-Defer-Length", "Upload-Concat",
};

static const struct header *find(const struct head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (str_equal_nocase(head->headers[i].name, name))
            return &head->headers[i];
    }
    return NULL;
}

static bool is_once_only(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(once_only); i++) {
        if (str_equal_nocase(name, once_only[i]))
            return true;
    }
    return false;
}

static bool check_once_only(const struct head *head, struct error *err)
{
    for (size_t i = 1; i < head->header_count; i++) {
        struct str name = head->headers[i].name;

        for (size_t j = 0; j < i; j++) {
            if (str_equal_nocase(name, head->headers[j].name.ptr) && is_once_only(name))
                return error_tell(err, ERR_INVALID, "the header %s is given twice", name.ptr);
        }
    }
    return true;
}

static bool check_host(const struct head *head, struct error *err)
{
    const struct header *host = find(head, "Host");

    if (!host)
        return head->is_http_1_0 || bad(err, "the Host header is missing");
    return host_is_valid(host->value) || bad(err, "the Host header is not valid");
}

static bool read_coding(struct head *head, const struct header *coding, struct error *err)
{
    struct str rest = coding->value, one = {"", 0};
    unsigned chunked = 0, count = 0;

    if (head->is_http_1_0)
        return bad(err, "an HTTP/1.0 request has a Transfer-Encoding");
    for (; str_split(&rest, ',', &one); count++)
        chunked += str_equal_nocase(one = str_trim(one), "chunked");
    if (count == 1 && chunked == 1 && str_equal_nocase(coding->value, "chunked")) {
        head->is_chunked = true;
        return true;
    }
    if (coding->value.len == 0 || chunked > 1 ||
        (chunked == 1 && !str_equal_nocase(one, "chunked")))
        return bad(err, "the Transfer-Encoding does not end in chunked, once");
    return error_tell(err, ERR_NOT_IMPLEMENTED, "the transfer coding is not supported");
}

static bool read_framing(struct head *head, struct error *err)
{
    const struct header *length = find(head, "Content-Length");
    const struct header *coding = find(head, "Transfer-Encoding");

    if (length && coding)
        return bad(err, "the request has both Content-Length and Transfer-Encoding");
    if (coding)
        return read_coding(head, coding, err);
    if (!length)
        return true;
    head->has_length = true;
    /* One bit less, so that sums with other sizes cannot overflow. */
    return str_to_u64(length->value, INT64_MAX, &head->length) ||
           bad(err, "the Content-Length is not a valid number");
}

static bool list_has(const struct head *head, const char *name, const char *token)
{
    struct str rest, one;

    for (size_t i = 0; i < head->header_count; i++) {
        rest = head->headers[i].value;
        if (!str_equal_nocase(head->headers[i].name, name))
            continue;
        while (str_split(&rest, ',', &one)) {
            if (str_equal_nocase(str_trim(one), token))
                return true;
        }
    }
    return false;
}

static bool read_options(struct head *head, struct error *err)
{
    const struct header *expect = find(head, "Expect");

    head->keep_alive = head->is_http_1_0 ? list_has(head, "Connection", "keep-alive")
                                         : !list_has(head, "Connection", "close");
    head->is_resumable = head->length > 0 && find(head, "Upload-Complete");
    if (!expect || head->is_http_1_0)
        return true;
    if (!str_equal_nocase(expect->value, "100-continue"))
        return error_tell(err, ERR_EXPECTATION, "the expectation is not supported");
    head->expects_continue = head->is_chunked || head->length > 0;
    return true;
}

bool head_parse(const char *bytes, size_t length, const struct head_limits *limits,
                struct arena *mem, struct head *out, struct error *err)
{
    struct str text = {arena_strndup(mem, bytes, length), length};
    struct head head = {0};
    struct request_line line;
    struct collector collector = {.head = &head};

    if (length > limits->head_max_bytes)
        return too_large(bytes, limits, err);
    if (!check_lines(text, err) || !split_request_line(text, &line, err) ||
        !check_version(line.version, err))
        return false;
    if (str_equal_text(line.method, "CONNECT"))
        return error_tell(err, ERR_NOT_IMPLEMENTED, "this is not a proxy");
    if (!check_target(line.target, limits, err))
        return false;
    collector.room = count_headers(text);
    if (collector.room > limits->headers_max)
        return error_tell(err, ERR_HEAD_TOO_LARGE, "the request has more than %u headers",
                          limits->headers_max);
    head.headers = arena_array(mem, collector.room + 1, sizeof *head.headers);
    if (!run_llhttp(text, &collector, err))
        return false;
    if (!str_equal(head.target, line.target) || head.header_count != collector.room)
        return bad(err, "the request's head is malformed");
    head.method = method_from(line.method);
    head.is_http_1_0 = str_equal_text(line.version, "HTTP/1.0");
    split_target(&head);
    if (!terminate_headers(&head, err) || !check_once_only(&head, err) || !check_host(&head, err) ||
        !read_framing(&head, err) || !read_options(&head, err))
        return false;
    *out = head;
    return true;
}

const char *head_header(const struct head *head, const char *name, struct arena *mem)
{
    const char *joined = NULL;

    for (size_t i = 0; i < head->header_count; i++) {
        if (!str_equal_nocase(head->headers[i].name, name))
            continue;
        joined = joined ? arena_printf(mem, "%s, %s", joined, head->headers[i].value.ptr)
                        : head->headers[i].value.ptr;
    }
    return joined;
}
