/*
 * The configuration: one table of options, filled from flags, then the environment, then a file,
 * then defaults; the first that names an option wins, and each remembers where it came from.
 *
 * Knows names, types and texts; what an option means is the business of those who read it.
 * Sections such as [store "main"] repeat: their options are kept per name, in the file's order.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum config_type { CONFIG_TEXT, CONFIG_SECRET, CONFIG_BOOL, CONFIG_COUNT, CONFIG_BYTES, CONFIG_MS };
enum config_origin { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };

struct config_option {
    const char *section; /* "uploads" */
    const char *key; /* "accept": flag --uploads-accept, environment AUDIOTRICKS_UPLOADS_ACCEPT */
    enum config_type type;
    const char *fallback; /* as a user would write it; NULL: not set */
    const char *flag;     /* a shorter flag, such as "listen" for --listen; NULL: none */
    const char *help;     /* one line: what it does, unit, permitted values */
};

struct config_value {
    const struct config_option *option;
    const char *text; /* NULL: not set */
    enum config_origin origin;
};

struct config;

/* An empty configuration over a table of COUNT options that outlives it. */
struct config *config_new(const struct config_option *options, size_t count);
/* Which named sections a file may hold, and what in them: a table of COUNT options that outlives
 * it. Without this there are none. */
void config_allow_named(struct config *config, const struct config_option *options, size_t count);
void config_free(struct config *config);
DEFINE_RELEASE(config, struct config)

/*
 * Takes one flag off the command line: "--listen=X", or "--listen" followed by NEXT (which may be
 * NULL). *USED is 0 if ARGUMENT is no option's flag, else the number of arguments it took. A flag
 * given last wins over the same flag before. Fails with ERR_INVALID if the value is missing or not
 * of the option's type.
 */
bool config_flag(struct config *config, const char *argument, const char *next, int *used,
                 struct error *err);
/* Takes every AUDIOTRICKS_… variable of ENVIRON ("NAME=value", NULL-terminated). An unknown
 * AUDIOTRICKS_ name is ERR_INVALID, so that a misspelt one is not silently ignored; names beginning
 * with AUDIOTRICKS_CLIENT_ are the client commands' and skipped. */
bool config_environment(struct config *config, char *const *environ, struct error *err);
/* Reads an INI file. Unknown sections or keys, and values of the wrong type, are ERR_INVALID with
 * the line; so are lines that are too long, and a second section of one name. Blanks in front of a
 * line mean nothing. For an option KEY of type CONFIG_SECRET, KEY_file = PATH reads the value from
 * a file.
 */
bool config_file(struct config *config, const char *path, struct error *err);

/* The value as text; NULL if not set and without fallback. The option must exist (asserted). */
const char *config_text(const struct config *config, const char *section, const char *key);
bool config_bool(const struct config *config, const char *section, const char *key);
/* Counts as they are, CONFIG_BYTES in bytes, CONFIG_MS in milliseconds. Not set gives 0. */
uint64_t config_number(const struct config *config, const char *section, const char *key);

/* Every option with its effective value and origin, in the table's order: false past the last. */
bool config_at(const struct config *config, size_t index, struct config_value *out);

/* Named sections: [store "main"]. The NAMEs of SECTION in order; false past the last. */
bool config_named_at(const struct config *config, const char *section, size_t index,
                     const char **name);
/* A key of a named section; NULL if it is not set there. */
const char *config_named_text(const struct config *config, const char *section, const char *name,
                              const char *key);
/* One of type CONFIG_BOOL; false if it is not set. */
bool config_named_bool(const struct config *config, const char *section, const char *name,
                       const char *key);

#endif
