#include "cli/log_setup.h"

#include <string.h>

#include "base/log.h"

struct log_choice {
    enum log_level level;
    enum log_format format;
};

static bool choose(const struct config *config, struct log_choice *out, struct error *err)
{
    static const char *const levels[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
    const char *level = config_text(config, "log", "level");
    const char *format = config_text(config, "log", "format");
    bool json = strcmp(format, "json") == 0;

    if (!json && strcmp(format, "logfmt") != 0)
        return error_tell(err, ERR_INVALID, "log.format: \"%s\" is not logfmt or json", format);
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (strcmp(level, levels[i]) == 0) {
            *out = (struct log_choice){(enum log_level)i, json ? LOG_JSON : LOG_LOGFMT};
            return true;
        }
    return error_tell(err, ERR_INVALID, "log.level: \"%s\" is not debug, info, warn or error",
                      level);
}

bool log_setup_check(const struct config *config, struct error *err)
{
    struct log_choice choice;

    return choose(config, &choice, err);
}

bool log_setup_configured(const struct config *config, struct error *err)
{
    struct log_choice choice;

    if (!choose(config, &choice, err))
        return false;
    log_setup(choice.level, choice.format);
    return true;
}
