#include "http/disposition.h"

#include "http/query.h"
#include "http/text.h"

struct parameter {
    struct str name;
    const char *value; /* unquoted */
};

/* Cuts "; name=value" off the start of TEXT. *FOUND is false at its end. */
static bool take_parameter(struct str *text, struct arena *mem, bool *found, struct parameter *out)
{
    struct str token;
    char *value;

    *found = false;
    for (text_skip_blanks(text); text_skip(text, ';'); text_skip_blanks(text)) {
        text_skip_blanks(text);
        if (text->len == 0 || *text->ptr == ';')
            continue; /* "a; ; b" and a semicolon at the end are common and harmless */
        if (!text_take_token(text, &out->name))
            return false;
        text_skip_blanks(text);
        if (!text_skip(text, '='))
            return false;
        text_skip_blanks(text);
        if (text_take_token(text, &token))
            value = arena_strndup(mem, token.ptr, token.len);
        else if (!text_take_quoted(text, true, mem, &value))
            return false;
        out->value = value;
        *found = true;
        return true;
    }
    return text->len == 0;
}

static char *lower_case(struct str text, struct arena *mem)
{
    char *out = arena_strndup(mem, text.ptr, text.len);

    for (char *c = out; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    return out;
}

static char *latin1_to_utf8(const char *text, struct arena *mem)
{
    char *out = arena_alloc(mem, 2 * strlen(text) + 1);
    char *to = out;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x80) {
            *to++ = (char)c;
            continue;
        }
        *to++ = (char)(0xc0 | (c >> 6));
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* An ext-value of RFC 8187: charset'language'percent-encoded. False if it is malformed. */
static bool decode_extended(const char *value, struct arena *mem, const char **out)
{
    struct str rest = str_from(value), charset, language;
    struct error ignored;
    char *decoded;

    if (!str_split(&rest, '\'', &charset) || !str_split(&rest, '\'', &language) ||
        !percent_decode(rest, false, mem, &decoded, &ignored))
        return false;
    if (str_equal_nocase(charset, "iso-8859-1"))
        decoded = latin1_to_utf8(decoded, mem);
    else if (!str_equal_nocase(charset, "utf-8"))
        return false;
    *out = decoded;
    return utf8_is_valid(str_from(decoded));
}

/* Undoes what browsers do to the names in form-data (the HTML standard's multipart encoding). */
static const char *undo_form_escapes(const char *text, struct arena *mem)
{
    static const struct {
        const char *code;
        char means;
    } escapes[] = {{"%22", '"'}, {"%0D", '\r'}, {"%0A", '\n'}};
    char *out = arena_strdup(mem, text), *to = out;

    while (*text) {
        char c = *text;
        size_t step = 1;

        for (size_t i = 0; i < COUNT_OF(escapes); i++) {
            if (str_starts_with(str_from(text), escapes[i].code)) {
                c = escapes[i].means;
                step = 3;
            }
        }
        *to++ = c;
        text += step;
    }
    *to = '\0';
    return out;
}

static bool set_once(const char **into, const char *value)
{
    if (*into)
        return false;
    *into = value;
    return true;
}

struct names {
    const char *name;
    const char *plain;
    const char *extended; /* as sent */
};

static bool collect(struct str rest, struct arena *mem, struct names *out)
{
    struct parameter one;
    bool found;

    for (;;) {
        bool fresh = true;

        if (!take_parameter(&rest, mem, &found, &one))
            return false;
        if (!found)
            return true;
        if (str_equal_nocase(one.name, "name"))
            fresh = set_once(&out->name, one.value);
        else if (str_equal_nocase(one.name, "filename"))
            fresh = set_once(&out->plain, one.value);
        else if (str_equal_nocase(one.name, "filename*"))
            fresh = set_once(&out->extended, one.value);
        if (!fresh)
            return false;
    }
}

static bool is_text_or_null(const char *text)
{
    return !text || utf8_is_valid(str_from(text));
}

bool disposition_parse(struct str header, struct arena *mem, struct disposition *out,
                       struct error *err)
{
    struct names names = {0};
    struct disposition found = {0};
    struct str rest = str_trim(header), type;

    if (memchr(rest.ptr, '\0', rest.len) || !text_take_token(&rest, &type) ||
        !collect(rest, mem, &names))
        return error_tell(err, ERR_INVALID, "Content-Disposition is malformed");
    found.type = lower_case(type, mem);
    found.name = names.name;
    found.filename = names.plain;
    if (str_equal_text(str_from(found.type), "form-data")) {
        found.name = names.name ? undo_form_escapes(names.name, mem) : NULL;
        found.filename = names.plain ? undo_form_escapes(names.plain, mem) : NULL;
    }
    if (names.extended && !decode_extended(names.extended, mem, &found.filename))
        found.filename = names.plain; /* RFC 6266 section 4.3: the other form is the fallback */
    if (names.extended && !found.filename)
        return error_tell(err, ERR_INVALID, "filename* is malformed");
    if (!is_text_or_null(found.filename) || !is_text_or_null(found.name))
        return error_tell(err, ERR_INVALID, "the file name is not UTF-8");
    *out = found;
    return true;
}

/* The ASCII stand-in: what a quoted string can hold without surprises; a run of anything else
 * becomes one '_'. '%' is among them, for browsers decode it. */
static char *ascii_fallback(const char *filename, struct arena *mem)
{
    char *out = arena_strdup(mem, filename), *to = out;

    for (; *filename; filename++) {
        unsigned char c = (unsigned char)*filename;

        if (c >= 0x80 && c < 0xc0)
            continue; /* the character's first byte stands for it */
        *to++ = c < 0x20 || c > 0x7e || strchr("\"\\%", c) ? '_' : (char)c;
    }
    *to = '\0';
    return out;
}

char *disposition_format(const char *type, const char *filename, struct arena *mem)
{
    char *plain = ascii_fallback(filename, mem);

    if (strcmp(plain, filename) == 0)
        return arena_printf(mem, "%s; filename=\"%s\"", type, plain);
    if (!utf8_is_valid(str_from(filename)))
        return arena_printf(mem, "%s; filename=\"%s\"; filename*=ISO-8859-1''%s", type, plain,
                            percent_encode(filename, false, mem));
    return arena_printf(mem, "%s; filename=\"%s\"; filename*=UTF-8''%s", type, plain,
                        percent_encode(filename, false, mem));
}

bool header_parameter(struct str header, const char *name, struct arena *mem, const char **out,
                      struct error *err)
{
    const char *semicolon = memchr(header.ptr, ';', header.len);
    const char *value = NULL;
    struct parameter one;
    bool found = false;
    struct str rest = {header.ptr + header.len, 0};

    if (semicolon)
        rest = (struct str){semicolon, header.len - (size_t)(semicolon - header.ptr)};
    do {
        bool good = take_parameter(&rest, mem, &found, &one);

        if (good && found && str_equal_nocase(one.name, name))
            good = set_once(&value, one.value);
        if (!good)
            return error_tell(err, ERR_INVALID, "a header's parameters are malformed");
    } while (found);
    *out = value;
    return true;
}
