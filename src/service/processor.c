#include "service/processor.h"

#include <string.h>

#include "base/str.h"
#include "base/words.h"

#define SHELL "/bin/sh"

/* A section while it is read. */
struct section {
    const struct config *config;
    const char *name;
    struct arena *mem;
};

static const char *text_of(const struct section *section, const char *key)
{
    const char *text = config_named_text(section->config, "processor", section->name, key);

    return text && *text ? text : NULL;
}

static bool refuse(const struct section *section, const char *key, const char *what,
                   struct error *err)
{
    return error_tell(err, ERR_INVALID, "processor \"%s\": %s %s", section->name, key, what);
}

/* ---- the command ---- */

/* A name that is looked for along PATH, or the place itself: its folder is another each time. */
static bool check_program(const struct section *section, const char *program, struct error *err)
{
    return *program == '/' || (*program && !strchr(program, '/')) ||
           refuse(section, "command", "does not begin with a program's name or absolute path", err);
}

static bool has_placeholder(char *const *words)
{
    for (; *words; words++)
        if (strstr(*words, "{input}"))
            return true;
    return false;
}

static void add_word(struct processor *out, const char *word, struct arena *mem)
{
    char **more = arena_array(mem, out->word_count + 2, sizeof *more);

    memcpy(more, out->words, out->word_count * sizeof *more);
    more[out->word_count++] = arena_strdup(mem, word);
    out->words = more;
}

static bool read_words(const struct section *section, struct processor *out, struct error *err)
{
    struct error why;

    if (!words_read(text_of(section, "command"), section->mem, &out->words, &out->word_count, &why))
        return refuse(section, "command", why.client, err);
    if (!check_program(section, out->words[0], err))
        return false;
    if (has_placeholder(out->words))
        return out->by_path ||
               refuse(section, "command", "has {input}, but input is not path", err);
    if (out->by_path)
        add_word(out, "{input}", section->mem);
    return true;
}

/* The path is in $JOB_INPUT: nothing is put into what a shell reads. */
static void set_shell(const struct section *section, struct processor *out)
{
    static const char *const words[] = {SHELL, "-c"};

    out->words = arena_array(section->mem, 1, sizeof *out->words);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        add_word(out, words[i], section->mem);
    add_word(out, text_of(section, "command"), section->mem);
}

static bool read_command(const struct section *section, struct processor *out, struct error *err)
{
    if (!config_named_bool(section->config, "processor", section->name, "shell"))
        return read_words(section, out, err);
    set_shell(section, out);
    return true;
}

/* ---- the rest ---- */

static bool read_input(const struct section *section, struct processor *out, struct error *err)
{
    const char *input = text_of(section, "input");

    out->by_path = !input || strcmp(input, "path") == 0;
    return out->by_path || strcmp(input, "stdin") == 0 ||
           refuse(section, "input", "is not path or stdin", err);
}

static bool read_output(const struct section *section, struct processor *out, struct error *err)
{
    const char *output = text_of(section, "output");

    out->output = output && strcmp(output, "stdout") != 0 ? output : NULL;
    return !out->output || (*output != '.' && !strchr(output, '/')) ||
           refuse(section, "output", "is not stdout, or the name of a file without a folder", err);
}

static bool read_limits(const struct section *section, struct processor *out, struct error *err)
{
    const char *limit = text_of(section, "time_limit"), *memory = text_of(section, "memory_limit");
    uint64_t ms = 0;

    if (limit && (!str_to_ms(str_from(limit), &ms) || ms == 0 || ms > PROCESSOR_LIMIT_MAX_MS))
        return refuse(section, "time_limit", "is not a time of at most 7d", err);
    if (memory && !str_to_bytes(str_from(memory), &out->memory_bytes))
        return refuse(section, "memory_limit", "is not a size such as 4GiB", err);
    out->limit_ms = (int64_t)ms;
    return true;
}

/* As many as may be leased at all, if that is limited. */
static bool read_workers(const struct section *section, struct processor *out, struct error *err)
{
    const char *workers = text_of(section, "workers"), *most = text_of(section, "concurrency");
    uint64_t count = 1;

    if (workers && (!str_to_u64(str_from(workers), PROCESSOR_WORKERS_MAX, &count) || count == 0))
        return refuse(section, "workers", "is not a number from 1 to 64", err);
    if (!workers && most && str_to_u64(str_from(most), UINT32_MAX, &count) &&
        (count == 0 || count > PROCESSOR_WORKERS_MAX))
        count = count == 0 ? 1 : PROCESSOR_WORKERS_MAX;
    out->workers = (unsigned)count;
    return true;
}

static bool read_passed(const struct section *section, struct processor *out, struct error *err)
{
    const char *names = text_of(section, "pass_environment");
    struct error why;
    size_t count;

    if (!words_read(names ? names : "", section->mem, &out->passed, &count, &why))
        return refuse(section, "pass_environment", why.client, err);
    for (size_t i = 0; i < count; i++)
        if (strchr(out->passed[i], '='))
            return refuse(section, "pass_environment", "holds names alone, without values", err);
    return true;
}

/* What only a command can have. */
static bool check_no_command(const struct section *section, struct error *err)
{
    static const char *const keys[] = {"input",        "output",  "shell",           "time_limit",
                                       "memory_limit", "workers", "pass_environment"};

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (text_of(section, keys[i]))
            return refuse(section, keys[i], "is for processors that have a command", err);
    return true;
}

bool processor_read(const struct config *config, const char *name, struct arena *mem,
                    bool *is_command, struct processor *out, struct error *err)
{
    struct section section = {config, name, mem};
    struct processor processor = {.name = name};

    *is_command = text_of(&section, "command") != NULL;
    if (!*is_command)
        return check_no_command(&section, err);
    if (!read_input(&section, &processor, err) || !read_command(&section, &processor, err) ||
        !read_output(&section, &processor, err) || !read_limits(&section, &processor, err) ||
        !read_workers(&section, &processor, err) || !read_passed(&section, &processor, err))
        return false;
    *out = processor;
    return true;
}
