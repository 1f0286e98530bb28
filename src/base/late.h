/*
 * Shared libraries that are loaded when one of their functions is first called. Linked in the usual
 * way, libcurl and libpq bring two dozen others into every server (TLS twice, Kerberos, LDAP, SSH):
 * 3 MiB and 5 ms, though most servers send no webhook and have no PostgreSQL.
 *
 * Callers include the library's own header and know nothing of this. A file for each library
 * defines the functions that the program uses, from lists of X(type of the answer, answer without
 * the library, name, parameters, arguments) and, for functions that answer nothing, X(name,
 * parameters, arguments): see late_curl.c. If the library can't be loaded, its functions answer as
 * if memory were exhausted, and the cause is logged once.
 */
#ifndef BASE_LATE_H
#define BASE_LATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/scoped.h"

struct late_symbol {
    const char *name;
    void *function; /* the pointer to it that is to be filled */
};

struct late_library {
    const char *file; /* as the dynamic linker knows it, with the version of its ABI */
    const struct late_symbol *symbols;
    size_t symbol_count;
    pthread_mutex_t lock;
    atomic_int state; /* late.c's */
};

/* Whether it is there; the first call loads it. From any thread. */
bool late_loaded(struct late_library *library);

/* The pieces of such a file, which has `static struct { … } functions` and `static struct
 * late_library library`. */
#define LATE_MEMBER(type, without, name, parameters, arguments) type(*name) parameters;
#define LATE_MEMBER_VOID(name, parameters, arguments) void(*name) parameters;
#define LATE_SYMBOL(type, without, name, parameters, arguments) {#name, &functions.name},
#define LATE_SYMBOL_VOID(name, parameters, arguments) {#name, &functions.name},
#define LATE_LIBRARY(soname)                                                     \
    {                                                                            \
        .file = (soname), .symbols = symbols, .symbol_count = COUNT_OF(symbols), \
        .lock = PTHREAD_MUTEX_INITIALIZER                                        \
    }
#define LATE_PASS_ON(type, without, name, parameters, arguments)           \
    type name parameters                                                   \
    {                                                                      \
        return late_loaded(&library) ? functions.name arguments : without; \
    }
#define LATE_PASS_ON_VOID(name, parameters, arguments) \
    void name parameters                               \
    {                                                  \
        if (late_loaded(&library))                     \
            functions.name arguments;                  \
    }

#endif
