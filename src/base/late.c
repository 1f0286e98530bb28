#include "base/late.h"

#include <dlfcn.h>
#include <string.h>

#include "base/log.h"

enum { NOT_TRIED, LOADED, MISSING };

static int load(const struct late_library *library)
{
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);

    for (size_t i = 0; handle && i < library->symbol_count; i++) {
        void *address = dlsym(handle, library->symbols[i].name);

        if (!address)
            handle = NULL;
        else
            memcpy(library->symbols[i].function, &address, sizeof address);
    }
    if (handle)
        return LOADED;
    log_event(LOG_ERROR, "library missing", log_text("error", dlerror()));
    return MISSING;
}

bool late_loaded(struct late_library *library)
{
    int state = atomic_load(&library->state);

    if (state != NOT_TRIED)
        return state == LOADED;
    pthread_mutex_lock(&library->lock);
    state = atomic_load(&library->state);
    if (state == NOT_TRIED) {
        state = load(library);
        atomic_store(&library->state, state);
    }
    pthread_mutex_unlock(&library->lock);
    return state == LOADED;
}
