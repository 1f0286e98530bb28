/* Files and folders: what the system calls leave to the caller, done whole. */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* Writes all of it at OFFSET, through short writes and EINTR. Errors name WHAT. */
bool fs_write_at(int fd, const void *bytes, size_t length, uint64_t offset, const char *what,
                 struct error *err);
/* Reads until LENGTH bytes or the end of the file; *OUT says how many. */
bool fs_read_at(int fd, void *bytes, size_t length, uint64_t offset, size_t *out, const char *what,
                struct error *err);
/* Makes the folder and those above it, below the folder DIR_FD (AT_FDCWD for the working one), with
 * MODE, and fsyncs each folder that got a new entry. Succeeds if it is there already. */
bool fs_make_folders(int dir_fd, const char *path, mode_t mode, struct error *err);
/* fsync of a folder, so that its entries reach stable storage. */
bool fs_sync_folder(int dir_fd, const char *path, struct error *err);
/* The whole of a small file or of what comes through a pipe, at most LIMIT bytes, with a NUL behind
 * it. Fails with ERR_NOT_FOUND if there is none, ERR_INVALID if it is larger. */
bool fs_read_file(const char *path, size_t limit, struct arena *mem, char **out, size_t *length,
                  struct error *err);
/* Makes or replaces PATH by way of a temporary file beside it, durable when it returns. */
bool fs_write_file(const char *path, const void *bytes, size_t length, mode_t mode,
                   struct error *err);
/* Removes the folder NAME of the folder DIR_FD with all that is in it; links are not followed.
 * Succeeds if there is none. */
bool fs_remove_tree(int dir_fd, const char *name, struct error *err);

#endif
