/* Characters and fields of HTTP's grammar (RFC 9110 section 5), shared by the readers of headers.
 */
#ifndef HTTP_TEXT_H
#define HTTP_TEXT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* A token character (RFC 9110 section 5.6.2). */
bool text_is_tchar(char c);
bool text_is_token(struct str text);
/* No control characters but tab: what a field value may consist of. */
bool text_is_field_value(struct str text);

/* Reads "name: value" without its line end: no fold, no blank before the colon. The value is
 * trimmed. False if it is malformed. */
bool text_parse_field(struct str line, struct str *name, struct str *value);

/* Steps over blanks and tabs at the start of TEXT. */
void text_skip_blanks(struct str *text);
/* Steps over C if TEXT begins with it. */
bool text_skip(struct str *text, char c);
/* Cuts a token off the start of TEXT; false if there is none. */
bool text_take_token(struct str *text, struct str *out);
/* Cuts a quoted-string off the start of TEXT; *OUT is what it says. With LENIENT, a backslash that
 * escapes neither '"' nor a backslash stands for itself. False if it is malformed. */
bool text_take_quoted(struct str *text, bool lenient, struct arena *mem, char **out);

/* The value of a hexadecimal digit, -1 if C is none. */
int text_hex_value(char c);

#endif
