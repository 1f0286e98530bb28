/* One server for each data folder: two would clear away each other's open sessions. */
#ifndef CLI_DATA_LOCK_H
#define CLI_DATA_LOCK_H

#include <stdbool.h>

#include "base/error.h"

/* Makes the folder DATA if its parent exists, and locks it until *OUT, the caller's, is closed.
 * Fails with ERR_EXISTS if another process has it locked. */
bool data_lock(const char *data, int *out, struct error *err);

#endif
