#include "cli/configuration.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/options.h"
#include "cli/variables.h"

struct config *configuration_new(void)
{
    struct config *config = config_new(configuration_options, configuration_option_count);

    config_allow_named(config, configuration_named_options, configuration_named_option_count);
    return config;
}

/* The environment without the variable that names the file: it is no option of the table. */
static char **environment_of_options(struct arena *mem)
{
    size_t count = 0, kept = 0;
    char **out;

    while (environ[count])
        count++;
    out = arena_array(mem, count + 1, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        if (!str_starts_with(str_from(environ[i]), VARIABLE_CONFIG_FILE "="))
            out[kept++] = environ[i];
    }
    return out;
}

bool configuration_read(struct config *config, const char *path, struct arena *mem,
                        struct error *err)
{
    if (!variables_check(mem, err) || !config_environment(config, environment_of_options(mem), err))
        return false;
    if (!path)
        path = getenv(VARIABLE_CONFIG_FILE);
    return !path || !*path || config_file(config, path, err);
}
