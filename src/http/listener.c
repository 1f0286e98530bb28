#include "http/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "http/server.h"

#define BACKLOG 4096
#define INHERITED_FIRST 3 /* sd_listen_fds(3) */
#define UNIX_MODE_DEFAULT 0666

static bool cannot(struct error *err, const char *what, const char *where)
{
    bool taken = errno == EADDRINUSE;

    error_errno(err, "%s \"%s\"", what, where);
    err->kind = taken ? ERR_EXISTS : ERR_UNAVAILABLE;
    return false;
}

static void describe(struct listener *listener)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;
    char host[NI_MAXHOST], port[NI_MAXSERV];

    getsockname(listener->fd, (struct sockaddr *)&bound, &size);
    if (bound.ss_family == AF_UNIX) {
        snprintf(listener->name, sizeof listener->name, "unix:%.108s",
                 ((struct sockaddr_un *)&bound)->sun_path);
        return;
    }
    if (getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    snprintf(listener->name, sizeof listener->name,
             strchr(host, ':') ? "[%.64s]:%.8s" : "%.64s:%.8s", host, port);
}

/* Takes over FD, which listens. */
static bool add(struct listeners *listeners, int fd, const char *path, struct error *err)
{
    struct listener *listener = &listeners->list[listeners->count];

    if (listeners->count == LISTENERS_MAX)
        return error_set(err, ERR_INVALID, "more than %d addresses to listen on", LISTENERS_MAX);
    *listener = (struct listener){.kind = EVENT_LISTENER, .fd = fd};
    pthread_mutex_init(&listener->lock, NULL);
    if (path)
        listener->path = strdup(path);
    describe(listener);
    listeners->count++;
    return true;
}

/* ---- TCP ---- */

/* Cuts "host:port" in two; the host may be "[v6]" or empty. */
static bool split_address(const char *where, char host[static 256], const char **port)
{
    const char *colon = strrchr(where, ':');
    uint64_t number;
    size_t length;

    if (!colon || !str_to_u64(str_from(colon + 1), UINT16_MAX, &number))
        return false;
    length = (size_t)(colon - where);
    if (where[0] == '[') {
        if (length < 2 || where[length - 1] != ']')
            return false;
        where++;
        length -= 2;
    } else if (memchr(where, ':', length)) {
        return false; /* an IPv6 address needs its brackets */
    }
    if (length >= 256)
        return false;
    memcpy(host, where, length);
    host[length] = '\0';
    *port = colon + 1;
    return true;
}

static bool split_tcp(const char *where, char host[static 256], const char **port,
                      struct error *err)
{
    return split_address(where, host, port) ||
           error_set(err, ERR_INVALID, "\"%s\" is not host:port", where);
}

static bool bind_tcp(struct listeners *listeners, const struct addrinfo *address, bool both,
                     const char *where, struct error *err)
{
    int on = 1, v6_only = !both;
    scoped(fd_close) int fd =
        socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return cannot(err, "listen on", where);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
        return cannot(err, "listen on", where);
    if (!add(listeners, fd, NULL, err))
        return false;
    fd_take(&fd);
    return true;
}

/* Gives the second family of "localhost:0" the port that the first one got. */
static void use_port_of(const struct listener *listener, struct addrinfo *address)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;

    /* The port stands at the same place in both families' addresses. */
    getsockname(listener->fd, (struct sockaddr *)&bound, &size);
    ((struct sockaddr_in *)address->ai_addr)->sin_port = ((struct sockaddr_in *)&bound)->sin_port;
}

static void free_addresses(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

static bool listen_all(struct listeners *listeners, const char *port, const char *where,
                       struct error *err)
{
    static const struct {
        const char *host;
        bool both;
    } tries[] = {{"::", true}, {"0.0.0.0", false}};

    for (size_t i = 0; i < COUNT_OF(tries); i++) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
        scoped(free_addresses) struct addrinfo *found = NULL;

        if (getaddrinfo(tries[i].host, port, &hints, &found) != 0)
            return error_set(err, ERR_INVALID, "\"%s\" has no valid port", where);
        if (bind_tcp(listeners, found, tries[i].both, where, err))
            return true;
        if (err->kind == ERR_EXISTS)
            return false;
    }
    return false;
}

static bool listen_tcp(struct listeners *listeners, const char *where, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    scoped(free_addresses) struct addrinfo *found = NULL;
    size_t before = listeners->count;
    char host[256];
    const char *port;
    bool any = false;

    if (!split_tcp(where, host, &port, err))
        return false;
    if (!host[0])
        return listen_all(listeners, port, where, err);
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return error_set(err, ERR_INVALID, "\"%s\": no such host or port", where);
    for (struct addrinfo *one = found; one; one = one->ai_next) {
        if (listeners->count > before)
            use_port_of(&listeners->list[before], one);
        if (bind_tcp(listeners, one, false, where, err))
            any = true;
        else if (err->kind == ERR_EXISTS && !any)
            return false;
    }
    return any;
}

/* ---- unix sockets ---- */

/* Removes a socket file on which nobody listens any more. */
static bool remove_stale(const struct sockaddr_un *address, struct error *err)
{
    struct stat status;
    scoped(fd_close) int probe = -1;

    if (lstat(address->sun_path, &status) != 0)
        return true;
    if (!S_ISSOCK(status.st_mode))
        return error_set(err, ERR_EXISTS, "\"%s\" is there and not a socket", address->sun_path);
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 ||
        errno != ECONNREFUSED)
        return error_set(err, ERR_EXISTS, "somebody listens on \"%s\" already", address->sun_path);
    if (unlink(address->sun_path) != 0)
        return cannot(err, "remove", address->sun_path);
    return true;
}

static bool split_mode(const char *where, struct sockaddr_un *address, mode_t *mode)
{
    static const char key[] = "?mode=";
    const char *query = strstr(where, key);
    size_t length = query ? (size_t)(query - where) : strlen(where);
    char *end;

    if (length == 0 || length >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, where, length);
    *mode = UNIX_MODE_DEFAULT;
    if (!query)
        return true;
    *mode = (mode_t)strtoul(query + sizeof key - 1, &end, 8);
    return end > query + sizeof key - 1 && !*end && *mode <= 0777;
}

static bool split_unix(const char *where, struct sockaddr_un *address, mode_t *mode,
                       struct error *err)
{
    return split_mode(where, address, mode) ||
           error_set(err, ERR_INVALID, "\"unix:%s\" is not a path with an optional ?mode=", where);
}

static bool listen_unix(struct listeners *listeners, const char *where, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    scoped(fd_close) int fd = -1;
    mode_t mode;

    if (!split_unix(where, &address, &mode, err) || !remove_stale(&address, err))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Nobody can connect before listen, so the mode is never wider than asked for. */
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(address.sun_path, mode) != 0 || listen(fd, BACKLOG) != 0)
        return cannot(err, "listen on", where);
    if (!add(listeners, fd, address.sun_path, err))
        return false;
    fd_take(&fd);
    return true;
}

bool http_listen_check(const char *where, struct error *err)
{
    struct sockaddr_un address;
    char host[256];
    const char *port;
    mode_t mode;

    if (strncmp(where, "unix:", 5) == 0)
        return split_unix(where + 5, &address, &mode, err);
    return split_tcp(where, host, &port, err);
}

bool listeners_add(struct listeners *listeners, const char *where, struct error *err)
{
    if (strncmp(where, "unix:", 5) == 0)
        return listen_unix(listeners, where + 5, err);
    return listen_tcp(listeners, where, err);
}

/* ---- socket activation ---- */

static bool inherit_one(struct listeners *listeners, int fd, struct error *err)
{
    int listens = 0, flags = fcntl(fd, F_GETFL);
    socklen_t size = sizeof listens;

    if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens)
        return error_set(err, ERR_INVALID, "inherited descriptor %d is not a listening socket", fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    return add(listeners, fd, NULL, err);
}

bool listeners_inherit(struct listeners *listeners, unsigned *count, struct error *err)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    uint64_t wanted_pid, number = 0;

    *count = 0;
    if (!pid || !fds || !str_to_u64(str_from(pid), INT32_MAX, &wanted_pid) ||
        (pid_t)wanted_pid != getpid())
        return true;
    if (!str_to_u64(str_from(fds), LISTENERS_MAX, &number))
        return error_set(err, ERR_INVALID, "LISTEN_FDS=%s is not a sensible number", fds);
    for (unsigned i = 0; i < number; i++) {
        if (!inherit_one(listeners, INHERITED_FIRST + (int)i, err))
            return false;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    *count = (unsigned)number;
    return true;
}

void listeners_close(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        struct listener *listener = &listeners->list[i];

        pthread_mutex_lock(&listener->lock);
        fd_close(&listener->fd);
        listener->fd = -1;
        if (listener->path)
            unlink(listener->path);
        free(take(listener->path));
        pthread_mutex_unlock(&listener->lock);
    }
}
