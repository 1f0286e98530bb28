/* The log of a command that runs for long, as it is configured. */
#ifndef CLI_LOG_SETUP_H
#define CLI_LOG_SETUP_H

#include "base/config.h"

/* Fails with ERR_INVALID if log.level or log.format is none of those there are. */
/* Whether it could be, without doing it. Fails with ERR_INVALID. */
bool log_setup_check(const struct config *config, struct error *err);
bool log_setup_configured(const struct config *config, struct error *err);

#endif
