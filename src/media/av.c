#include "media/av.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/scoped.h"
#include "media/chromaprint_api.h"

#define TEXT_OF(token) #token
#define LIBRARY(name, major) "lib" name ".so." TEXT_OF(major)

struct symbol {
    const char *name;
    size_t offset; /* of its pointer in struct av */
};

#define X(function) {#function, offsetof(struct av, function)},
static const struct symbol FORMAT_SYMBOLS[] = {AV_FORMAT_FUNCTIONS(X)};
static const struct symbol CODEC_SYMBOLS[] = {AV_CODEC_FUNCTIONS(X)};
static const struct symbol UTIL_SYMBOLS[] = {AV_UTIL_FUNCTIONS(X)};
static const struct symbol RESAMPLE_SYMBOLS[] = {AV_RESAMPLE_FUNCTIONS(X)};
#undef X

#define X(function) {#function, offsetof(struct chromaprint, function)},
static const struct symbol CHROMAPRINT_SYMBOLS[] = {CHROMAPRINT_FUNCTIONS(X)};
#undef X

static bool load(const char *library, const struct symbol *symbols, size_t count, void *out,
                 struct error *err)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

    if (!handle)
        return error_set(err, ERR_UNAVAILABLE, "load %s: %s", library, dlerror());
    for (size_t i = 0; i < count; i++) {
        void *address = dlsym(handle, symbols[i].name);

        if (!address)
            return error_set(err, ERR_UNAVAILABLE, "%s has no %s", library, symbols[i].name);
        memcpy((char *)out + symbols[i].offset, &address, sizeof address);
    }
    return true;
}

#define LOAD(name, major, symbols, out, err) \
    load(LIBRARY(name, major), (symbols), COUNT_OF(symbols), (out), (err))

bool av_load(struct av *out, struct error *err)
{
    return LOAD("avformat", LIBAVFORMAT_VERSION_MAJOR, FORMAT_SYMBOLS, out, err) &&
           LOAD("avcodec", LIBAVCODEC_VERSION_MAJOR, CODEC_SYMBOLS, out, err) &&
           LOAD("avutil", LIBAVUTIL_VERSION_MAJOR, UTIL_SYMBOLS, out, err) &&
           LOAD("swresample", LIBSWRESAMPLE_VERSION_MAJOR, RESAMPLE_SYMBOLS, out, err);
}

bool chromaprint_load(struct chromaprint *out, struct error *err)
{
    return LOAD("chromaprint", CHROMAPRINT_VERSION_MAJOR, CHROMAPRINT_SYMBOLS, out, err);
}
