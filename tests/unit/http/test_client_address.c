#include "http/client_address.h"
#include "http_test.h"

static void addresses(void **state)
{
    static const struct {
        const char *text, *formatted; /* NULL: refused */
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1:80", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"2001:db8::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:8080", "2001:db8::1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::1", "::1"},
        {"", NULL},
        {"localhost", NULL},
        {"192.0.2", NULL},
        {"192.0.2.256", NULL},
        {"192.0.2.1:", NULL},
        {"192.0.2.1:x", NULL},
        {"192.0.2.1:65536", NULL},
        {"[2001:db8::1", NULL},
        {"[2001:db8::1]x", NULL},
        {"[2001:db8::1]:", NULL},
        {"[192.0.2.1]", NULL},
        {"2001:db8::1::2", NULL},
        {"unknown", NULL},
        {"_hidden", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[ADDRESS_TEXT_SIZE];
        struct address address;
        bool good = address_parse(str_from(cases[i].text), &address);

        if (good != (cases[i].formatted != NULL))
            fail_msg("\"%s\"", cases[i].text);
        if (!good)
            continue;
        address_format(&address, text);
        assert_string_equal(text, cases[i].formatted);
    }
}

static bool within(const char *networks_text, const char *address_text)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct networks networks;
    struct address address = {.is_unix = true};
    struct error err;

    assert_true(networks_parse(networks_text, mem, &networks, &err));
    if (strcmp(address_text, "unix") != 0)
        assert_true(address_parse(str_from(address_text), &address));
    return networks_contain(&networks, &address);
}

static void membership(void **state)
{
    (void)state;
    assert_true(within("127.0.0.0/8", "127.255.0.1"));
    assert_false(within("127.0.0.0/8", "128.0.0.1"));
    assert_true(within("10.0.0.0/9", "10.127.0.1"));
    assert_false(within("10.0.0.0/9", "10.128.0.1"));
    assert_true(within("192.0.2.7", "192.0.2.7"));
    assert_false(within("192.0.2.7", "192.0.2.6"));
    assert_true(within("0.0.0.0/0", "1.2.3.4"));
    assert_false(within("0.0.0.0/0", "::1"));
    assert_true(within("::/0", "1.2.3.4"));
    assert_true(within("fd00::/8, ::1", "fd12::1"));
    assert_true(within("fd00::/8, ::1", "::1"));
    assert_false(within("fd00::/8, ::1", "fe80::1"));
    assert_true(within("unix", "unix"));
    assert_false(within("0.0.0.0/0, ::/0", "unix"));
    assert_false(within("unix", "127.0.0.1"));
    assert_false(within("", "127.0.0.1"));
}

static void bad_networks(void **state)
{
    static const char *const bad[] = {"x", "1.2.3.4/33", "::1/129", "1.2.3.4/", "1.2.3.4/a", "/8"};
    scoped(arena_release) struct arena *mem = arena_new();
    struct networks networks;
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(networks_parse(bad[i], mem, &networks, &err));
    assert_true(networks_parse(NULL, mem, &networks, &err));
    assert_int_equal(networks.count, 0);
}

struct forwarded_case {
    const char *peer;
    struct forwarded_headers headers;
    const char *client, *scheme, *host;
};

static const struct forwarded_case cases[] = {
    {"10.0.0.1", {0}, "10.0.0.1", "http", NULL},
    {"10.0.0.1", {.x_forwarded_for = "192.0.2.9"}, "192.0.2.9", "http", NULL},
    {"10.0.0.1", {.x_forwarded_for = "6.6.6.6, 192.0.2.9"}, "192.0.2.9", "http", NULL},
    {"10.0.0.1", {.x_forwarded_for = "192.0.2.9, 10.0.0.2"}, "192.0.2.9", "http", NULL},
    {"10.0.0.1", {.x_forwarded_for = "10.0.0.3, 10.0.0.2"}, "10.0.0.3", "http", NULL},
    {"10.0.0.1", {.x_forwarded_for = "6.6.6.6, rubbish"}, "10.0.0.1", "http", NULL},
    {"10.0.0.1", {.x_forwarded_for = "rubbish, 192.0.2.9"}, "192.0.2.9", "http", NULL},
    {"10.0.0.1", {.x_forwarded_for = ""}, "10.0.0.1", "http", NULL},
    {"10.0.0.1",
     {.x_forwarded_for = "192.0.2.9",
      .x_forwarded_proto = "https",
      .x_forwarded_host = "a.example"},
     "192.0.2.9",
     "https",
     "a.example"},
    {"10.0.0.1", {.x_forwarded_proto = "ftp", .x_forwarded_host = "a b"}, "10.0.0.1", "http", NULL},
    /* RFC 7239 */
    {"10.0.0.1",
     {.forwarded = "for=192.0.2.60;proto=https;by=203.0.113.43"},
     "192.0.2.60",
     "https",
     NULL},
    {"10.0.0.1",
     {.forwarded = "For=\"[2001:db8:cafe::17]:4711\""},
     "2001:db8:cafe::17",
     "http",
     NULL},
    {"10.0.0.1",
     {.forwarded = "for=6.6.6.6, for=192.0.2.43;host=\"a.example:8443\";proto=https"},
     "192.0.2.43",
     "https",
     "a.example:8443"},
    {"10.0.0.1", {.forwarded = "for=192.0.2.43, for=10.0.0.2"}, "192.0.2.43", "http", NULL},
    {"10.0.0.1", {.forwarded = "for=unknown;proto=https"}, "10.0.0.1", "http", NULL},
    {"10.0.0.1", {.forwarded = "for=192.0.2.1;;"}, "10.0.0.1", "http", NULL},
    {"10.0.0.1",
     {.forwarded = "for=192.0.2.1", .x_forwarded_for = "6.6.6.6"},
     "192.0.2.1",
     "http",
     NULL},
    /* a peer that nobody trusts */
    {"192.0.2.7",
     {.forwarded = "for=6.6.6.6",
      .x_forwarded_for = "6.6.6.6",
      .x_forwarded_proto = "https",
      .x_forwarded_host = "evil"},
     "192.0.2.7",
     "http",
     NULL},
};

static void proxies(void **state)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct networks networks;
    struct error err;

    (void)state;
    assert_true(networks_parse("10.0.0.0/8", mem, &networks, &err));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char client[ADDRESS_TEXT_SIZE];
        struct forwarded found;
        struct address peer;

        assert_true(address_parse(str_from(cases[i].peer), &peer));
        forwarded_resolve(&networks, &peer, &cases[i].headers, mem, &found);
        address_format(&found.client, client);
        if (strcmp(client, cases[i].client) != 0 || strcmp(found.scheme, cases[i].scheme) != 0 ||
            !found.host != !cases[i].host || (found.host && strcmp(found.host, cases[i].host) != 0))
            fail_msg("case %zu: %s %s %s", i, client, found.scheme, found.host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(membership),
        cmocka_unit_test(bad_networks),
        cmocka_unit_test(proxies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
