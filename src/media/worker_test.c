#include "media/worker_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "media/protocol.h"

#define PREFIX "AUDIOTRICKS-TEST-"
#define LATE_BYTES 32
#define WHEN_CUTTING "-CUT"

static void allocate_without_end(void)
{
    enum { BLOCK = 4 << 20 };

    for (;;) {
        char *block = malloc(BLOCK);

        if (!block)
            abort();
        for (size_t i = 0; i < BLOCK; i += 4096)
            ((volatile char *)block)[i] = 1;
    }
}

/* For a message that nobody sends: nothing else that blocks is on the sandbox's list. */
static void wait_without_end(void)
{
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = sizeof byte};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    recvmsg(MEDIA_SOCKET_FD, &message, 0);
}

static void misbehave(struct input *in, uint64_t at, bool is_cutting)
{
    char head[sizeof PREFIX + 12] = {0};
    const char *what = head + sizeof PREFIX - 1;

    input_read(in, at, head, sizeof head - 1);
    if (strncmp(head, PREFIX, sizeof PREFIX - 1) != 0 ||
        (strstr(what, WHEN_CUTTING) && !is_cutting))
        return;
    if (strncmp(what, "CRASH", 5) == 0)
        abort();
    for (; strncmp(what, "HANG", 4) == 0;)
        __asm__ volatile("" ::: "memory");
    if (strncmp(what, "WAIT", 4) == 0)
        wait_without_end();
    if (strncmp(what, "OPEN", 4) == 0 && open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0)
        open("/etc/passwd", O_RDWR | O_CLOEXEC);
    if (strncmp(what, "ALLOC", 5) == 0)
        allocate_without_end();
    if (strncmp(what, "NOISE", 5) == 0) {
        struct iovec part = {.iov_base = head, .iov_len = sizeof head};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

        sendmsg(MEDIA_SOCKET_FD, &message, MSG_NOSIGNAL);
    }
}

void worker_test(struct input *in)
{
    misbehave(in, 0, false);
}

void worker_test_late(struct input *in, bool is_cutting)
{
    if (in->size >= LATE_BYTES)
        misbehave(in, in->size - LATE_BYTES, is_cutting);
}
