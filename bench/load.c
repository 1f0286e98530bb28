/*
 * A load generator that costs little itself: blocking sockets, one thread a connection, content
 * from memory. Prints one JSON object.
 *
 *   bench-load put  HOST PORT PATH TOKEN COUNT BYTES CONNECTIONS   PATH has %d for the number
 *   bench-load post HOST PORT PATH TOKEN COUNT BYTES CONNECTIONS   the same with POST
 *   bench-load get  HOST PORT PATH TOKEN COUNT RANGE CONNECTIONS   RANGE bytes each, 0 for all;
 *                                                                  they walk through the file
 *   bench-load poll HOST PORT PATH TOKEN SECONDS                   one GET after another: latencies
 *   bench-load idle HOST PORT COUNT                                holds them until stdin ends
 *
 * Content is a WAV of random samples that carries the file's number, so that no two are the same.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK ((size_t)1 << 20)
#define WAV_HEADER 44

static const char *host, *path_pattern, *token, *method;
static uint16_t port;
static uint64_t count, size;
static unsigned char *noise;
static atomic_uint_fast64_t next_file, failures, bytes_read;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static bool send_all(int fd, const void *bytes, size_t length, int flags)
{
    const char *p = bytes;

    while (length > 0) {
        ssize_t n = send(fd, p, length, flags | MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        p += n;
        length -= (size_t)n;
    }
    return true;
}

static void put_u32(unsigned char *at, uint64_t value)
{
    uint32_t v = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;

    memcpy(at, &v, 4); /* WAV is little-endian, as x86-64 and arm64 are */
}

/* The first block: a WAV header, and the file's number among the samples. */
static void first_block(unsigned char *block, size_t length, uint64_t number)
{
    static const unsigned char format[] = {'W', 'A', 'V', 'E', 'f', 'm',  't',  ' ', 16,  0,  0,
                                           0,   1,   0,   2,   0,   0x80, 0xbb, 0,   0,   0,  0xee,
                                           2,   0,   4,   0,   16,  0,    'd',  'a', 't', 'a'};
    uint64_t unique = number ^ ((uint64_t)getpid() << 40) ^ (uint64_t)time(NULL) << 16;

    memcpy(block, noise, length);
    memcpy(block, "RIFF", 4);
    put_u32(block + 4, size - 8);
    memcpy(block + 8, format, sizeof format);
    put_u32(block + 40, size - WAV_HEADER);
    memcpy(block + WAV_HEADER, &unique, sizeof unique);
}

/* Reads one answer and throws its body away. The status, or 0 if the connection broke. */
static int read_answer(int fd)
{
    static _Thread_local char head[65536 + 1];
    size_t have = 0;
    char *end = NULL, *length_at;
    uint64_t left;
    int status;

    while (!end) {
        ssize_t n = recv(fd, head + have, sizeof head - 1 - have, 0);

        if (n <= 0)
            return 0;
        have += (size_t)n;
        head[have] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    status = atoi(head + 9);
    if (status == 100) {
        memmove(head, end + 4, have - (size_t)(end + 4 - head) + 1);
        return read_answer(fd);
    }
    length_at = strcasestr(head, "\r\ncontent-length:");
    left = length_at && length_at < end ? strtoull(length_at + 17, NULL, 10) : 0;
    have -= (size_t)(end + 4 - head);
    atomic_fetch_add(&bytes_read, left);
    left -= have < left ? have : left;
    while (left > 0) {
        static _Thread_local char sinkhole[1 << 18];
        ssize_t n = recv(fd, sinkhole, left < sizeof sinkhole ? (size_t)left : sizeof sinkhole, 0);

        if (n <= 0)
            return 0;
        left -= (uint64_t)n;
    }
    return status;
}

static bool send_head(int fd, uint64_t number, const char *more, int flags)
{
    char target[1024], head[2048];
    int n;

    snprintf(target, sizeof target, path_pattern, (int)number);
    n = snprintf(head, sizeof head,
                 "%s %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n%s\r\n", method,
                 target, token, more);
    return send_all(fd, head, (size_t)n, flags);
}

static bool upload_one(int fd, uint64_t number, unsigned char *block)
{
    char more[128];
    uint64_t sent = 0;

    snprintf(more, sizeof more, "Content-Type: audio/wav\r\nContent-Length: %llu\r\n",
             (unsigned long long)size);
    if (!send_head(fd, number, more, MSG_MORE))
        return false;
    while (sent < size) {
        size_t n = size - sent < BLOCK ? (size_t)(size - sent) : BLOCK;

        if (sent == 0)
            first_block(block, n, number);
        if (!send_all(fd, sent == 0 ? block : noise, n, 0))
            return false;
        sent += n;
    }
    int status = read_answer(fd);
    if (status / 100 != 2)
        fprintf(stderr, "status %d\n", status);
    return status / 100 == 2;
}

static bool download_one(int fd, uint64_t number)
{
    char more[128] = "";

    if (size > 0)
        snprintf(more, sizeof more, "Range: bytes=%llu-%llu\r\n",
                 (unsigned long long)(number * size),
                 (unsigned long long)((number + 1) * size - 1));
    return send_head(fd, number, more, 0) && read_answer(fd) / 100 == 2;
}

static void *connection(void *context)
{
    bool down = *(bool *)context;
    unsigned char *block = down ? NULL : malloc(BLOCK);
    int fd = dial();

    for (uint64_t n; (n = atomic_fetch_add(&next_file, 1)) < count;)
        if (!(down ? download_one(fd, n) : upload_one(fd, n, block))) {
            atomic_fetch_add(&failures, 1);
            close(fd);
            fd = dial();
        }
    close(fd);
    free(block);
    return NULL;
}

static void run_transfers(unsigned connections, bool down)
{
    pthread_t threads[1024];
    double start = now_s(), took;

    for (unsigned i = 0; i < connections && i < 1024; i++)
        if (pthread_create(&threads[i], NULL, connection, &down) != 0)
            die("thread");
    for (unsigned i = 0; i < connections && i < 1024; i++)
        pthread_join(threads[i], NULL);
    took = now_s() - start;
    uint64_t moved = down ? atomic_load(&bytes_read) : count * size;
    printf("{\"seconds\": %.4f, \"per_second\": %.1f, \"bytes_per_second\": %.0f, \"failures\": "
           "%llu}\n",
           took, (double)count / took, (double)moved / took,
           (unsigned long long)atomic_load(&failures));
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void run_poll(double seconds)
{
    size_t n = 0, room = 1 << 20;
    double *ms = malloc(room * sizeof *ms), end = now_s() + seconds;
    int fd = dial();

    while (now_s() < end && n < room) {
        double start = now_s();

        if (!send_head(fd, 0, "", 0) || read_answer(fd) / 100 != 2) {
            atomic_fetch_add(&failures, 1);
            close(fd);
            fd = dial();
        }
        ms[n++] = (now_s() - start) * 1e3;
        usleep(1000); /* a client that asks now and then, not a second load */
    }
    qsort(ms, n, sizeof *ms, compare);
    printf("{\"count\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, \"failures\": "
           "%llu}\n",
           n, ms[n / 2], ms[n * 99 / 100], ms[n - 1], (unsigned long long)atomic_load(&failures));
    free(ms);
}

static void run_idle(unsigned connections)
{
    char byte;

    for (unsigned i = 0; i < connections; i++)
        dial();
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    host = argv[2];
    port = (uint16_t)atoi(argv[3]);
    if (strcmp(argv[1], "idle") == 0) {
        run_idle((unsigned)atoi(argv[4]));
        return 0;
    }
    if (argc < 7)
        return 2;
    path_pattern = argv[4];
    token = argv[5];
    method = "GET";
    if (strcmp(argv[1], "poll") == 0) {
        run_poll(atof(argv[6]));
        return 0;
    }
    if (argc < 9)
        return 2;
    count = strtoull(argv[6], NULL, 10);
    size = strtoull(argv[7], NULL, 10);
    if (strcmp(argv[1], "get") != 0) {
        method = strcmp(argv[1], "put") == 0 ? "PUT" : "POST";
        noise = malloc(BLOCK);
        for (size_t i = 0; i < BLOCK; i += 256)
            if (getrandom(noise + i, 256, 0) != 256)
                die("getrandom");
    }
    run_transfers((unsigned)atoi(argv[8]), strcmp(argv[1], "get") == 0);
    return 0;
}
