#include "cli/settings_check.h"

#include <stdlib.h>

#include "api/cors.h"
#include "base/str.h"
#include "cli/log_setup.h"
#include "http/client_address.h"
#include "media/media.h"
#include "service/app.h"
#include "service/queue.h"
#include "service/receivers.h"

/* Workers that uploads must leave for everything else. */
#define SMALL_REQUEST_WORKERS 16

/* ---- limits of the HTTP server ---- */

static uint32_t config_ms(const struct config *config, const char *key)
{
    uint64_t value = config_number(config, "server", key);

    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static unsigned config_unsigned(const struct config *config, const char *key)
{
    uint64_t value = config_number(config, "server", key);

    return value > INT32_MAX ? INT32_MAX : (unsigned)value;
}

bool settings_limits(const struct config *config, struct http_limits *out, struct error *err)
{
    http_limits_default(out);
    out->head_timeout_ms = config_ms(config, "head_timeout");
    out->idle_timeout_ms = config_ms(config, "idle_timeout");
    out->body_min_rate = config_number(config, "server", "min_body_rate");
    out->send_min_rate = config_number(config, "server", "min_send_rate");
    out->connections_max = config_unsigned(config, "max_connections");
    out->connections_per_address_max = config_unsigned(config, "max_connections_per_address");
    out->bodies_max = config_unsigned(config, "max_uploads");
    out->threads_max = config_unsigned(config, "workers_max");
    if (out->threads_max < out->bodies_max + SMALL_REQUEST_WORKERS)
        return error_tell(err, ERR_INVALID,
                          "server.workers_max must exceed server.max_uploads by %d",
                          SMALL_REQUEST_WORKERS);
    /* A quarter of what uploads leave is kept for requests that are done at once. */
    out->answers_max = (out->threads_max - out->bodies_max) / 4 * 3;
    if (out->threads_min > out->threads_max)
        out->threads_min = out->threads_max;
    return true;
}

/* ---- addresses ---- */

static bool check_listen(const struct config *config, struct arena *mem, struct error *err)
{
    struct str rest = str_from(config_text(config, "server", "listen")), one;
    size_t count = 0;

    while (str_split(&rest, ',', &one)) {
        one = str_trim(one);
        if (!http_listen_check(arena_strndup(mem, one.ptr, one.len), err))
            return error_context(err, "server.listen");
        count++;
    }
    /* Where systemd listens the option is of no meaning. */
    return count > 0 || getenv("LISTEN_FDS") ||
           error_tell(err, ERR_INVALID, "server.listen: names no address");
}

static bool check_socket_mode(const struct config *config, struct arena *mem, struct error *err)
{
    const char *mode = config_text(config, "server", "socket_mode");

    return http_listen_check(arena_printf(mem, "unix:/a?mode=%s", mode), err) ||
           error_tell(err, ERR_INVALID,
                      "server.socket_mode: \"%s\" is no mode in octal, such as 0660", mode);
}

static bool check_proxies(const struct config *config, struct arena *mem, struct error *err)
{
    struct networks networks;

    return networks_parse(config_text(config, "server", "trusted_proxies"), mem, &networks, err) ||
           error_context(err, "server.trusted_proxies");
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

/* Set to nothing is not set. */
static bool check_base_url(const struct config *config, struct error *err)
{
    const char *url = config_text(config, "server", "base_url");
    struct str host = str_from(url);

    if (!url || !*url)
        return true;
    if (str_starts_with(host, "http://"))
        host = str_from(url + 7);
    else if (str_starts_with(host, "https://"))
        host = str_from(url + 8);
    else
        host.len = 0;
    host.len = host.len > 0 ? strcspn(host.ptr, "/") : 0;
    return (host.len > 0 && host_is_valid(host) && is_printable(url) && !strpbrk(url, "?#")) ||
           error_tell(err, ERR_INVALID,
                      "server.base_url: \"%s\" is no address such as https://audio.example.org",
                      url);
}

static bool check_accel_prefix(const struct config *config, struct error *err)
{
    const char *prefix = config_text(config, "server", "accel_prefix");

    return !prefix || !*prefix ||
           (prefix[0] == '/' && is_printable(prefix) && !strpbrk(prefix, "?#")) ||
           error_tell(err, ERR_INVALID,
                      "server.accel_prefix: \"%s\" is no location such as /internal/", prefix);
}

/* ---- formats ---- */

/* With uploads.accept = any a file's type is whatever its name ends in. */
static bool check_formats(const struct settings *settings, struct error *err)
{
    struct str rest = str_from(settings->formats), one;

    if (!settings->formats || settings->accept == ACCEPT_ANY)
        return true;
    while (str_split(&rest, ',', &one)) {
        one = str_trim(one);
        if (!media_type_is_known(one))
            return error_tell(err, ERR_INVALID, "uploads.formats: \"%.*s\" is no type that is read",
                              (int)(one.len < 100 ? one.len : 100), one.ptr);
    }
    return true;
}

/* ---- all of it ---- */

static bool check_server(const struct config *config, struct arena *mem, struct error *err)
{
    struct http_limits limits;

    return check_listen(config, mem, err) && check_socket_mode(config, mem, err) &&
           settings_limits(config, &limits, err) && check_proxies(config, mem, err) &&
           cors_check(config, err) && check_base_url(config, err) &&
           check_accel_prefix(config, err);
}

static bool check_service(const struct config *config, struct error *err)
{
    scoped(queue_release) struct queue *queue = NULL;
    scoped(receivers_release) struct receivers *receivers = NULL;
    struct settings settings;

    return settings_read(config, &settings, err) && check_formats(&settings, err) &&
           queue_new(config, &queue, err) &&
           receivers_new(config_text(config, "webhooks", "allow_private"), &receivers, err);
}

bool settings_check(const struct config *config, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();

    return log_setup_check(config, err) && check_server(config, mem, err) &&
           check_service(config, err) && settings_check_stores(config, mem, err);
}
