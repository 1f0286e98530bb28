/*
 * Who works with a catalog in a file, and who moves it away. The lock is one on the file's folder
 * itself (flock): it needs no file of its own, and ends with the process.
 */
#ifndef CLI_CATALOG_LOCK_H
#define CLI_CATALOG_LOCK_H

#include "base/config.h"
#include "base/error.h"

/* Any number of processes share the catalog that CONFIG names, each until *OUT, the caller's, is
 * closed; -1 where the catalog is in no file, or its folder cannot be locked. Fails with ERR_EXISTS
 * while it is moved. */
bool catalog_share(const struct config *config, int *out, struct error *err);
/* The same for who moves the catalog in FOLDER: nobody shares it. ERR_EXISTS if somebody does. */
bool catalog_seclude(const char *folder, int *out, struct error *err);

#endif
