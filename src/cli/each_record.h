/* Shows records in full, one for each id on the command line, and goes on past those that fail. */
#ifndef CLI_EACH_RECORD_H
#define CLI_EACH_RECORD_H

#include "cli/command.h"
#include "cli/view.h"

/* A member that is shown first and in words; all others follow under their own names. */
struct leading_member {
    const char *member; /* NULL ends a list of them */
    const char *label;
    char *(*view)(struct arena *mem, const json_t *object, const char *name); /* NULL: as it is */
};

/* Of /v1/RESOURCE/ID: lines of names and values, or the record as JSON. */
enum cli_exit each_record_run(struct invocation *in, const char *resource,
                              const struct leading_member *leading);

#endif
