#include "service/receivers.h"

#include <curl/curl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "base/str.h"
#include "http/client_address.h"

/*
 * The IANA registries of special-purpose addresses: whatever is not globally reachable, and the
 * translations (6to4, Teredo, NAT64), behind which an IPv4 address of that kind may stand. IPv4 in
 * ::ffff:0:0/96 is IPv4 to struct address.
 */
static const char special[] =
    "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, "
    "192.0.0.0/24, 192.0.2.0/24, 192.88.99.0/24, 192.168.0.0/16, 198.18.0.0/15, "
    "198.51.100.0/24, 203.0.113.0/24, 224.0.0.0/4, 240.0.0.0/4, "
    "::/96, 64:ff9b::/96, 64:ff9b:1::/48, 100::/64, 2001::/23, 2001:db8::/32, 2002::/16, "
    "3fff::/20, 5f00::/16, fc00::/7, fe80::/10, fec0::/10, ff00::/8";

struct receivers {
    bool all;
    struct networks special;
    struct networks allowed; /* of the special ones */
    struct arena *mem;
};

bool receivers_new(const char *allow_private, struct receivers **out, struct error *err)
{
    scoped(receivers_release) struct receivers *receivers = calloc(1, sizeof *receivers);

    if (!receivers)
        abort();
    receivers->mem = arena_new();
    receivers->all = allow_private && strcmp(allow_private, "true") == 0;
    if (!networks_parse(special, receivers->mem, &receivers->special, err))
        return false;
    if (!receivers->all && allow_private && strcmp(allow_private, "false") != 0 &&
        !networks_parse(allow_private, receivers->mem, &receivers->allowed, err))
        return error_context(err, "webhooks.allow_private");
    *out = take(receivers);
    return true;
}

void receivers_free(struct receivers *receivers)
{
    if (!receivers)
        return;
    arena_free(receivers->mem);
    free(receivers);
}

/* ---- addresses ---- */

/* False for what is no address of the internet. */
static bool address_of(const struct sockaddr *from, struct address *out)
{
    *out = (struct address){.is_unix = false};
    if (from->sa_family == AF_INET) {
        memset(out->bytes + 10, 0xff, 2);
        memcpy(out->bytes + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
        return true;
    }
    if (from->sa_family != AF_INET6)
        return false;
    memcpy(out->bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
    return true;
}

bool receivers_allow(const struct receivers *receivers, const struct sockaddr *from)
{
    struct address address;

    if (!address_of(from, &address))
        return false;
    return receivers->all || !networks_contain(&receivers->special, &address) ||
           networks_contain(&receivers->allowed, &address);
}

/* ---- URLs ---- */

static void url_release(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void part_release(char **part)
{
    curl_free(*part);
}

static void addresses_release(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

static bool has_part(CURLU *url, CURLUPart part)
{
    scoped(part_release) char *text = NULL;

    return curl_url_get(url, part, &text, 0) == CURLUE_OK;
}

static bool is_web(CURLU *url)
{
    scoped(part_release) char *scheme = NULL;

    return curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
           (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
}

static bool is_localhost(struct str host)
{
    if (str_ends_with(host, "."))
        host.len--;
    if (host.len > 10 && str_equal_nocase((struct str){host.ptr + host.len - 10, 10}, ".localhost"))
        return true;
    return str_equal_nocase(host, "localhost");
}

/* HOST as getaddrinfo reads addresses ("127.1", "2130706433", "0x7f.1" too). Names are left to the
 * moment of connecting. */
static bool may_be_reached(const struct receivers *receivers, const char *host)
{
    scoped(addresses_release) struct addrinfo *list = NULL;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct str bare = str_from(host);
    struct sockaddr_in loopback = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[ADDRESS_TEXT_SIZE + 16];

    if (is_localhost(bare))
        return receivers_allow(receivers, (struct sockaddr *)&loopback);
    if (bare.len > 2 && bare.ptr[0] == '[')
        bare = (struct str){bare.ptr + 1, bare.len - 2};
    if (bare.len >= sizeof text)
        return true;
    memcpy(text, bare.ptr, bare.len);
    text[bare.len] = '\0';
    return getaddrinfo(text, NULL, &hints, &list) != 0 || !list ||
           receivers_allow(receivers, list->ai_addr);
}

/* libcurl forgives one slash and three, and takes what follows for the host. */
static bool names_host(const char *url)
{
    const char *colon = strchr(url, ':');

    return colon && strncmp(colon, "://", 3) == 0 && colon[3] != '/';
}

bool receivers_check(const struct receivers *receivers, const char *text, struct error *err)
{
    scoped(url_release) CURLU *url = curl_url();
    scoped(part_release) char *host = NULL;

    if (!url)
        abort();
    if (!names_host(text) || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        !is_web(url) || curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return error_tell(err, ERR_INVALID, "url must be an address of http or https");
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        return error_tell(err, ERR_INVALID, "url must not hold a user or password");
    if (has_part(url, CURLUPART_FRAGMENT))
        return error_tell(err, ERR_INVALID, "url must not hold a fragment");
    return may_be_reached(receivers, host) ||
           error_tell(err, ERR_INVALID, "url leads to an address that webhooks may not reach");
}
