#include "cli/variables.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scoped.h"
#include "base/str.h"
#include "cli/hint.h"
#include "cli/options.h"
#include "cli/text.h"

#define PREFIX "AUDIOTRICKS_"
#define CLIENT_PREFIX PREFIX "CLIENT_"

static const char *const client_names[] = {VARIABLE_CLIENT_SERVER, VARIABLE_CLIENT_TOKEN,
                                           VARIABLE_CLIENT_SILENCE_S};

/* The name in "NAME=value"; NULL if it does not begin as ours do. */
static const char *name_of(const char *entry, struct arena *mem)
{
    struct str rest = str_from(entry), name;

    if (!str_starts_with(rest, PREFIX) || !str_split(&rest, '=', &name))
        return NULL;
    return arena_strndup(mem, name.ptr, name.len);
}

/* ---- the server's ---- */

static bool is_option(const char *name, struct arena *mem, struct hint *hint)
{
    for (size_t i = 0; i < configuration_option_count; i++) {
        char *known = arena_alloc(mem, CONFIGURATION_VARIABLE_SIZE);

        configuration_variable_name(&configuration_options[i], known, CONFIGURATION_VARIABLE_SIZE);
        if (strcmp(name, known) == 0)
            return true;
        hint_offer(hint, known);
    }
    return false;
}

bool variables_check(struct arena *mem, struct error *err)
{
    for (char *const *entry = environ; *entry; entry++) {
        const char *name = name_of(*entry, mem);
        struct hint hint;

        if (!name || str_starts_with(str_from(name), CLIENT_PREFIX) ||
            strcmp(name, VARIABLE_CONFIG_FILE) == 0)
            continue;
        hint_init(&hint, name);
        hint_offer(&hint, VARIABLE_CONFIG_FILE);
        if (!is_option(name, mem, &hint))
            return error_tell(err, ERR_INVALID, "environment: there is no option %s%s%s", name,
                              hint.best ? "; did you mean " : "", hint.best ? hint.best : "");
    }
    return true;
}

/* ---- those of client commands ---- */

static bool is_client_name(const char *name, struct hint *hint)
{
    for (size_t i = 0; i < COUNT_OF(client_names); i++) {
        if (strcmp(name, client_names[i]) == 0)
            return true;
        hint_offer(hint, client_names[i]);
    }
    return false;
}

static void warn(const struct hint *hint, struct arena *mem)
{
    size_t size = TEXT_VISIBLE_SIZE(strlen(hint->word) + 1);
    char *visible = arena_alloc(mem, size);

    text_visible(hint->word, visible, size);
    fprintf(stderr, "audiotricks: warning: %s means nothing%s%s%s\n", visible,
            hint->best ? "; did you mean " : "", hint->best ? hint->best : "",
            hint->best ? "?" : "");
}

void variables_warn(struct arena *mem)
{
    for (char *const *entry = environ; *entry; entry++) {
        const char *name = name_of(*entry, mem);
        struct hint hint;

        if (!name || !str_starts_with(str_from(name), CLIENT_PREFIX))
            continue;
        hint_init(&hint, name);
        if (!is_client_name(name, &hint))
            warn(&hint, mem);
    }
}
