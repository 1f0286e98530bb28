#include "http/accept.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/claim.h"
#include "http/worker.h"

#define ACCEPTS_AT_ONCE 64

static struct address address_of(const struct sockaddr_storage *peer)
{
    struct address address = {false, {0}};

    if (peer->ss_family == AF_INET) {
        memset(address.bytes + 10, 0xff, 2);
        memcpy(address.bytes + 12, &((const struct sockaddr_in *)peer)->sin_addr, 4);
    } else if (peer->ss_family == AF_INET6) {
        memcpy(address.bytes, &((const struct sockaddr_in6 *)peer)->sin6_addr, 16);
    } else {
        address.is_unix = true;
    }
    return address;
}

/* Too many connections: a short answer that needs no connection of ours. */
static void turn_away(struct http_server *server, int fd, enum admission admission)
{
    static const char all[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                              "Content-Length: 0\r\nConnection: close\r\n\r\n";
    static const char address[] = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\n"
                                  "Content-Length: 0\r\nConnection: close\r\n\r\n";
    char rest[4096];

    atomic_fetch_add(&server->metrics.connections_refused, 1);
    if (admission == REFUSED_ALL)
        send(fd, all, sizeof all - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    else
        send(fd, address, sizeof address - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(fd, SHUT_WR);
    /* Unread bytes would make the close a reset, which can overtake the answer. */
    while (recv(fd, rest, sizeof rest, MSG_DONTWAIT) > 0)
        ;
    close(fd);
}

static void welcome(struct http_server *server, int fd, const struct sockaddr_storage *peer)
{
    struct address address = address_of(peer);
    struct connection *connection;
    enum admission admission =
        connection_admit(&server->connections, &server->limits, fd, &address, &connection);

    if (admission != ADMITTED) {
        turn_away(server, fd, admission);
        return;
    }
    /* Not left to what a connection inherits from its listener: it may have come before we did. */
    connection_prepare(connection, &server->limits);
    atomic_fetch_add(&server->metrics.connections_accepted, 1);
    atomic_fetch_add(&server->metrics.connections_open, 1);
    atomic_store(&connection->is_idle, true);
    atomic_store(&connection->due_ms, idle_due_ms(&server->limits));
    if (!claim_watch(server, connection))
        worker_drop(server, connection);
}

/* False if no descriptors are left: then the supervisor arms the listener again a little later. */
static bool accept_some(struct http_server *server, const struct listener *listener)
{
    for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t size = sizeof peer;
        int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC);

        if (fd >= 0)
            welcome(server, fd, &peer);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            return false;
        else if (errno != ECONNABORTED && errno != EINTR)
            return true;
    }
    return true;
}

void accept_from(struct http_server *server, struct listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    if (listener->fd >= 0) {
        listener->is_paused = !accept_some(server, listener);
        if (!listener->is_paused)
            listener_arm(server, listener, false);
    }
    pthread_mutex_unlock(&listener->lock);
}
