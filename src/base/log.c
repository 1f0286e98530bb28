#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define LINE_MAX_BYTES ((size_t)8192)

/* Set once by log_setup, before there are threads. */
static enum log_level lowest_level = LOG_INFO;
static enum log_format line_format = LOG_LOGFMT;

void log_setup(enum log_level lowest, enum log_format format)
{
    lowest_level = lowest;
    line_format = format;
}

bool log_enabled(enum log_level level)
{
    return level >= lowest_level;
}

/* Adds TEXT so that it ends neither its line nor its quotes; bytes that are not UTF-8 are shown as
 * the replacement character. Both formats understand JSON's escapes. */
static void add_escaped(struct buf *line, const char *text)
{
    struct str rest = str_from(text);

    while (rest.len > 0) {
        unsigned char c = (unsigned char)rest.ptr[0];
        size_t n = 1;

        if (c == '"' || c == '\\') {
            buf_printf(line, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(line, "\\u%04x", c);
        } else if (c < 0x80) {
            buf_add(line, rest.ptr, 1);
        } else {
            while (n < 4 && n < rest.len && !utf8_is_valid((struct str){rest.ptr, n}))
                n++;
            if (utf8_is_valid((struct str){rest.ptr, n})) {
                buf_add(line, rest.ptr, n);
            } else {
                buf_add_text(line, "\\ufffd");
                n = 1;
            }
        }
        rest = (struct str){rest.ptr + n, rest.len - n};
    }
}

static bool is_bare(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == '"' || *p == '=' ||
            *p == '\\')
            return false;
    return text[0] != '\0';
}

static void add_text_field(struct buf *line, const char *key, const char *text)
{
    bool json = line_format == LOG_JSON;

    buf_printf(line, json ? ",\"%s\":" : " %s=", key);
    if (!json && is_bare(text)) {
        buf_add_text(line, text);
        return;
    }
    buf_add_text(line, "\"");
    add_escaped(line, text);
    buf_add_text(line, "\"");
}

static void add_field(struct buf *line, const struct log_field *field)
{
    if (field->type == LOG_FIELD_TEXT) {
        if (field->text)
            add_text_field(line, field->key, field->text);
        return;
    }
    buf_printf(line, line_format == LOG_JSON ? ",\"%s\":%" PRId64 : " %s=%" PRId64, field->key,
               field->integer);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               unsigned count)
{
    static const char *const names[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
    scoped(buf_release) struct buf line = {0};
    char time[TIME_RFC3339_SIZE];
    ssize_t written;

    if (!log_enabled(level))
        return;
    time_to_rfc3339(clock_now_us(&clock_system), time);
    buf_init(&line, LINE_MAX_BYTES);
    buf_printf(&line,
               line_format == LOG_JSON ? "{\"time\":\"%s\",\"level\":\"%s\"" : "time=%s level=%s",
               time, names[level]);
    add_text_field(&line, "msg", message);
    for (unsigned i = 0; i < count; i++)
        add_field(&line, &fields[i]);
    line.limit += 2; /* the end always fits */
    buf_add_text(&line, line_format == LOG_JSON ? "}\n" : "\n");
    written = write(STDERR_FILENO, line.bytes, line.length);
    (void)written; /* there is nowhere to report it to */
}
