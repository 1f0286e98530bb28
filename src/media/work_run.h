/* A work inside the media process: the file is decoded on this thread, what is wanted of it is made
 * on two others (relay.h), and everything goes out by work_send.h. */
#ifndef MEDIA_WORK_RUN_H
#define MEDIA_WORK_RUN_H

#include "media/chromaprint_api.h"
#include "media/input.h"
#include "media/relay.h"
#include "media/work_protocol.h"

struct work_tools {
    struct av av;
    struct chromaprint chromaprint;
    struct relay relay;
};

/* Does what REQUEST asks with the file behind IN. What END says is the last thing to be sent. */
void work_run(struct work_tools *tools, const struct work_request *request, struct input *in,
              struct work_end *end);

#endif
