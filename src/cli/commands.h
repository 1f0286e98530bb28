/* Every command of the program; main.c puts them in order. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command command_serve;
extern const struct command command_worker;
extern const struct command command_upload;
extern const struct command command_ls;
extern const struct command command_info;
extern const struct command command_get;
extern const struct command command_rm;
extern const struct command command_undelete;
extern const struct command command_quota;
extern const struct command command_sessions;
extern const struct command command_jobs;
extern const struct command command_usage;
extern const struct command command_cache;
extern const struct command command_workspace;
extern const struct command command_user;
extern const struct command command_token;
extern const struct command command_operator;
extern const struct command command_events;
extern const struct command command_webhooks;
extern const struct command command_store;
extern const struct command command_verify;
extern const struct command command_migrate;
extern const struct command command_doctor;
extern const struct command command_config;
extern const struct command command_completion;
extern const struct command command_help;

#endif
