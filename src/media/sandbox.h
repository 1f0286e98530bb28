/* Shuts a media process in: from here on it can compute and read what it is handed, no more. */
#ifndef MEDIA_SANDBOX_H
#define MEDIA_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/* First thing in the process: closes every descriptor but the socket (and, where a sanitizer wants
 * to report, standard error). */
void sandbox_close_files(void);

/* Namespaces of its own for network, mounts, IPC and users; false where the kernel does not permit
 * that. Before any thread is started: a process with threads cannot leave its user namespace. */
bool sandbox_leave_namespaces(void);

/*
 * For good and for all threads, of which no more can be started: no new privileges, no core, no
 * further files, at most MEMORY_BYTES of address space beyond what is mapped now, CPU_S seconds of
 * processor; an empty root, if the process IS_APART from the system's mounts; then the list of
 * system calls. Any other call ends the process. False if the limits or the list could not be put
 * in force.
 */
bool sandbox_enter(uint64_t memory_bytes, uint64_t cpu_s, bool is_apart);

#endif
