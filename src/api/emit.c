#include <assert.h>

#include "api/emit.h"
#include "base/clock.h"

static void add(struct emitter *json, const char *bytes, size_t length)
{
    buf_add(json->out, bytes, length);
}

/* What stands before every value: the comma, and the name of a member. */
static void lead(struct emitter *json, const char *name)
{
    if (json->comma)
        add(json, ",", 1);
    json->comma = true;
    if (!name)
        return;
    add(json, "\"", 1);
    add(json, name, strlen(name));
    add(json, "\":", 2);
}

static void bare(struct emitter *json, const char *name, const char *text, size_t length)
{
    lead(json, name);
    add(json, text, length);
}

static void open_level(struct emitter *json, const char *name, const char *bracket)
{
    bare(json, name, bracket, 1);
    json->comma = false;
}

static void close_level(struct emitter *json, const char *bracket)
{
    add(json, bracket, 1);
    json->comma = true;
}

void emit_open_object(struct emitter *json, const char *name)
{
    open_level(json, name, "{");
}

void emit_close_object(struct emitter *json)
{
    close_level(json, "}");
}

void emit_open_list(struct emitter *json, const char *name)
{
    open_level(json, name, "[");
}

void emit_close_list(struct emitter *json)
{
    close_level(json, "]");
}

static void add_escape(struct emitter *json, unsigned char byte)
{
    static const char short_form[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    static const char digits[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};

    for (size_t i = 0; i < sizeof(short_form) - 1; i += 2)
        if ((unsigned char)short_form[i] == byte) {
            escape[1] = short_form[i + 1];
            add(json, escape, 2);
            return;
        }
    add(json, escape, sizeof(escape));
}

static bool needs_escape(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\';
}

void emit_text(struct emitter *json, const char *name, const char *text)
{
    const char *plain = text; /* what has not been written yet */

    if (!text) {
        emit_null(json, name);
        return;
    }
    bare(json, name, "\"", 1);
    for (; *text; text++)
        if (needs_escape((unsigned char)*text)) {
            add(json, plain, (size_t)(text - plain));
            add_escape(json, (unsigned char)*text);
            plain = text + 1;
        }
    add(json, plain, (size_t)(text - plain));
    add(json, "\"", 1);
}

/* The decimal digits of VALUE, at least LEAST of them, ending before END; gives where they begin.
 */
static char *digits_before(char *end, uint64_t value, int least)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
        least--;
    } while (value > 0 || least > 0);
    return end;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

void emit_int(struct emitter *json, const char *name, int64_t value)
{
    char text[24];
    char *start = digits_before(text + sizeof(text), magnitude(value), 1);

    if (value < 0)
        *--start = '-';
    bare(json, name, start, (size_t)(text + sizeof(text) - start));
}

void emit_count(struct emitter *json, const char *name, uint64_t value)
{
    char text[24];
    char *start = digits_before(text + sizeof(text), value, 1);

    bare(json, name, start, (size_t)(text + sizeof(text) - start));
}

void emit_milli(struct emitter *json, const char *name, int64_t thousandths)
{
    char text[28];
    char *end = text + sizeof(text);
    char *start = digits_before(end, magnitude(thousandths) % 1000, 3);

    *--start = '.';
    start = digits_before(start, magnitude(thousandths) / 1000, 1);
    if (thousandths < 0)
        *--start = '-';
    bare(json, name, start, (size_t)(end - start));
}

void emit_bool(struct emitter *json, const char *name, bool value)
{
    bare(json, name, value ? "true" : "false", value ? 4 : 5);
}

void emit_null(struct emitter *json, const char *name)
{
    bare(json, name, "null", 4);
}

static void quoted(struct emitter *json, const char *name, const char *plain, size_t length)
{
    bare(json, name, "\"", 1);
    add(json, plain, length);
    add(json, "\"", 1);
}

void emit_uuid(struct emitter *json, const char *name, struct uuid id)
{
    char text[UUID_TEXT_SIZE];

    uuid_format(id, text);
    quoted(json, name, text, UUID_TEXT_SIZE - 1);
}

void emit_uuid_or_null(struct emitter *json, const char *name, struct uuid id)
{
    if (uuid_is_nil(id))
        emit_null(json, name);
    else
        emit_uuid(json, name, id);
}

void emit_time(struct emitter *json, const char *name, int64_t time_us)
{
    char text[TIME_RFC3339_SIZE];

    if (time_us == 0) {
        emit_null(json, name);
        return;
    }
    time_to_rfc3339(time_us, text);
    quoted(json, name, text, strlen(text));
}

void emit_hex(struct emitter *json, const char *name, const void *bytes, size_t length)
{
    char text[HEX_SIZE(32)];

    assert(length <= 32);
    hex_encode(bytes, length, text);
    quoted(json, name, text, 2 * length);
}

void emit_raw(struct emitter *json, const char *name, const char *text)
{
    if (text && *text)
        bare(json, name, text, strlen(text));
    else
        bare(json, name, "{}", 2);
}
