/* Misbehaviour on demand, for tests of what the pool makes of it. */
#ifndef MEDIA_WORKER_TEST_H
#define MEDIA_WORKER_TEST_H

#include "media/input.h"

/* A process started with MEDIA_WORKER_TEST in its environment crashes, computes or waits without
 * end, opens a file or allocates without end over a file that begins with AUDIOTRICKS-TEST-CRASH,
 * -HANG, -WAIT, -OPEN, -ALLOC. */
void worker_test(struct input *in);

/* The same for works that are done but for their last message, over a file that ends in one of
 * these, 32 bytes with what follows it; with -CUT behind it only over works that cut. */
void worker_test_late(struct input *in, bool is_cutting);

#endif
