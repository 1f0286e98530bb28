#include "http/multipart.h"

#include "http/disposition.h"
#include "http/text.h"

#define FIELDS_MAX 16 /* header lines of one part */

/*
 * Bytes wait in BUFFER[START, END). In a part's content, everything before the next possible
 * delimiter ("\r\n--boundary") may be given out; what could be the start of one, at most its length
 * less one, stays until more has come. The start of the body counts as if a line end preceded it.
 */
struct multipart {
    struct source content; /* the current part's */
    struct source *body;
    struct arena *mem;
    char delimiter[4 + MULTIPART_BOUNDARY_MAX + 1];
    size_t delimiter_length;
    char *buffer;
    size_t start, end;
    size_t clear; /* bytes from START on that are known to be content */
    bool body_ended;
    enum { AT_START, IN_CONTENT, AT_DELIMITER, AT_END } state;
    unsigned parts;
    size_t heads_left; /* bytes that the heads of parts to come may have */
    struct str names[FIELDS_MAX], values[FIELDS_MAX];
    unsigned field_count;
};

static bool is_boundary(const char *text)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool is_alphanumeric =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!is_alphanumeric && !strchr("'()+_,-./:=? ", c))
            return false;
    }
    return length > 0 && length <= MULTIPART_BOUNDARY_MAX && text[length - 1] != ' ';
}

bool multipart_boundary(struct str content_type, struct arena *mem, const char **out,
                        struct error *err)
{
    struct str rest = content_type, type;
    const char *boundary;

    if (!str_split(&rest, ';', &type) || !str_equal_nocase(str_trim(type), "multipart/form-data"))
        return error_tell(err, ERR_MEDIA_TYPE, "the body is not multipart/form-data");
    if (!header_parameter(content_type, "boundary", mem, &boundary, err))
        return false;
    if (!boundary || !is_boundary(boundary))
        return error_tell(err, ERR_INVALID, "the multipart boundary is missing or not valid");
    *out = boundary;
    return true;
}

static bool content_read(struct source *source, void *buf, size_t size, size_t *out,
                         struct error *err);

struct multipart *multipart_new(struct source *body, const char *boundary, struct arena *mem)
{
    struct multipart *self = arena_alloc(mem, sizeof *self);
    size_t length = strlen(boundary);

    self->content.read = content_read;
    self->body = body;
    self->mem = mem;
    memcpy(self->delimiter, "\r\n--", 4);
    memcpy(self->delimiter + 4, boundary, length);
    self->delimiter_length = length + 4;
    self->buffer = arena_alloc(mem, MULTIPART_BUFFER_BYTES);
    memcpy(self->buffer, "\r\n", 2);
    self->end = 2;
    self->heads_left = MULTIPART_HEADS_MAX;
    return self;
}

static bool fill(struct multipart *self, struct error *err)
{
    size_t got;

    if (self->start > 0) {
        memmove(self->buffer, self->buffer + self->start, self->end - self->start);
        self->end -= self->start;
        self->start = 0;
    }
    if (!self->body->read(self->body, self->buffer + self->end, MULTIPART_BUFFER_BYTES - self->end,
                          &got, err))
        return false;
    self->end += got;
    self->body_ended = got == 0;
    return true;
}

static bool ended_early(struct error *err)
{
    return error_tell(err, ERR_INCOMPLETE, "the multipart body ends without its closing boundary");
}

/* Looks for the delimiter in what is buffered. *BEFORE is the number of bytes that surely stand
 * before it: all up to it if it is there, else all but what may be its beginning. */
static bool find_delimiter(const struct multipart *self, size_t *before)
{
    const char *bytes = self->buffer + self->start;
    size_t length = self->end - self->start, keep = self->delimiter_length - 1;
    const char *found = memmem(bytes, length, self->delimiter, self->delimiter_length);

    if (found) {
        *before = (size_t)(found - bytes);
        return true;
    }
    if (keep > length)
        keep = length;
    for (const char *tail = bytes + length - keep; keep > 0; tail++, keep--) {
        if (memcmp(tail, self->delimiter, keep) == 0)
            break;
    }
    *before = length - keep;
    return false;
}

/* Some bytes of content are clear, unless the delimiter is next: then the state has moved on. */
static bool await_content(struct multipart *self, struct error *err)
{
    while (self->clear == 0) {
        bool found = find_delimiter(self, &self->clear);

        if (self->clear > 0)
            return true;
        if (found) {
            self->start += self->delimiter_length;
            self->state = AT_DELIMITER;
            return true;
        }
        if (self->body_ended)
            return ended_early(err);
        if (!fill(self, err))
            return false;
    }
    return true;
}

static void consume(struct multipart *self, size_t length)
{
    self->start += length;
    self->clear -= length;
}

static bool content_read(struct source *source, void *buf, size_t size, size_t *out,
                         struct error *err)
{
    struct multipart *self = container_of(source, struct multipart, content);

    if (self->state == IN_CONTENT && !await_content(self, err))
        return false;
    if (size > self->clear)
        size = self->clear;
    memcpy(buf, self->buffer + self->start, size);
    consume(self, size);
    *out = size;
    return true;
}

static bool skip_content(struct multipart *self, struct error *err)
{
    while (self->state == IN_CONTENT || self->state == AT_START) {
        if (!await_content(self, err))
            return false;
        consume(self, self->clear);
    }
    return true;
}

/* *LINE is the next line without its end, which must be CR LF; it stays where it is in the buffer
 * until the buffer is filled again. */
static bool next_line(struct multipart *self, size_t limit, struct str *line, struct error *err)
{
    for (;;) {
        char *bytes = self->buffer + self->start;
        size_t length = self->end - self->start;
        char *feed = memchr(bytes, '\n', length);

        if (feed ? (size_t)(feed - bytes) > limit : length > limit)
            return error_tell(err, ERR_INVALID, "a multipart header is too long");
        if (feed) {
            if (feed == bytes || feed[-1] != '\r')
                return error_tell(err, ERR_INVALID, "a multipart line does not end in CR LF");
            *line = (struct str){bytes, (size_t)(feed - bytes) - 1};
            self->start += line->len + 2;
            return true;
        }
        if (self->body_ended)
            return ended_early(err);
        if (!fill(self, err))
            return false;
    }
}

static bool read_head(struct multipart *self, struct error *err)
{
    struct str line, name, value;

    for (self->field_count = 0;;) {
        size_t limit =
            self->heads_left < MULTIPART_LINE_MAX ? self->heads_left : MULTIPART_LINE_MAX;

        if (!next_line(self, limit, &line, err))
            return false;
        if (line.len == 0)
            return true;
        self->heads_left -= line.len;
        if (self->field_count == FIELDS_MAX || !text_parse_field(line, &name, &value))
            return error_tell(err, ERR_INVALID, "a multipart part's headers are malformed");
        self->names[self->field_count] =
            (struct str){arena_strndup(self->mem, name.ptr, name.len), name.len};
        self->values[self->field_count] =
            (struct str){arena_strndup(self->mem, value.ptr, value.len), value.len};
        self->field_count++;
    }
}

const char *multipart_header(const struct multipart *multipart, const char *name)
{
    for (unsigned i = 0; i < multipart->field_count; i++) {
        if (str_equal_nocase(multipart->names[i], name))
            return multipart->values[i].ptr;
    }
    return NULL;
}

static bool describe(struct multipart *self, struct multipart_part *out, struct error *err)
{
    const char *header = multipart_header(self, "Content-Disposition");
    struct disposition disposition;

    if (!header)
        return error_tell(err, ERR_INVALID, "a multipart part has no Content-Disposition");
    if (!disposition_parse(str_from(header), self->mem, &disposition, err))
        return false;
    if (strcmp(disposition.type, "form-data") != 0 || !disposition.name)
        return error_tell(err, ERR_INVALID, "a multipart part is not form-data with a name");
    *out = (struct multipart_part){disposition.name, disposition.filename,
                                   multipart_header(self, "Content-Type"), &self->content};
    return true;
}

/* The rest of the delimiter's line: "--" for the last one, then blanks. *LAST says which. */
static bool finish_delimiter(struct multipart *self, bool *last, struct error *err)
{
    struct str line;

    while (self->end - self->start < 2 && !self->body_ended) {
        if (!fill(self, err))
            return false;
    }
    *last = self->end - self->start >= 2 && memcmp(self->buffer + self->start, "--", 2) == 0;
    if (*last)
        return true;
    if (!next_line(self, 256, &line, err))
        return false;
    if (str_trim(line).len > 0)
        return error_tell(err, ERR_INVALID, "a multipart boundary is followed by other text");
    return true;
}

static bool skip_epilogue(struct multipart *self, struct error *err)
{
    while (!self->body_ended) {
        self->start = self->end = 0;
        if (!fill(self, err))
            return false;
    }
    self->state = AT_END;
    return true;
}

bool multipart_next(struct multipart *multipart, bool *found, struct multipart_part *out,
                    struct error *err)
{
    struct multipart_part part;
    bool last;

    *found = false;
    if (multipart->state == AT_END)
        return true;
    if (!skip_content(multipart, err) || !finish_delimiter(multipart, &last, err))
        return false;
    if (last)
        return skip_epilogue(multipart, err);
    if (++multipart->parts > MULTIPART_PARTS_MAX)
        return error_tell(err, ERR_INVALID, "the multipart body has too many parts");
    if (!read_head(multipart, err) || !describe(multipart, &part, err))
        return false;
    multipart->state = IN_CONTENT;
    *out = part;
    *found = true;
    return true;
}

bool multipart_read_small(struct multipart *multipart, size_t limit, char **out, size_t *length,
                          struct error *err)
{
    char *text = arena_alloc(multipart->mem, limit + 2);
    size_t total = 0, got;

    do {
        if (!content_read(&multipart->content, text + total, limit + 1 - total, &got, err))
            return false;
        total += got;
        if (total > limit)
            return error_tell(err, ERR_BODY_TOO_LARGE, "a form field is longer than %zu bytes",
                              limit);
    } while (got > 0);
    *out = text;
    *length = total;
    return true;
}
