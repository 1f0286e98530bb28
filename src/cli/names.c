#include "cli/names.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define EXTENSION_MAX 16 /* longer ones are no extensions */

const char *name_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Bytes of a character that would act on a terminal or on a path; 0 if it is harmless. */
static size_t harmful_bytes(const char *at)
{
    static const char *const sequences[] = {
        "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202b", "\u202c",
        "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069",
    };
    unsigned char first = (unsigned char)at[0];

    if (first < 0x20 || first == 0x7f || first == '/' || first == '\\')
        return 1;
    if (first == 0xc2 && (unsigned char)at[1] >= 0x80 && (unsigned char)at[1] < 0xa0)
        return 2;
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        if (strncmp(at, sequences[i], strlen(sequences[i])) == 0)
            return strlen(sequences[i]);
    }
    return 0;
}

/* ORIGINAL up to SIZE - 1 bytes, what is harmful as '_'. */
static size_t clean(const char *original, char *out, size_t size)
{
    size_t used = 0;

    while (*original && used + 1 < size) {
        size_t harmful = harmful_bytes(original);

        out[used++] = harmful ? '_' : *original;
        original += harmful ? harmful : 1;
    }
    out[used] = '\0';
    return used;
}

/* Takes bytes out of the middle, before the extension, until the name fits. */
static void shorten(char *name, size_t length)
{
    char *dot = strrchr(name, '.');
    size_t extension = dot && dot != name ? strlen(dot) : 0;
    size_t stem;

    if (length <= NAME_BYTES_MAX)
        return;
    if (extension > EXTENSION_MAX)
        extension = 0;
    stem = utf8_prefix((struct str){name, length - extension}, NAME_BYTES_MAX - extension);
    memmove(name + stem, name + length - extension, extension + 1);
}

void name_for_file(const char *original, const char *fallback, char out[static NAME_SIZE])
{
    char name[4096];
    size_t length = original ? clean(original, name, sizeof name) : 0;

    if (length == 0 || !utf8_is_valid((struct str){name, length})) {
        snprintf(out, NAME_SIZE, "%s", fallback);
        return;
    }
    if (name[0] == '.' || name[0] == '-')
        name[0] = '_';
    shorten(name, length);
    strcpy(out, name);
}

const char *name_for_server(const char *name, struct arena *mem)
{
    char *told = arena_strdup(mem, name);

    for (char *at = told; *at; at++)
        if (*at == '\\')
            *at = '_';
    return told;
}
