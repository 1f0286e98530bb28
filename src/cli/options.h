/* The table of configuration options: what `serve` reads, `config` prints and the documents list.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"

extern const struct config_option configuration_options[];
extern const size_t configuration_option_count;

/* Room for any option's flag. */
#define CONFIGURATION_FLAG_SIZE 64
/* The flag as a user types it, without the dashes: "listen", "uploads-max-file-size". Cut off at
 * SIZE bytes. */
void configuration_flag_name(const struct config_option *option, char *out, size_t size);

/* The variable: "AUDIOTRICKS_UPLOADS_ACCEPT". */
#define CONFIGURATION_VARIABLE_SIZE 80
void configuration_variable_name(const struct config_option *option, char *out, size_t size);

/* Options of sections that repeat per name, such as [store "main"]: set in the file alone. */
extern const struct config_option configuration_named_options[];
extern const size_t configuration_named_option_count;

#endif
