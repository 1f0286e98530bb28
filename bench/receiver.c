/*
 * The least that can take an upload: a thread for each connection that receives a body, digests it
 * in one pass, writes it to a file, and syncs the file before it answers 201. No check, no quota,
 * no look at the audio, no catalog, no name for the file. What it manages is what the cores can
 * digest and copy.
 *
 *   bench-receiver PORT DIR     on loopback, until it is terminated; files vanish with it
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/digest.h"

#define BLOCK ((size_t)128 * 1024)
#define WINDOW (UINT64_C(8) << 20)

static const char *folder;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Reads up to the end of a head. How much of the body came with it, and its length; false at the
 * end. */
static bool read_head(int fd, char *buffer, size_t room, size_t *have, size_t *start,
                      uint64_t *length)
{
    char *end = NULL, *at;

    *have = 0;
    while (!end) {
        ssize_t n = recv(fd, buffer + *have, room - 1 - *have, 0);

        if (n <= 0)
            return false;
        *have += (size_t)n;
        buffer[*have] = '\0';
        end = strstr(buffer, "\r\n\r\n");
    }
    at = strcasestr(buffer, "\r\ncontent-length:");
    *length = at && at < end ? strtoull(at + 17, NULL, 10) : 0;
    *start = (size_t)(end + 4 - buffer);
    return true;
}

static void keep(int out, struct digest *digest, const char *bytes, size_t length, uint64_t *at)
{
    digest_update(digest, bytes, length);
    if (pwrite(out, bytes, length, (off_t)*at) != (ssize_t)length)
        die("write");
    *at += length;
    if (*at / WINDOW != (*at - length) / WINDOW) /* early writeback, so that the sync is short */
        (void)sync_file_range(out, (off_t)(*at / WINDOW * WINDOW - WINDOW), (off_t)WINDOW,
                              SYNC_FILE_RANGE_WRITE);
}

static void take_body(int fd, char *buffer, size_t have, size_t start, uint64_t length)
{
    scoped(digest_release) struct digest *digest = digest_new(DIGEST_BEST);
    int out = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    struct digests digests;
    uint64_t at = 0;

    if (out < 0 || (length >= WINDOW && fallocate(out, FALLOC_FL_KEEP_SIZE, 0, (off_t)length) != 0))
        die("file");
    keep(out, digest, buffer + start, have - start, &at);
    while (at < length) {
        size_t want = length - at < BLOCK ? (size_t)(length - at) : BLOCK;
        ssize_t n = recv(fd, buffer, want, MSG_WAITALL);

        if (n <= 0)
            die("recv");
        keep(out, digest, buffer, (size_t)n, &at);
    }
    digest_peek(digest, &digests);
    if (fsync(out) != 0)
        die("fsync");
    close(out);
}

static void *serve(void *context)
{
    static const char answer[] = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    int fd = (int)(intptr_t)context;
    char *buffer = malloc(BLOCK);
    size_t have, start;
    uint64_t length;

    while (buffer && read_head(fd, buffer, BLOCK, &have, &start, &length)) {
        take_body(fd, buffer, have, start, length);
        if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0)
            break;
    }
    close(fd);
    free(buffer);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in on = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    if (argc != 3)
        return 2;
    folder = argv[2];
    on.sin_port = htons((uint16_t)atoi(argv[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&on, sizeof on) != 0 || listen(listener, 128) != 0)
        die("listen");
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0)
            die("thread");
        pthread_detach(thread);
    }
    return 1;
}
