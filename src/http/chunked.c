#include "http/chunked.h"

#include <assert.h>

#include "http/text.h"

static bool bad(struct error *err, const char *why)
{
    return error_tell(err, ERR_INVALID, "%s", why);
}

static bool add_digit(struct chunked *self, int digit, struct error *err)
{
    if (self->left >> 59) /* one more digit, and the size would reach 2^63 */
        return bad(err, "a chunk size is too large");
    self->left = self->left * 16 + (uint64_t)digit;
    return true;
}

/* "5 6" is not 5: another reader might take it for 56. */
static bool after_size(struct chunked *self, char c, struct error *err)
{
    switch (c) {
    case '\r':
        self->state = CHUNKED_SIZE_LF;
        return true;
    case ';':
        self->state = CHUNKED_EXTENSION;
        return true;
    case ' ':
    case '\t':
        self->state = CHUNKED_SIZE_BLANK;
        return true;
    default:
        return bad(err, "a chunk size is malformed");
    }
}

static bool on_size(struct chunked *self, char c, struct error *err)
{
    int digit = text_hex_value(c);

    if (++self->line_bytes > CHUNK_LINE_MAX)
        return bad(err, "a chunk's size line is too long");
    if (digit >= 0 && self->state != CHUNKED_SIZE_BLANK) {
        self->state = CHUNKED_SIZE_DIGITS;
        return add_digit(self, digit, err);
    }
    if (self->state == CHUNKED_SIZE)
        return bad(err, "a chunk has no size");
    return after_size(self, c, err);
}

static bool on_extension(struct chunked *self, char c, struct error *err)
{
    if (++self->line_bytes > CHUNK_LINE_MAX || ++self->extension_bytes > CHUNK_EXTENSIONS_MAX)
        return bad(err, "the chunk extensions are too long");
    if (c == '\r')
        self->state = CHUNKED_SIZE_LF;
    else if (!text_is_field_value((struct str){&c, 1}))
        return bad(err, "a chunk extension has a control character");
    return true;
}

/* True at the end of the trailers, which is their first empty line. */
static bool trailers_end(const struct chunked *self)
{
    size_t length = self->trailer_bytes;

    if (length == 2)
        return memcmp(self->trailers, "\r\n", 2) == 0;
    return length > 2 && memcmp(self->trailers + length - 4, "\r\n\r\n", 4) == 0;
}

/* Cuts the next trailer off REST, without its line end. False at the empty line. */
static bool next_trailer(struct str *rest, struct str *line)
{
    if (rest->len <= 2 || !str_split(rest, '\n', line))
        return false;
    line->len--;
    return true;
}

static bool trailers_are_fields(const struct chunked *self)
{
    struct str rest = {self->trailers, self->trailer_bytes}, line, name, value;

    while (next_trailer(&rest, &line)) {
        if (!text_parse_field(line, &name, &value))
            return false;
    }
    return true;
}

static bool on_trailer(struct chunked *self, char c, struct arena *mem, struct error *err)
{
    if (!self->trailers)
        self->trailers = arena_alloc(mem, CHUNK_TRAILERS_MAX);
    if (self->trailer_bytes == CHUNK_TRAILERS_MAX)
        return bad(err, "the trailers are too long");
    self->trailers[self->trailer_bytes++] = c;
    if (c != '\n')
        return true;
    if (self->trailer_bytes < 2 || self->trailers[self->trailer_bytes - 2] != '\r')
        return bad(err, "a trailer's line ends in LF without CR");
    if (!trailers_end(self))
        return true;
    if (!trailers_are_fields(self))
        return bad(err, "a trailer is malformed");
    self->state = CHUNKED_DONE;
    return true;
}

static bool on_byte(struct chunked *self, char c, struct arena *mem, struct error *err)
{
    switch (self->state) {
    case CHUNKED_SIZE:
    case CHUNKED_SIZE_DIGITS:
    case CHUNKED_SIZE_BLANK:
        return on_size(self, c, err);
    case CHUNKED_EXTENSION:
        return on_extension(self, c, err);
    case CHUNKED_SIZE_LF:
        if (c != '\n')
            return bad(err, "a chunk's size line has CR without LF");
        self->line_bytes = 0;
        self->state = self->left > 0 ? CHUNKED_DATA : CHUNKED_TRAILER;
        return true;
    case CHUNKED_DATA_CR:
        self->state = CHUNKED_DATA_LF;
        return c == '\r' || bad(err, "a chunk is longer than its size");
    case CHUNKED_DATA_LF:
        self->state = CHUNKED_SIZE;
        return c == '\n' || bad(err, "a chunk is longer than its size");
    case CHUNKED_TRAILER:
        return on_trailer(self, c, mem, err);
    case CHUNKED_DATA:
    case CHUNKED_DONE:
        break;
    }
    assert(false);
    return false;
}

bool chunked_feed(struct chunked *self, const char *bytes, size_t length, struct arena *mem,
                  size_t *used, struct error *err)
{
    size_t at = 0;

    while (at < length && self->state != CHUNKED_DATA && self->state != CHUNKED_DONE) {
        if (!on_byte(self, bytes[at], mem, err))
            return false;
        at++;
    }
    *used = at;
    return true;
}

void chunked_took(struct chunked *self, uint64_t length)
{
    assert(self->state == CHUNKED_DATA && length <= self->left);
    self->left -= length;
    if (self->left == 0)
        self->state = CHUNKED_DATA_CR;
}

const char *chunked_trailer(const struct chunked *self, const char *name, struct arena *mem)
{
    struct str rest, line, field, value;

    if (self->state != CHUNKED_DONE || !self->trailers)
        return NULL;
    rest = (struct str){self->trailers, self->trailer_bytes};
    while (next_trailer(&rest, &line)) {
        if (text_parse_field(line, &field, &value) && str_equal_nocase(field, name))
            return arena_strndup(mem, value.ptr, value.len);
    }
    return NULL;
}
