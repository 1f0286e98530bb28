/*
 * Structured log lines on standard error: logfmt (key=value) or JSON, one line an event.
 *
 *   time=2026-11-24T07:44:11.123Z level=info msg="upload stored" request_id=… bytes=1234
 *
 * Safe from any thread; a line is one write. Nothing is logged twice: the request loop and the job
 * loop log errors, nobody below them does.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *key;
    enum { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_MS } type;
    union {
        const char *text; /* NULL leaves the field out */
        int64_t integer;
    };
};
#define log_text(k, v) ((struct log_field){.key = (k), .type = LOG_FIELD_TEXT, .text = (v)})
#define log_int(k, v) \
    ((struct log_field){.key = (k), .type = LOG_FIELD_INT, .integer = (int64_t)(v)})

/* Set once, before threads start. */
void log_setup(enum log_level lowest, enum log_format format);
bool log_enabled(enum log_level level);

/* log_event(LOG_INFO, "upload stored", log_text("id", id), log_int("bytes", n)); */
#define log_event(level, message, ...)                                                 \
    log_write((level), (message), (struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}}, \
              sizeof((struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}}) /            \
                      sizeof(struct log_field) -                                       \
                  1)
void log_write(enum log_level level, const char *message, const struct log_field *fields,
               unsigned count);

#endif
