/* Release on leaving the scope, and hand-over to someone who outlives it. */
#ifndef BASE_SCOPED_H
#define BASE_SCOPED_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* scoped(fd_close) int fd = open(...);  Always initialize the variable. */
#define scoped(release) __attribute__((cleanup(release)))

/* The pointer's value; the variable is NULL afterwards and releases nothing. */
#define take(ptr)                    \
    ({                               \
        __typeof__(ptr) taken = ptr; \
        (ptr) = NULL;                \
        taken;                       \
    })

/* Defines NAME_release for a pointer variable; like NAME_free it accepts NULL. */
#define DEFINE_RELEASE(name, type)                     \
    static inline void name##_release(type **variable) \
    {                                                  \
        name##_free(*variable);                        \
    }

/* Closes the descriptor if there is one (>= 0). For descriptors whose close cannot lose data. */
static inline void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* The descriptor; the variable is -1 afterwards and closes nothing. */
static inline int fd_take(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

/* For memory of malloc's: scoped(memory_free) char *line = NULL; */
static inline void memory_free(void *variable)
{
    free(*(void **)variable);
}

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#endif
