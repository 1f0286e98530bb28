#include "http/claim.h"

#include <sys/epoll.h>

#define WATCHED (EPOLLIN | EPOLLRDHUP | EPOLLET)

static bool control(struct http_server *server, int operation, struct connection *connection,
                    uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};

    return epoll_ctl(server->epoll_fd, operation, connection->fd, &event) == 0;
}

bool claim_take(struct connection *connection)
{
    unsigned seen = CLAIM_NONE;

    while (seen != CLAIM_MARKED) {
        unsigned next = seen == CLAIM_NONE ? CLAIM_HELD : CLAIM_MARKED;

        if (atomic_compare_exchange_weak(&connection->claim, &seen, next))
            return seen == CLAIM_NONE;
    }
    return false;
}

bool claim_release(struct connection *connection)
{
    unsigned held = CLAIM_HELD;

    if (atomic_compare_exchange_strong(&connection->claim, &held, CLAIM_NONE))
        return true;
    atomic_store(&connection->claim, CLAIM_HELD);
    return false;
}

/* To change what is watched makes the epoll look anew, and tell of what is there. A worker that is
 * told before the release follows leaves a mark in vain: then all is done again. It takes far
 * longer to be woken than the release does to follow. */
void claim_hand_back(struct http_server *server, struct connection *connection)
{
    connection->is_muted = false;
    do
        control(server, EPOLL_CTL_MOD, connection, WATCHED);
    while (!claim_release(connection));
}

bool claim_watch(struct http_server *server, struct connection *connection)
{
    if (!control(server, EPOLL_CTL_ADD, connection, WATCHED))
        return false;
    if (!claim_release(connection))
        claim_hand_back(server, connection);
    return true;
}

void claim_mute(struct http_server *server, struct connection *connection)
{
    connection->is_muted = control(server, EPOLL_CTL_MOD, connection, EPOLLET);
}
