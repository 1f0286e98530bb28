/* Checksums of parts, by the vectors of their specifications. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "crypto/checksum.h"

#define DIGITS                                                               \
    "1234567890123456789012345678901234567890123456789012345678901234567890" \
    "1234567890"

static const struct {
    const char *name, *text, *hex;
} vectors[] = {
    /* RFC 1321, A.5 */
    {"md5", "", "d41d8cd98f00b204e9800998ecf8427e"},
    {"md5", "abc", "900150983cd24fb0d6963f7d28e17f72"},
    {"md5", DIGITS, "57edf4a22be3c955ac49da2e2107b67a"},
    /* FIPS 180-2, appendices A and B; of nothing: its validation system */
    {"sha1", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {"sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"sha256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    /* The check value of CRC-32/ISO-HDLC */
    {"crc32", "", "00000000"},
    {"crc32", "123456789", "cbf43926"},
    {"SHA256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"CRC32", "123456789", "cbf43926"},
};

static struct checksum *expecting(size_t vector, uint8_t change)
{
    uint8_t expected[CHECKSUM_MAX_BYTES];
    size_t length = strlen(vectors[vector].hex) / 2;
    struct checksum *checksum;

    assert_true(hex_decode(str_from(vectors[vector].hex), expected, length));
    expected[length - 1] ^= change;
    checksum = checksum_new(str_from(vectors[vector].name), expected, length);
    assert_non_null(checksum);
    return checksum;
}

static void known_vectors_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        scoped(checksum_release) struct checksum *checksum = expecting(i, 0);

        checksum_update(checksum, vectors[i].text, strlen(vectors[i].text));
        if (!checksum_holds(checksum))
            fail_msg("%s of \"%s\"", vectors[i].name, vectors[i].text);
    }
}

static void a_bit_makes_the_difference(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        scoped(checksum_release) struct checksum *expected = expecting(i, 1);
        scoped(checksum_release) struct checksum *more = expecting(i, 0);

        checksum_update(expected, vectors[i].text, strlen(vectors[i].text));
        assert_false(checksum_holds(expected));
        checksum_update(more, vectors[i].text, strlen(vectors[i].text));
        checksum_update(more, "", 1);
        assert_false(checksum_holds(more));
    }
}

static void pieces_are_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        scoped(checksum_release) struct checksum *checksum = expecting(i, 0);

        for (const char *at = vectors[i].text; *at; at++) {
            checksum_update(checksum, at, 1);
            checksum_update(checksum, at, 0);
        }
        assert_true(checksum_holds(checksum));
    }
}

static void unknown_kinds_and_wrong_lengths_are_none(void **state)
{
    static const char *const unknown[] = {"", "md", "md55", "sha512", "sha-256", "crc32c", "md5 "};
    static const struct {
        const char *name;
        size_t length;
    } known[] = {{"md5", 16}, {"sha1", 20}, {"sha256", 32}, {"crc32", 4}};
    uint8_t bytes[CHECKSUM_MAX_BYTES + 1] = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        for (size_t length = 0; length <= CHECKSUM_MAX_BYTES; length++)
            assert_null(checksum_new(str_from(unknown[i]), bytes, length));
    for (size_t i = 0; i < COUNT_OF(known); i++)
        for (size_t length = 0; length <= sizeof bytes; length++) {
            scoped(checksum_release) struct checksum *made =
                checksum_new(str_from(known[i].name), bytes, length);

            assert_int_equal(made != NULL, length == known[i].length);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_vectors_hold),
        cmocka_unit_test(a_bit_makes_the_difference),
        cmocka_unit_test(pieces_are_the_whole),
        cmocka_unit_test(unknown_kinds_and_wrong_lengths_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
