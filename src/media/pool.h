/* The processes of a pool, for those who use one for a while. */
#ifndef MEDIA_POOL_H
#define MEDIA_POOL_H

#include "media/process.h"

const struct media_options *pool_options(const struct media_pool *pool);

/* A process, running or not, that is nobody else's until it is given back. Waits for one. */
struct media_process *pool_acquire(struct media_pool *pool);
void pool_give_back(struct media_pool *pool, struct media_process *process);

#endif
