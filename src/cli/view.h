/* The server's JSON for people and for programs. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"

/* One line of compact JSON on standard output. */
void view_json(const json_t *json);

/* Members of an object; NULL, FALLBACK or false where there is none of that type. */
const char *view_text(const json_t *object, const char *name);
json_int_t view_int(const json_t *object, const char *name, json_int_t fallback);

/* Texts for people. */
char *view_bytes(struct arena *mem, const json_t *object, const char *name); /* "1.5 GiB" */
char *view_limit(struct arena *mem, const json_t *object, const char *name); /* "unlimited" */
char *view_limit_bytes(struct arena *mem, const json_t *object, const char *name);
char *view_time(struct arena *mem, const json_t *object, const char *name);     /* local time */
char *view_duration(struct arena *mem, const json_t *object, const char *name); /* "3:25" */
/* Any value as visible text: a string as it is, others as JSON; NULL if absent or null. */
char *view_value(struct arena *mem, const json_t *value);

/* TEXT made visible (text.h). */
char *view_visible(struct arena *mem, const char *text);

/* "name   value", of which the caller made both visible; nothing where VALUE is NULL. */
void view_pair(const char *name, const char *value);

#endif
