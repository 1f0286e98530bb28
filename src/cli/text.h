/*
 * Text for people: safe to print on a terminal, cut to a width, times and durations.
 *
 * Text that came from outside may hold escape sequences; nothing of it reaches a terminal
 * unescaped.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Writes TEXT so that a terminal shows it and does nothing else: control characters (C0, DEL, C1),
 * characters that turn the direction of writing or break lines (U+2028-2029, U+202A-202E,
 * U+2066-2069) and bytes that are no UTF-8 become \xNN or \u{NNNN}, a backslash stays. OUT, of SIZE
 * bytes, ends between characters when it is too small.
 */
void text_visible(const char *text, char *out, size_t size);
/* Room for text_visible of a text of LENGTH bytes, whatever it holds. */
#define TEXT_VISIBLE_SIZE(length) (4 * (length) + 1)

/* Columns that visible text takes on a terminal: wide characters two, combining ones none. */
size_t text_width(const char *visible);
/* Cuts visible text to at most COLUMNS columns, in place; what was cut at shows as an ellipsis. The
 * text's memory must hold two bytes more than its length. */
void text_cut(char *visible, size_t columns);

#define TEXT_TIME_SIZE 32
/* An RFC 3339 time in the time zone of the user: "2026-11-24 08:44". NULL or no time: "-". */
void text_local_time(const char *rfc3339, char out[static TEXT_TIME_SIZE]);

#define TEXT_DURATION_SIZE 24
/* Seconds as "3:25" or "1:02:03", rounded; less than zero: "-". */
void text_duration(double seconds, char out[static TEXT_DURATION_SIZE]);

#endif
