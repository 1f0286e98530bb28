/* Text: spans, numbers, UTF-8, and the encodings of bytes as text. Pure functions. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* LENGTH bytes that someone else owns; not NUL-terminated. */
struct str {
    const char *ptr;
    size_t len;
};

static inline struct str str_from(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}
#define STR_LITERAL(text) ((struct str){(text), sizeof(text) - 1})

bool str_equal(struct str a, struct str b);
bool str_equal_text(struct str a, const char *b);
/* ASCII letters compare without case. */
bool str_equal_nocase(struct str a, const char *b);
bool str_starts_with(struct str text, const char *prefix);
bool str_ends_with(struct str text, const char *suffix);
/* Without blanks and tabs at both ends (RFC 9110 OWS). */
struct str str_trim(struct str text);
/* Cuts what stands before the first SEPARATOR off TEXT and gives it in PART; the last part is what
 * remains. False when nothing was left. */
bool str_split(struct str *text, char separator, struct str *part);

/* The whole of TEXT as a decimal number, digits only, no sign, no blank. False if it is not one or
 * exceeds MAX; *OUT is then untouched. */
bool str_to_u64(struct str text, uint64_t max, uint64_t *out);
/* "512", "64K", "5MiB", "1.5 GB": K, M, G, T with or without iB count by 1024, with B by 1000. */
bool str_to_bytes(struct str text, uint64_t *out);
/* "30", "30s", "5m", "12h", "7d" as milliseconds; "250ms" too. A bare number counts seconds. */
bool str_to_ms(struct str text, uint64_t *out);
/* "1.5 GiB"; OUT holds at least 32 bytes. */
void str_format_bytes(uint64_t bytes, char out[static 32]);

/* Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool utf8_is_valid(struct str text);
/* The byte length of the longest prefix of TEXT that has at most MAX bytes and ends between
 * characters. */
size_t utf8_prefix(struct str text, size_t max);

#define HEX_SIZE(bytes) (2 * (bytes) + 1)
/* Lower-case hex with a NUL; OUT holds HEX_SIZE(LENGTH). */
void hex_encode(const void *bytes, size_t length, char *out);
/* Reads exactly LENGTH bytes from 2 * LENGTH digits of either case. */
bool hex_decode(struct str text, void *out, size_t length);

#define BASE64_SIZE(bytes) (4 * (((bytes) + 2) / 3) + 1)
/* Standard alphabet with padding (RFC 4648 section 4), with a NUL. */
void base64_encode(const void *bytes, size_t length, char *out);
/* URL-safe alphabet without padding (RFC 4648 section 5), with a NUL. */
void base64url_encode(const void *bytes, size_t length, char *out);
/* Strict: right alphabet, right padding, no line breaks, unused bits zero. *OUT_LENGTH is the
 * number of bytes written, at most MAX. */
bool base64_decode(struct str text, void *out, size_t max, size_t *out_length);
bool base64url_decode(struct str text, void *out, size_t max, size_t *out_length);

#endif
