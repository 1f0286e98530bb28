/* Addresses of clients, networks of trusted proxies, and what those say of the client. Pure. */
#ifndef HTTP_CLIENT_ADDRESS_H
#define HTTP_CLIENT_ADDRESS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

/* IPv6, or IPv4 as ::ffff:a.b.c.d; a peer on a unix socket has none. */
struct address {
    bool is_unix;
    uint8_t bytes[16];
};
#define ADDRESS_TEXT_SIZE 46

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]", each with or without ":port". */
bool address_parse(struct str text, struct address *out);
/* IPv4 in its own notation; "unix". */
void address_format(const struct address *address, char out[static ADDRESS_TEXT_SIZE]);
bool address_equal(const struct address *a, const struct address *b);

struct network {
    struct address address;
    unsigned prefix; /* bits, of 128 */
};

struct networks {
    struct network *list;
    size_t count;
};

/* "127.0.0.0/8, ::1, unix". NULL and "" give none. Fails with ERR_INVALID, naming the bad one. */
bool networks_parse(const char *text, struct arena *mem, struct networks *out, struct error *err);
bool networks_contain(const struct networks *networks, const struct address *address);

struct forwarded_headers { /* values as sent; NULL where there is none */
    const char *forwarded;
    const char *x_forwarded_for;
    const char *x_forwarded_proto;
    const char *x_forwarded_host;
};

struct forwarded {
    struct address client;
    const char *scheme; /* "http" or "https" */
    const char *host;   /* NULL: as the Host header says */
};

/*
 * Who the client is, seen through trusted proxies: the chain is walked from PEER back until the
 * first that is not in NETWORKS; what that one claims is not believed. Forwarded (RFC 7239) is used
 * if it is there, else the X-Forwarded-*. Malformed values end the walk. If PEER is not trusted
 * nothing is believed.
 */
void forwarded_resolve(const struct networks *networks, const struct address *peer,
                       const struct forwarded_headers *headers, struct arena *mem,
                       struct forwarded *out);

/* A Host value: uri-host [":" port] of RFC 9110 section 7.2, without user info. */
bool host_is_valid(struct str host);

#endif
