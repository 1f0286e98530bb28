/* What a command is given: the audio of its job, and words about it. */
#ifndef JOBS_COMMAND_INPUT_H
#define JOBS_COMMAND_INPUT_H

#include <stdatomic.h>

#include "catalog/job.h"
#include "catalog/upload.h"
#include "jobs/scratch.h"
#include "service/app.h"
#include "service/processor.h"

struct command_input {
    int fd;           /* of the audio */
    const char *path; /* of the audio, in the command's folder */
};
#define COMMAND_INPUT_NONE ((struct command_input){.fd = -1})

/* Whose audio it is. */
struct command_source {
    struct app *app;
    const struct upload *upload;
    const struct job *job;
    const atomic_bool *should_end; /* it is not wanted any more */
};

/*
 * Opens the audio of a job, its chunk or the whole of the upload, and names it in FOLDER: by a link
 * to where it lies where that is on this machine's disks, else as a copy. A chunk that is gone from
 * the store is cut again, which may take half a minute.
 *
 * Fails with ERR_CONFLICT if the chunk has not been cut, or the audio is lost, ERR_UNAVAILABLE if
 * it is still being cut.
 */
bool command_input_open(const struct command_source *from, const struct scratch_folder *folder,
                        struct arena *mem, struct command_input *out, struct error *err);
static inline void command_input_close(struct command_input *input)
{
    fd_close(&input->fd);
}

/* PROCESSOR's words, with the path in the place of {input}; the first is the program's path. Fails
 * with ERR_UNAVAILABLE if there is no such program. */
bool command_arguments(const struct processor *processor, const char *path, struct arena *mem,
                       char ***out, struct error *err);

/* All that the command finds in its environment. */
char **command_environment(const struct processor *processor, const struct upload *upload,
                           const struct job *job, const struct scratch_folder *folder,
                           const char *path, struct arena *mem);

#endif
