#include "http/client_address.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "http/text.h"

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct address *address)
{
    return memcmp(address->bytes, v4_prefix, sizeof v4_prefix) == 0;
}

static bool is_port(struct str text)
{
    uint64_t port;

    return str_to_u64(text, 65535, &port);
}

static bool parse_v4(const char *text, struct address *out)
{
    struct address parsed = {false, {0}};

    memcpy(parsed.bytes, v4_prefix, sizeof v4_prefix);
    if (inet_pton(AF_INET, text, parsed.bytes + 12) != 1)
        return false;
    *out = parsed;
    return true;
}

static bool parse_v6(const char *text, struct address *out)
{
    struct address parsed = {false, {0}};

    if (inet_pton(AF_INET6, text, parsed.bytes) != 1)
        return false;
    *out = parsed;
    return true;
}

static bool parse_bracketed(struct str text, struct address *out)
{
    const char *end = memchr(text.ptr, ']', text.len);
    char inner[ADDRESS_TEXT_SIZE] = "";
    size_t length;

    if (!end)
        return false;
    length = (size_t)(end - text.ptr) - 1;
    if (length >= sizeof inner)
        return false;
    memcpy(inner, text.ptr + 1, length);
    text.ptr += length + 2;
    text.len -= length + 2;
    if (text.len > 0 && (!text_skip(&text, ':') || !is_port(text)))
        return false;
    return parse_v6(inner, out);
}

bool address_parse(struct str text, struct address *out)
{
    char whole[ADDRESS_TEXT_SIZE + 8] = "";
    char *colon;

    if (str_starts_with(text, "["))
        return parse_bracketed(text, out);
    if (text.len == 0 || text.len >= sizeof whole || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(whole, text.ptr, text.len);
    colon = strchr(whole, ':');
    if (colon && strchr(colon + 1, ':'))
        return parse_v6(whole, out);
    if (colon) {
        if (!is_port(str_from(colon + 1)))
            return false;
        *colon = '\0';
    }
    return parse_v4(whole, out);
}

void address_format(const struct address *address, char out[static ADDRESS_TEXT_SIZE])
{
    if (address->is_unix)
        snprintf(out, ADDRESS_TEXT_SIZE, "unix");
    else if (is_v4(address))
        inet_ntop(AF_INET, address->bytes + 12, out, ADDRESS_TEXT_SIZE);
    else
        inet_ntop(AF_INET6, address->bytes, out, ADDRESS_TEXT_SIZE);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->is_unix == b->is_unix && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool parse_network(struct str text, struct network *out)
{
    struct network parsed = {{false, {0}}, 128};
    struct str address, rest = text;
    unsigned most;
    uint64_t prefix;

    if (str_equal_text(text, "unix")) {
        parsed.address.is_unix = true;
        *out = parsed;
        return true;
    }
    if (!str_split(&rest, '/', &address) || !address_parse(address, &parsed.address))
        return false;
    most = is_v4(&parsed.address) ? 32 : 128;
    if (address.len < text.len) {
        if (!str_to_u64(rest, most, &prefix))
            return false;
        parsed.prefix = 128 - most + (unsigned)prefix;
    }
    *out = parsed;
    return true;
}

bool networks_parse(const char *text, struct arena *mem, struct networks *out, struct error *err)
{
    struct networks found = {NULL, 0};
    struct str rest = str_from(text ? text : ""), piece;
    size_t room = 1;

    for (size_t i = 0; i < rest.len; i++)
        room += rest.ptr[i] == ',';
    found.list = arena_array(mem, room, sizeof *found.list);
    while (str_split(&rest, ',', &piece)) {
        piece = str_trim(piece);
        if (piece.len == 0)
            continue;
        if (!parse_network(piece, &found.list[found.count]))
            return error_tell(err, ERR_INVALID, "\"%.*s\" is not a network", (int)piece.len,
                              piece.ptr);
        found.count++;
    }
    *out = found;
    return true;
}

static bool network_has(const struct network *network, const struct address *address)
{
    unsigned whole = network->prefix / 8, bits = network->prefix % 8;
    unsigned difference;

    if (network->address.is_unix || address->is_unix)
        return network->address.is_unix && address->is_unix;
    if (memcmp(network->address.bytes, address->bytes, whole) != 0)
        return false;
    if (bits == 0)
        return true;
    difference = (unsigned)(network->address.bytes[whole] ^ address->bytes[whole]);
    return difference >> (8 - bits) == 0;
}

bool networks_contain(const struct networks *networks, const struct address *address)
{
    for (size_t i = 0; i < networks->count; i++) {
        if (network_has(&networks->list[i], address))
            return true;
    }
    return false;
}

/* ---- what proxies say ---- */

static const char *known_scheme(struct str text)
{
    if (str_equal_nocase(text, "https"))
        return "https";
    return str_equal_nocase(text, "http") ? "http" : NULL;
}

static const char *valid_host(struct str text, struct arena *mem)
{
    return host_is_valid(text) && text.len > 0 ? arena_strndup(mem, text.ptr, text.len) : NULL;
}

/* Cuts the last element off a comma-separated list: each proxy adds to the end. */
static bool take_last(struct str *list, struct str *out)
{
    const char *comma;

    if (list->len == 0)
        return false;
    comma = memrchr(list->ptr, ',', list->len);
    if (!comma) {
        *out = str_trim(*list);
        list->len = 0;
        return true;
    }
    *out = str_trim((struct str){comma + 1, list->len - (size_t)(comma - list->ptr) - 1});
    list->len = (size_t)(comma - list->ptr);
    return true;
}

static void resolve_x(const struct networks *networks, const struct forwarded_headers *headers,
                      struct arena *mem, struct forwarded *out)
{
    struct str chain = str_from(headers->x_forwarded_for), one;
    struct address address;
    const char *scheme = NULL;

    while (networks_contain(networks, &out->client) && take_last(&chain, &one) &&
           address_parse(one, &address))
        out->client = address;
    if (headers->x_forwarded_proto &&
        str_split(&(struct str){headers->x_forwarded_proto, strlen(headers->x_forwarded_proto)},
                  ',', &one))
        scheme = known_scheme(str_trim(one));
    if (scheme)
        out->scheme = scheme;
    if (headers->x_forwarded_host)
        out->host = valid_host(str_from(headers->x_forwarded_host), mem);
}

/* Cuts one "name=value" off a forwarded-element (RFC 7239 section 4). */
static bool take_pair(struct str *element, struct arena *mem, struct str *name, struct str *value)
{
    char *text;

    text_skip_blanks(element);
    if (!text_take_token(element, name) || !text_skip(element, '='))
        return false;
    if (!text_take_token(element, value)) {
        if (!text_take_quoted(element, false, mem, &text))
            return false;
        *value = str_from(text);
    }
    text_skip_blanks(element);
    return text_skip(element, ';') || element->len == 0;
}

/* One hop: false if it is malformed or does not say who it was for. */
static bool apply_element(struct str element, struct arena *mem, struct forwarded *out)
{
    struct forwarded next = *out;
    bool has_for = false;
    struct str name, value;

    while (element.len > 0) {
        const char *scheme;

        if (!take_pair(&element, mem, &name, &value))
            return false;
        if (str_equal_nocase(name, "for"))
            has_for = address_parse(value, &next.client);
        else if (str_equal_nocase(name, "host"))
            next.host = valid_host(value, mem);
        else if (str_equal_nocase(name, "proto") && (scheme = known_scheme(value)))
            next.scheme = scheme;
    }
    if (has_for)
        *out = next;
    return has_for;
}

static void resolve_rfc7239(const struct networks *networks,
                            const struct forwarded_headers *headers, struct arena *mem,
                            struct forwarded *out)
{
    struct str chain = str_from(headers->forwarded), one;

    /* A comma inside a quoted string cuts a value in two; such an element is malformed and ends the
     * walk, which is the safe side: addresses and hosts hold no commas. */
    while (networks_contain(networks, &out->client) && take_last(&chain, &one) &&
           apply_element(one, mem, out))
        ;
}

void forwarded_resolve(const struct networks *networks, const struct address *peer,
                       const struct forwarded_headers *headers, struct arena *mem,
                       struct forwarded *out)
{
    *out = (struct forwarded){*peer, "http", NULL};
    if (!networks_contain(networks, peer))
        return;
    if (headers->forwarded)
        resolve_rfc7239(networks, headers, mem, out);
    else
        resolve_x(networks, headers, mem, out);
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~!$&'()*+,;=%", c));
}

bool host_is_valid(struct str host)
{
    struct address ignored;
    const char *colon;

    if (str_starts_with(host, "["))
        return parse_bracketed(host, &ignored);
    colon = memchr(host.ptr, ':', host.len);
    if (colon) {
        struct str port = {colon + 1, host.len - (size_t)(colon - host.ptr) - 1};

        if (port.len > 0 && !is_port(port))
            return false;
        host.len = (size_t)(colon - host.ptr);
        if (host.len == 0)
            return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        if (!is_host_char(host.ptr[i]))
            return false;
    }
    return true;
}
