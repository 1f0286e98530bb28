/*
 * Whether a server could run with a configuration: every option looked at by what it means. One
 * place for `serve`, `worker`, `config` and `doctor`, so that none passes what another refuses.
 * Opens nothing and changes nothing.
 */
#ifndef CLI_SETTINGS_CHECK_H
#define CLI_SETTINGS_CHECK_H

#include "base/config.h"
#include "http/server.h"

/* Fails with ERR_INVALID, naming the option. */
bool settings_check(const struct config *config, struct error *err);
/* The sections [store "…"] alone, of which settings_check makes use. settings_stores.c */
bool settings_check_stores(const struct config *config, struct arena *mem, struct error *err);

/* What the HTTP server is to be bounded by. Fails with ERR_INVALID. */
bool settings_limits(const struct config *config, struct http_limits *out, struct error *err);

#endif
