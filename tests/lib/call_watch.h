/*
 * Writes down which system calls change files, in order, and makes chosen ones fail. It stands
 * between the program and libc by the linker's --wrap, so link with CALL_WATCH_FLAGS of
 * tests/unit/store/meson.build. For one thread.
 */
#ifndef TESTS_CALL_WATCH_H
#define TESTS_CALL_WATCH_H

#include <stdbool.h>
#include <stddef.h>

struct watched_call {
    const char *name; /* "fsync", "renameat2" ... */
    char path[512];   /* what it acted on; of a rename the new name */
    bool failed;
};

/* Forgets what was seen and lets every call through. */
void watch_start(void);
size_t watch_count(void);
const struct watched_call *watch_at(size_t index);

/* The call NTH from now, counting from 0, fails with errno CAUSE instead of happening. */
void watch_fail(int nth, int cause);
/* The same for the calls NAME alone; NTH -1 means each of them. */
void watch_fail_call(const char *name, int nth, int cause);
/* Whether any call was made to fail since watch_start. */
bool watch_failed(void);

#endif
