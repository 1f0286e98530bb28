/*
 * Telling threads of this process that something may have happened: a commit, a changed webhook.
 * What it was they see for themselves; those of other processes they find by looking now and then.
 */
#ifndef SERVICE_WATCH_H
#define SERVICE_WATCH_H

#include "base/scoped.h"

struct watch;

/* Who is told. TELL runs in the thread in which it happened, for which others wait: it wakes
 * somebody and no more. */
struct watcher {
    void (*tell)(void *context);
    void *context;
    struct watcher *next; /* the watch's */
};

struct watch *watch_new(void);
void watch_free(struct watch *watch);
DEFINE_RELEASE(watch, struct watch)

/* WATCHER is the caller's, and stays where it is until it is removed. */
void watch_add(struct watch *watch, struct watcher *watcher);
/* It is not told any more when this returns. Does nothing if it was not added. */
void watch_remove(struct watch *watch, struct watcher *watcher);
void watch_tell(struct watch *watch);

#endif
