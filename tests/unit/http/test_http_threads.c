/* The whole server under many clients at once, for the thread sanitizer; ends with a graceful stop.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/random.h"
#include "http/feed.h"
#include "http/request.h"
#include "http/response.h"
#include "http/server.h"
#include "http_test.h"

#define CLIENTS 16
#define ROUNDS 40

struct app {
    atomic_uint handled;
    atomic_uint ended;
    atomic_uint feeds; /* not freed yet */
};

static bool get_id(struct request *req, struct response *res, struct error *err)
{
    const char *id = request_param(req, "id");

    atomic_fetch_add(&req->app->handled, 1);
    return response_json(res, 200, id, strlen(id), err);
}

static bool post_length(struct request *req, struct response *res, struct error *err)
{
    struct source *body = request_body(req);
    char block[4096], text[32];
    size_t total = 0, got;

    do {
        if (!body->read(body, block, sizeof block, &got, err))
            return false;
        total += got;
    } while (got > 0);
    atomic_fetch_add(&req->app->handled, 1);
    return response_json(res, 200, text, (size_t)snprintf(text, sizeof text, "%zu", total), err);
}

/* A feed of NUMBER pieces, which then ends. */
struct counted {
    struct feed feed;
    struct app *app;
    unsigned left;
};

static bool fill_counted(struct feed *feed, const struct feed_round *round, struct buf *out)
{
    struct counted *counted = container_of(feed, struct counted, feed);

    (void)round;
    buf_printf(out, "%u\n", counted->left);
    return --counted->left > 0;
}

static void free_counted(struct feed *feed)
{
    struct counted *counted = container_of(feed, struct counted, feed);

    atomic_fetch_sub(&counted->app->feeds, 1);
    free(counted);
}

static bool get_feed(struct request *req, struct response *res, struct error *err)
{
    struct counted *counted = calloc(1, sizeof *counted);

    assert_non_null(counted);
    atomic_fetch_add(&req->app->handled, 1);
    atomic_fetch_add(&req->app->feeds, 1);
    *counted = (struct counted){.feed = {.fill = fill_counted, .free = free_counted},
                                .app = req->app,
                                .left = (unsigned)atoi(request_param(req, "count"))};
    response_header(res, "Content-Type", "text/plain");
    if (response_feed(res, &counted->feed, err))
        return true;
    free_counted(&counted->feed);
    return false;
}

static void count_end(struct request *req)
{
    atomic_fetch_add(&req->app->ended, 1);
}

static const struct route routes[] = {
    {METHOD_GET, "/things/{id}", get_id, ROUTE_QUICK, NULL},
    {METHOD_POST, "/things", post_length, ROUTE_STREAMS, NULL},
    {METHOD_GET, "/feeds/{count}", get_feed, 0, NULL},
};

static uint16_t port;

static int connect_client(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends one request and reads until ANSWER stands at the end of what came. */
static bool ask(int fd, const char *request, size_t length, const char *answer)
{
    char text[4096] = "";
    size_t got = 0;

    if (send(fd, request, length, MSG_NOSIGNAL) != (ssize_t)length)
        return false;
    while (got < sizeof text - 1) {
        ssize_t more = recv(fd, text + got, sizeof text - 1 - got, 0);

        if (more <= 0)
            return false;
        got += (size_t)more;
        text[got] = '\0';
        if (str_ends_with((struct str){text, got}, answer))
            return true;
    }
    return false;
}

static bool ask_both(int fd, unsigned number)
{
    char request[30000], answer[32];
    int length =
        snprintf(request, sizeof request, "GET /things/%u HTTP/1.1\r\nHost: a\r\n\r\n", number);

    snprintf(answer, sizeof answer, "\r\n\r\n%u", number);
    if (!ask(fd, request, (size_t)length, answer))
        return false;
    length = snprintf(request, sizeof request,
                      "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n%020000u",
                      number);
    return ask(fd, request, (size_t)length, "\r\n\r\n20000");
}

static void *run_client(void *argument)
{
    unsigned first = *(unsigned *)argument;
    size_t good = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        scoped(fd_close) int fd = connect_client();

        good += ask_both(fd, first + i) && ask_both(fd, first + i + 1);
    }
    return good == ROUNDS ? argument : NULL;
}

static void *run_server(void *argument)
{
    struct error err;

    return http_server_run(argument, &err) ? argument : NULL;
}

static struct http_server *make_server(struct app *app)
{
    struct http_options options = {.routes = routes,
                                   .route_count = COUNT_OF(routes),
                                   .app = app,
                                   .clock = &clock_system,
                                   .random = &random_system,
                                   .after = count_end};
    struct http_server *server;
    struct error err;

    http_limits_default(&options.limits);
    options.limits.threads_min = 2;
    options.limits.thread_idle_ms = 20;
    options.limits.idle_timeout_ms = 200;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    assert_true(http_server_new(&options, &server, &err));
    assert_true(http_server_listen(server, "127.0.0.1:0", &err));
    assert_int_equal(sscanf(http_server_address_at(server, 0), "127.0.0.1:%hu", &port), 1);
    return server;
}

static void many_clients(void **state)
{
    struct app app = {0};
    struct http_server *server = make_server(&app);
    const struct http_metrics *metrics = http_server_metrics(server);
    pthread_t runner, clients[CLIENTS];
    unsigned numbers[CLIENTS];
    void *result;

    (void)state;
    pthread_create(&runner, NULL, run_server, server);
    for (unsigned i = 0; i < CLIENTS; i++) {
        numbers[i] = i * 1000;
        pthread_create(&clients[i], NULL, run_client, &numbers[i]);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i], &result);
        assert_non_null(result);
    }
    http_server_stop(server, 10000);
    pthread_join(runner, &result);
    assert_non_null(result);
    assert_int_equal(atomic_load(&app.handled), CLIENTS * ROUNDS * 4);
    assert_int_equal(atomic_load(&app.ended), CLIENTS * ROUNDS * 4);
    assert_int_equal(atomic_load(&metrics->requests[2]), CLIENTS * ROUNDS * 4);
    assert_int_equal(atomic_load(&metrics->connections_open), 0);
    assert_int_equal(atomic_load(&metrics->requests_active), 0);
    assert_int_equal(atomic_load(&metrics->bodies_active), 0);
    assert_int_equal(atomic_load(&metrics->threads), 0);
    http_server_free(server);
}

/* Of the feeds of one client some are read to their end, some are left in the middle. */
static void *run_reader(void *argument)
{
    static const char to_end[] = "GET /feeds/50 HTTP/1.1\r\nHost: a\r\n\r\n";
    static const char without_end[] = "GET /feeds/100000000 HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t good = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        scoped(fd_close) int whole = connect_client(), left = connect_client();
        char some[512];

        good += send(left, without_end, sizeof without_end - 1, MSG_NOSIGNAL) > 0 &&
                recv(left, some, sizeof some, 0) > 0;
        good += ask(whole, to_end, sizeof to_end - 1, "\r\n0\r\n\r\n");
    }
    return good == 2 * ROUNDS ? argument : NULL;
}

struct waker {
    struct http_server *server;
    atomic_bool is_done;
};

static void *run_waker(void *argument)
{
    struct waker *waker = argument;

    while (!atomic_load(&waker->is_done))
        http_server_wake_feeds(waker->server);
    return NULL;
}

/* Feeds begin, end, are left and woken all at once; those that are left when the server stops, end.
 */
static void many_feeds(void **state)
{
    struct app app = {0};
    struct http_server *server = make_server(&app);
    const struct http_metrics *metrics = http_server_metrics(server);
    struct waker waker = {.server = server};
    pthread_t runner, waking, clients[CLIENTS];
    void *result;

    (void)state;
    pthread_create(&runner, NULL, run_server, server);
    pthread_create(&waking, NULL, run_waker, &waker);
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_create(&clients[i], NULL, run_reader, &app);
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i], &result);
        assert_non_null(result);
    }
    http_server_stop(server, 10000);
    pthread_join(runner, &result);
    assert_non_null(result);
    atomic_store(&waker.is_done, true);
    pthread_join(waking, NULL);
    assert_int_equal(atomic_load(&app.handled), CLIENTS * ROUNDS * 2);
    assert_int_equal(atomic_load(&app.feeds), 0);
    assert_int_equal(atomic_load(&metrics->feeds_open), 0);
    assert_int_equal(atomic_load(&metrics->connections_open), 0);
    http_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_clients),
                                       cmocka_unit_test(many_feeds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
