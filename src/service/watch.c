#include "service/watch.h"

#include <pthread.h>

struct watch {
    pthread_mutex_t lock; /* guards the list, and is held while those in it are told */
    struct watcher *first;
};

struct watch *watch_new(void)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        abort();
    pthread_mutex_init(&watch->lock, NULL);
    return watch;
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

void watch_add(struct watch *watch, struct watcher *watcher)
{
    pthread_mutex_lock(&watch->lock);
    watcher->next = watch->first;
    watch->first = watcher;
    pthread_mutex_unlock(&watch->lock);
}

void watch_remove(struct watch *watch, struct watcher *watcher)
{
    pthread_mutex_lock(&watch->lock);
    for (struct watcher **at = &watch->first; *at; at = &(*at)->next)
        if (*at == watcher) {
            *at = watcher->next;
            break;
        }
    pthread_mutex_unlock(&watch->lock);
}

void watch_tell(struct watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    for (struct watcher *one = watch->first; one; one = one->next)
        one->tell(one->context);
    pthread_mutex_unlock(&watch->lock);
}
