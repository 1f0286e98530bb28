/* File names for what a server names: safe to make in the folder that the user chose. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include "base/arena.h"

#include <stddef.h>

#include "base/arena.h"

/* What a name has at most, so that ".part" still fits behind it. */
#define NAME_BYTES_MAX 240
#define NAME_SIZE (NAME_BYTES_MAX + 1)

/*
 * A name for one file, made from ORIGINAL (which may be anything): never empty, no '/', no '\', no
 * control or direction-turning characters, not beginning with '.' or '-', valid UTF-8, at most
 * NAME_BYTES_MAX bytes with its extension kept. FALLBACK, which is such a name already, stands in
 * where nothing usable remains.
 */
void name_for_file(const char *original, const char *fallback, char out[static NAME_SIZE]);

/* The last segment of a path that a user gave. */
const char *name_of_path(const char *path);

/* NAME as the server is told it. There '\' would end the name of a folder, and what stands before
 * it be lost; it becomes '_', as name_for_file has it. */
const char *name_for_server(const char *name, struct arena *mem);

#endif
