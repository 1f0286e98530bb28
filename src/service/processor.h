/*
 * Processors that are commands, as the configuration describes them: [processor "NAME"] command = …
 * Knows what is run, not how (jobs/command.h).
 */
#ifndef SERVICE_PROCESSOR_H
#define SERVICE_PROCESSOR_H

#include "base/arena.h"
#include "base/config.h"

#define PROCESSOR_LIMIT_MAX_MS (INT64_C(7) * 86400000) /* of one run */
#define PROCESSOR_WORKERS_MAX 64

/* Text is the configuration's, or in the arena. */
struct processor {
    const char *name;
    char **words; /* NULL-terminated; {input} in them stands for the path of the audio */
    size_t word_count;
    bool by_path;          /* the audio is named; else it is standard input */
    const char *output;    /* a file in the command's folder that holds the result; NULL: stdout */
    int64_t limit_ms;      /* of one run; 0: by the length of the audio */
    uint64_t memory_bytes; /* for each process; 0: no limit */
    unsigned workers;      /* runs at once in this process */
    char **passed;         /* NULL-terminated: variables of the server's environment that it gets */
};

/*
 * Reads the section of NAME. *IS_COMMAND is false, and *OUT not set, if it has no command: then
 * others lease its jobs.
 *
 * Fails with ERR_INVALID, naming the option.
 */
bool processor_read(const struct config *config, const char *name, struct arena *mem,
                    bool *is_command, struct processor *out, struct error *err);

#endif
