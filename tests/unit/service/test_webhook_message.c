/* Messages to webhooks against the scheme's own example, events as text, and which receivers may be
 * reached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

#include "service/event_text.h"
#include "service/receivers.h"
#include "service/webhook_message.h"

/* The example of the libraries of standardwebhooks.com. */
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define MESSAGE_ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIMESTAMP 1614265330
#define BODY "{\"test\": 2432232314}"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static struct webhook webhook_of(const char *secret)
{
    struct webhook webhook = {.enabled = true};
    struct error err;

    assert_true(webhook_secret_parse(secret, &webhook.secret, &err));
    return webhook;
}

static void signs_as_the_scheme_says(void **state)
{
    struct webhook webhook = webhook_of(SECRET);
    char signature[WEBHOOK_SIGNATURE_SIZE];

    (void)state;
    webhook_sign(&webhook, MESSAGE_ID, TIMESTAMP, str_from(BODY), signature);
    assert_string_equal(signature, SIGNATURE);
}

static void the_secret_before_signs_until_it_expires(void **state)
{
    struct webhook webhook = webhook_of("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    char signature[WEBHOOK_SIGNATURE_SIZE];

    (void)state;
    webhook.previous_secret = webhook_of(SECRET).secret;
    webhook.previous_secret_expires_at_us = (TIMESTAMP + 1) * US_PER_S;
    webhook_sign(&webhook, MESSAGE_ID, TIMESTAMP, str_from(BODY), signature);
    assert_int_equal(strlen(signature), WEBHOOK_SIGNATURE_SIZE - 1);
    assert_string_equal(strchr(signature, ' ') + 1, SIGNATURE);
    webhook_sign(&webhook, MESSAGE_ID, TIMESTAMP + 1, str_from(BODY), signature);
    assert_null(strchr(signature, ' '));
}

static void secrets_are_read_strictly(void **state)
{
    static const char *const bad[] = {"",
                                      "whsec_",
                                      "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
                                      "whsec_c2hvcnQ=",
                                      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!"};
    char text[WEBHOOK_SECRET_TEXT_SIZE];
    struct webhook_secret secret;
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(webhook_secret_parse(bad[i], &secret, &err));
    secret = webhook_of(SECRET).secret;
    webhook_secret_format(&secret, text);
    assert_string_equal(text, SECRET);
    webhook_secret_make(&random_system, &secret);
    webhook_secret_format(&secret, text);
    assert_true(webhook_secret_parse(text, &secret, &err));
}

static void events_as_text(void **state)
{
    struct event event = {.sequence = 7,
                          .type = "job.status",
                          .subject = "a \"kind\"\\\n",
                          .old_status = "pending",
                          .status = "leased",
                          .created_at_us = 1614265330123000};
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_true(event_text(&out, &event));
    assert_string_equal(
        out.bytes,
        "{\"id\":7,\"type\":\"job.status\",\"timestamp\":\"2021-02-25T15:02:10.123000Z\","
        "\"workspace_id\":\"00000000-0000-0000-0000-000000000000\",\"data\":{\"upload_id\":null,"
        "\"job_id\":null,\"kind\":\"a \\\"kind\\\"\\\\\\u000a\",\"old_status\":\"pending\","
        "\"status\":\"leased\",\"error_code\":null}}");
    for (size_t room = 0; room < out.length; room++) {
        struct buf small;

        buf_init(&small, room);
        assert_false(event_text(&small, &event));
        buf_done(&small);
    }
    buf_done(&out);
}

/* ---- receivers ---- */

static bool may_reach(const struct receivers *receivers, const char *text)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};

    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return receivers_allow(receivers, (struct sockaddr *)&four);
    assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return receivers_allow(receivers, (struct sockaddr *)&six);
}

static const char *const private_addresses[] = {"0.0.0.0",
                                                "0.255.255.255",
                                                "10.0.0.0",
                                                "10.255.255.255",
                                                "100.64.0.0",
                                                "100.127.255.255",
                                                "127.0.0.1",
                                                "127.255.255.255",
                                                "169.254.0.0",
                                                "169.254.169.254",
                                                "172.16.0.0",
                                                "172.31.255.255",
                                                "192.0.0.1",
                                                "192.168.0.0",
                                                "192.168.255.255",
                                                "198.18.0.0",
                                                "198.19.255.255",
                                                "224.0.0.1",
                                                "239.255.255.255",
                                                "240.0.0.1",
                                                "255.255.255.255",
                                                "::",
                                                "::1",
                                                "::127.0.0.1",
                                                "::ffff:127.0.0.1",
                                                "::ffff:10.0.0.1",
                                                "64:ff9b::1",
                                                "64:ff9b:1::1",
                                                "2001::1",
                                                "2002:7f00:1::",
                                                "fc00::1",
                                                "fdff::1",
                                                "fe80::1",
                                                "febf::1",
                                                "fec0::1",
                                                "ff02::1",
                                                "100::1",
                                                "2001:db8::1",
                                                "::ffff:169.254.1.1"};
static const char *const public_addresses[] = {
    "1.0.0.0",     "9.255.255.255",  "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
    "126.0.0.1",   "128.0.0.1",      "169.253.255.255", "172.15.255.255",  "172.32.0.0",
    "192.167.0.1", "198.17.255.255", "198.20.0.0",      "223.255.255.255", "2606:4700::1",
    "2a00::1",     "::ffff:8.8.8.8"};

static void private_networks_are_out_of_reach(void **state)
{
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct receivers *none, *all;
    struct error err;

    (void)state;
    assert_true(receivers_new("false", &none, &err));
    assert_true(receivers_new("true", &all, &err));
    for (size_t i = 0; i < COUNT_OF(private_addresses); i++) {
        if (may_reach(none, private_addresses[i]))
            fail_msg("%s can be reached", private_addresses[i]);
        assert_true(may_reach(all, private_addresses[i]));
    }
    for (size_t i = 0; i < COUNT_OF(public_addresses); i++)
        if (!may_reach(none, public_addresses[i]))
            fail_msg("%s cannot be reached", public_addresses[i]);
    assert_false(receivers_allow(none, &local));
    assert_false(receivers_allow(all, &local));
    receivers_free(none);
    receivers_free(all);
}

static void networks_can_be_allowed(void **state)
{
    struct receivers *some;
    struct error err;

    (void)state;
    assert_false(receivers_new("yes", &some, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_true(receivers_new("10.1.0.0/16, ::1", &some, &err));
    assert_true(may_reach(some, "10.1.2.3") && may_reach(some, "::1"));
    assert_true(may_reach(some, "::ffff:10.1.2.3") && may_reach(some, "8.8.8.8"));
    assert_false(may_reach(some, "10.2.0.1") || may_reach(some, "127.0.0.1"));
    assert_true(receivers_check(some, "http://[::1]:8080/a?b=c", &err));
    assert_false(receivers_check(some, "http://127.0.0.1/", &err));
    assert_true(receivers_check(some, "https://example.org", &err));
    assert_false(receivers_check(some, "http:///example.org/x", &err));
    assert_false(receivers_check(some, "http:/example.org/x", &err));
    receivers_free(some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_the_scheme_says),
        cmocka_unit_test(the_secret_before_signs_until_it_expires),
        cmocka_unit_test(secrets_are_read_strictly),
        cmocka_unit_test(events_as_text),
        cmocka_unit_test(private_networks_are_out_of_reach),
        cmocka_unit_test(networks_can_be_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
