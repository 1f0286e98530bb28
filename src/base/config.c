#include "base/config.h"

#include <assert.h>
#include <ctype.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"

#define SECRET_MAX_BYTES ((size_t)64 * 1024)
#define FILE_MAX_BYTES ((size_t)1024 * 1024)
#define LINE_MAX_BYTES (INI_MAX_LINE - 2) /* besides its end, in inih's buffer */
#define ENVIRONMENT_PREFIX "AUDIOTRICKS_"
#define CLIENT_PREFIX "AUDIOTRICKS_CLIENT_"

/* One line of a named section, in the file's order. */
struct named {
    struct named *next;
    const char *section, *name, *key, *text;
};

struct config {
    const struct config_option *options;
    size_t count;
    struct config_value *values; /* one for each option */
    struct named *first, **last;
    const struct config_option *named_options;
    size_t named_count;
    struct arena *mem;
};

void config_allow_named(struct config *config, const struct config_option *options, size_t count)
{
    config->named_options = options;
    config->named_count = count;
}

struct config *config_new(const struct config_option *options, size_t count)
{
    struct arena *mem = arena_new();
    struct config *config = arena_alloc(mem, sizeof *config);

    *config = (struct config){.options = options,
                              .count = count,
                              .values = arena_array(mem, count, sizeof(struct config_value)),
                              .mem = mem};
    config->last = &config->first;
    for (size_t i = 0; i < count; i++)
        config->values[i] = (struct config_value){
            .option = &options[i], .text = options[i].fallback, .origin = CONFIG_DEFAULT};
    return config;
}

void config_free(struct config *config)
{
    if (config)
        arena_free(config->mem);
}

static struct config_value *find(const struct config *config, const char *section, const char *key)
{
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->options[i].section, section) == 0 &&
            strcmp(config->options[i].key, key) == 0)
            return &config->values[i];
    return NULL;
}

/* ---- values ---- */

static bool read_bool(const char *text, bool *out)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true},   {"yes", true}, {"on", true},   {"1", true},
                 {"false", false}, {"no", false}, {"off", false}, {"0", false}};

    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_equal_nocase(str_from(text), words[i].word)) {
            *out = words[i].value;
            return true;
        }
    return false;
}

static const char *type_words(enum config_type type)
{
    switch (type) {
    case CONFIG_BOOL:
        return "true or false";
    case CONFIG_COUNT:
        return "a whole number";
    case CONFIG_BYTES:
        return "a size such as 64MiB";
    case CONFIG_MS:
        return "a time such as 30s";
    case CONFIG_TEXT:
    case CONFIG_SECRET:
        break;
    }
    return "text";
}

static bool read_number(enum config_type type, const char *text, uint64_t *out)
{
    if (type == CONFIG_BYTES)
        return str_to_bytes(str_from(text), out);
    if (type == CONFIG_MS)
        return str_to_ms(str_from(text), out);
    return str_to_u64(str_from(text), INT64_MAX, out);
}

static bool fits(enum config_type type, const char *text)
{
    uint64_t number;
    bool yes;

    if (type == CONFIG_TEXT || type == CONFIG_SECRET)
        return true;
    return type == CONFIG_BOOL ? read_bool(text, &yes) : read_number(type, text, &number);
}

/* Sets the option unless something stronger has. WHERE is how the user names it. */
static bool set(struct config *config, struct config_value *value, enum config_origin origin,
                const char *text, const char *where, struct error *err)
{
    if (value->option->type != CONFIG_TEXT && text[0] == '\0')
        text = NULL; /* "key =" is how a file unsets a number */
    if (text && !fits(value->option->type, text))
        return error_tell(err, ERR_INVALID, "%s: \"%.100s\" is not %s", where, text,
                          type_words(value->option->type));
    if (origin < value->origin)
        return true;
    value->text = text && text[0] ? arena_strdup(config->mem, text) : NULL;
    value->origin = origin;
    return true;
}

/* ---- flags ---- */

/* "uploads-max-file-size" for uploads.max_file_size. */
static void long_flag(const struct config_option *option, char *out, size_t size)
{
    snprintf(out, size, "%s-%s", option->section, option->key);
    for (char *p = out; *p; p++)
        if (*p == '_')
            *p = '-';
}

static struct config_value *find_flag(const struct config *config, struct str name)
{
    for (size_t i = 0; i < config->count; i++) {
        char flag[128];

        long_flag(&config->options[i], flag, sizeof flag);
        if (str_equal_text(name, flag) ||
            (config->options[i].flag && str_equal_text(name, config->options[i].flag)))
            return &config->values[i];
    }
    return NULL;
}

bool config_flag(struct config *config, const char *argument, const char *next, int *used,
                 struct error *err)
{
    const char *equals = strchr(argument, '=');
    struct config_value *value;
    struct str name;
    char where[160];

    *used = 0;
    if (strncmp(argument, "--", 2) != 0)
        return true;
    name =
        (struct str){argument + 2, equals ? (size_t)(equals - argument) - 2 : strlen(argument + 2)};
    value = find_flag(config, name);
    if (!value)
        return true;
    snprintf(where, sizeof where, "--%.*s", (int)name.len, name.ptr);
    if (!equals && !next)
        return error_tell(err, ERR_INVALID, "%s needs a value", where);
    *used = equals ? 1 : 2;
    return set(config, value, CONFIG_FLAG, equals ? equals + 1 : next, where, err);
}

/* ---- environment ---- */

static void environment_name(const struct config_option *option, char *out, size_t size)
{
    snprintf(out, size, ENVIRONMENT_PREFIX "%s_%s", option->section, option->key);
    for (char *p = out; *p; p++)
        *p = (char)toupper((unsigned char)*p);
}

static bool take_variable(struct config *config, struct str name, const char *text,
                          struct error *err)
{
    const char *where = arena_strndup(config->mem, name.ptr, name.len);

    for (size_t i = 0; i < config->count; i++) {
        struct config_value *value = &config->values[i];
        char known[160];

        environment_name(value->option, known, sizeof known);
        if (str_equal_text(name, known))
            return set(config, value, CONFIG_ENVIRONMENT, text, where, err);
    }
    return error_tell(err, ERR_INVALID, "environment: there is no option %s", where);
}

bool config_environment(struct config *config, char *const *environ, struct error *err)
{
    for (; *environ; environ++) {
        struct str rest = str_from(*environ), name;

        if (!str_starts_with(rest, ENVIRONMENT_PREFIX) || str_starts_with(rest, CLIENT_PREFIX) ||
            !str_split(&rest, '=', &name) || !rest.ptr)
            continue;
        if (!take_variable(config, name, rest.ptr, err))
            return false;
    }
    return true;
}

/* ---- file ---- */

struct file_reading {
    struct config *config;
    const char *path;
    struct error *err;
    bool failed;
};

/* The option KEY of the sections [SECTION "…"]; of KEY NULL, any. */
static const struct config_option *find_named(const struct config *config, const char *section,
                                              const char *key)
{
    for (size_t i = 0; i < config->named_count; i++)
        if (strcmp(config->named_options[i].section, section) == 0 &&
            (!key || strcmp(config->named_options[i].key, key) == 0))
            return &config->named_options[i];
    return NULL;
}

/* Splits [section "name"]; false if the header is not that of a named section. */
static bool split_header(const struct config *config, const char *header, const char **section,
                         const char **name)
{
    struct arena *mem = config->mem;
    const char *quote = strchr(header, '"');
    size_t length;

    if (!quote)
        return false;
    length = strlen(quote + 1);
    if (length < 2 || quote[length] != '"')
        return false;
    *name = arena_strndup(mem, quote + 1, length - 1);
    struct str trimmed = str_trim((struct str){header, (size_t)(quote - header)});
    *section = arena_strndup(mem, trimmed.ptr, trimmed.len);
    return find_named(config, *section, NULL) != NULL;
}

/* KEY of KEY_file, if that is what NAME is; NULL if not. */
static const char *key_of_file(const char *name, struct arena *mem)
{
    struct str text = str_from(name);

    if (!str_ends_with(text, "_file"))
        return NULL;
    return arena_strndup(mem, text.ptr, text.len - 5);
}

/* The file's text without blanks and line ends around it. */
static bool read_secret(const char *path, struct arena *mem, const char **out, struct error *err)
{
    size_t length;
    char *text;

    if (!fs_read_file(path, SECRET_MAX_BYTES, mem, &text, &length, err))
        return false;
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    *out = text;
    return true;
}

static bool take_named(struct file_reading *reading, const char *section, const char *name,
                       const char *key, const char *text)
{
    struct config *config = reading->config;
    struct named *line = arena_alloc(config->mem, sizeof *line);
    const char *secret_key =
        find_named(config, section, key) ? NULL : key_of_file(key, config->mem);
    const struct config_option *option = find_named(config, section, secret_key ? secret_key : key);
    const char *where =
        arena_printf(config->mem, "%s: [%s \"%s\"] %s", reading->path, section, name, key);

    if (!option || (secret_key && option->type != CONFIG_SECRET))
        return error_tell(reading->err, ERR_INVALID, "%s: there is no such option", where);
    if (secret_key && !read_secret(text, config->mem, &text, reading->err))
        return error_context(reading->err, "%s", where);
    *line = (struct named){.section = section,
                           .name = name,
                           .key = arena_strdup(config->mem, secret_key ? secret_key : key),
                           .text = arena_strdup(config->mem, text)};
    *config->last = line;
    config->last = &line->next;
    return true;
}

static bool take_option(struct file_reading *reading, const char *section, const char *key,
                        const char *text)
{
    struct config *config = reading->config;
    struct config_value *value = find(config, section, key);
    const char *where = arena_printf(config->mem, "%s: %s.%s", reading->path, section, key);

    if (!value) {
        const char *secret_key = key_of_file(key, config->mem);

        value = secret_key ? find(config, section, secret_key) : NULL;
        if (!value || value->option->type != CONFIG_SECRET)
            return error_tell(reading->err, ERR_INVALID, "%s: there is no such option", where);
        if (!read_secret(text, config->mem, &text, reading->err))
            return error_context(reading->err, "%s", where);
    }
    return set(config, value, CONFIG_FILE, text, where, reading->err);
}

static int take_line(void *context, const char *section, const char *key, const char *text)
{
    struct file_reading *reading = context;
    const char *plain, *name;

    if (reading->failed)
        return 0;
    if (split_header(reading->config, section, &plain, &name))
        reading->failed = !take_named(reading, plain, name, key, text);
    else
        reading->failed = !take_option(reading, section, key, text);
    return !reading->failed;
}

/* The library takes a line that begins with a blank for more of the value before, and reads no line
 * longer than its own buffer but takes what does not fit for another line. So no line is given to
 * it with a blank in front, and none that is too long. */
static bool straighten(char *text, size_t length, struct error *err)
{
    char *to = text;
    unsigned number = 1;

    if (strlen(text) < length)
        return error_tell(err, ERR_INVALID, "it is not text");
    for (const char *from = text; *from; number++) {
        size_t line = strcspn(from, "\n"), blanks = strspn(from, " \t");

        blanks = blanks < line ? blanks : line;
        if (line - blanks > LINE_MAX_BYTES)
            return error_tell(err, ERR_INVALID, "line %u: a line has %d bytes at most", number,
                              LINE_MAX_BYTES);
        line += from[line] == '\n';
        memmove(to, from + blanks, line - blanks);
        to += line - blanks;
        from += line;
    }
    *to = '\0';
    return true;
}

struct header {
    struct header *next;
    const char *section, *name;
};

static bool is_among(const struct header *seen, const char *section, const char *name)
{
    for (; seen; seen = seen->next)
        if (strcmp(seen->section, section) == 0 && strcmp(seen->name, name) == 0)
            return true;
    return false;
}

/* Two stores of one name would be read as one, made of both. */
static bool check_headers(const struct config *config, const char *text, struct error *err)
{
    struct str rest = str_from(text), line;
    struct header *seen = NULL, header;

    for (unsigned number = 1; str_split(&rest, '\n', &line); number++) {
        const char *end = str_starts_with(line, "[") ? memchr(line.ptr, ']', line.len) : NULL;

        if (!end ||
            !split_header(config,
                          arena_strndup(config->mem, line.ptr + 1, (size_t)(end - line.ptr) - 1),
                          &header.section, &header.name))
            continue;
        if (is_among(seen, header.section, header.name))
            return error_tell(err, ERR_INVALID, "line %u: [%s \"%s\"] is there already", number,
                              header.section, header.name);
        header.next = seen;
        seen = arena_alloc(config->mem, sizeof *seen);
        *seen = header;
    }
    return true;
}

bool config_file(struct config *config, const char *path, struct error *err)
{
    struct file_reading reading = {.config = config, .path = path, .err = err};
    size_t length;
    char *text;
    int line;

    if (!fs_read_file(path, FILE_MAX_BYTES, config->mem, &text, &length, err) ||
        !straighten(text, length, err) || !check_headers(config, text, err))
        return error_context(err, "configuration file \"%s\"", path);
    line = ini_parse_string(text, take_line, &reading);
    if (line == 0)
        return true;
    if (!reading.failed)
        return error_tell(err, ERR_INVALID, "%s: line %d is neither [section] nor key = value",
                          path, line);
    return error_context(err, "line %d", line);
}

/* ---- reading ---- */

static const struct config_value *value_of(const struct config *config, const char *section,
                                           const char *key)
{
    const struct config_value *value = find(config, section, key);

    assert(value);
    return value;
}

const char *config_text(const struct config *config, const char *section, const char *key)
{
    return value_of(config, section, key)->text;
}

bool config_bool(const struct config *config, const char *section, const char *key)
{
    const char *text = config_text(config, section, key);
    bool yes = false;

    return text && read_bool(text, &yes) && yes;
}

uint64_t config_number(const struct config *config, const char *section, const char *key)
{
    const struct config_value *value = value_of(config, section, key);
    uint64_t number = 0;

    if (value->text && !read_number(value->option->type, value->text, &number))
        assert(!"a value was checked when it was set");
    return number;
}

bool config_at(const struct config *config, size_t index, struct config_value *out)
{
    if (index >= config->count)
        return false;
    *out = config->values[index];
    return true;
}

static bool is_first_of_its_name(const struct config *config, const struct named *line)
{
    for (const struct named *other = config->first; other != line; other = other->next)
        if (strcmp(other->section, line->section) == 0 && strcmp(other->name, line->name) == 0)
            return false;
    return true;
}

bool config_named_at(const struct config *config, const char *section, size_t index,
                     const char **name)
{
    for (const struct named *line = config->first; line; line = line->next) {
        if (strcmp(line->section, section) != 0 || !is_first_of_its_name(config, line))
            continue;
        if (index-- == 0) {
            *name = line->name;
            return true;
        }
    }
    return false;
}

const char *config_named_text(const struct config *config, const char *section, const char *name,
                              const char *key)
{
    const char *text = NULL;

    for (const struct named *line = config->first; line; line = line->next)
        if (strcmp(line->section, section) == 0 && strcmp(line->name, name) == 0 &&
            strcmp(line->key, key) == 0)
            text = line->text; /* a key given again replaces what was before */
    return text;
}

bool config_named_bool(const struct config *config, const char *section, const char *name,
                       const char *key)
{
    const char *text = config_named_text(config, section, name, key);
    bool yes = false;

    return text && read_bool(text, &yes) && yes;
}
