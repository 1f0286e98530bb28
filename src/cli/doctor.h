/*
 * What `audiotricks doctor` looks at. Each check notes what it found; none stops the others, none
 * changes anything but for a probe that it takes away again.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdint.h>

#include "base/arena.h"
#include "base/config.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

/* Where checks note what they find. */
struct doctor {
    const struct config *config;
    const char *data; /* the data folder */
    struct arena *mem;
    void (*note)(struct doctor *self, enum doctor_level level, const char *what, const char *detail,
                 const char *advice);
};

/* Notes that WHAT is as DETAIL says. */
__attribute__((format(printf, 3, 4))) void doctor_ok(struct doctor *doctor, const char *what,
                                                     const char *detail, ...);
/* Notes a fault, and what to do about it. LEVEL is DOCTOR_WARN or DOCTOR_FAIL. */
__attribute__((format(printf, 5, 6))) void doctor_fault(struct doctor *doctor,
                                                        enum doctor_level level, const char *what,
                                                        const char *advice, const char *detail,
                                                        ...);
/* Notes how much room there is for WHAT: a warning below a gibibyte, a fault below 64 MiB. */
void doctor_room(struct doctor *doctor, const char *what, uint64_t free_bytes,
                 uint64_t total_bytes);

/* The machine: clock, limit of open files, digests, a media process. doctor_machine.c */
void doctor_check_machine(struct doctor *doctor);
/* The configuration and what it names: data folder, database, stores. doctor_data.c */
void doctor_check_data(struct doctor *doctor);

#endif
