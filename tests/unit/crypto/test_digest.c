/* Digests that are written down and gone on with, at every place in a block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/digest_kernel.h"
#include "crypto/sha256.h"

#define LONGEST (5 * DIGEST_BLOCK_BYTES + 3)

static uint8_t content[2 * LONGEST];

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 37 + i / 256 + 11);
    return 0;
}

static struct digest *one_pass(void)
{
    struct digest *digest = digest_new(DIGEST_ONE_PASS);

    if (!digest)
        skip(); /* this processor has not the instructions */
    return digest;
}

/* DIGEST is of the first LENGTH bytes, as OpenSSL says. */
static void digest_is_of(const struct digest *digest, size_t length)
{
    scoped(digest_release) struct digest *reference = digest_new(DIGEST_REFERENCE);
    struct digests expected, found;

    digest_update(reference, content, length);
    digest_peek(reference, &expected);
    digest_peek(digest, &found);
    assert_int_equal(digest_length(digest), length);
    assert_memory_equal(found.md5, expected.md5, sizeof found.md5);
    assert_memory_equal(found.sha256, expected.sha256, sizeof found.sha256);
}

static void both_makings_agree_at_every_length(void **state)
{
    (void)state;
    for (size_t length = 0; length <= LONGEST; length++) {
        scoped(digest_release) struct digest *digest = one_pass();

        digest_update(digest, content, length);
        digest_is_of(digest, length);
    }
}

/* Written down after BEFORE bytes, gone on with up to LENGTH. */
static void save_and_go_on(size_t before, size_t length)
{
    scoped(digest_release) struct digest *digest = one_pass(), *again = NULL;
    uint8_t saved[DIGEST_SAVED_BYTES];

    digest_update(digest, content, before);
    assert_true(digest_save(digest, saved));
    digest_free(take(digest));
    again = digest_load(saved, sizeof saved);
    assert_non_null(again);
    digest_is_of(again, before);
    digest_update(again, content + before, length - before);
    digest_is_of(again, length);
}

static void a_saved_digest_goes_on_at_every_length(void **state)
{
    static const size_t more[] = {0, 1, 55, 63, 64, 65, 128, LONGEST};

    (void)state;
    for (size_t before = 0; before <= LONGEST; before++)
        for (size_t i = 0; i < COUNT_OF(more); i++)
            save_and_go_on(before, before + more[i]);
}

static void saving_and_copying_change_nothing(void **state)
{
    scoped(digest_release) struct digest *digest = one_pass(), *copy = NULL;
    uint8_t saved[DIGEST_SAVED_BYTES], twice[DIGEST_SAVED_BYTES];

    (void)state;
    digest_update(digest, content, 100);
    assert_true(digest_save(digest, saved));
    copy = digest_copy(digest);
    digest_update(digest, content + 100, 100);
    digest_is_of(digest, 200);
    digest_is_of(copy, 100);
    assert_true(digest_save(copy, twice));
    assert_memory_equal(saved, twice, sizeof saved);
}

/* The layout stands in catalogs: these bytes must be understood for ever. */
static void the_layout_is_what_it_was(void **state)
{
    static const uint8_t head[] = {1,    3,    0,    0,    0,    0,    0,    0,   0, /* 3 bytes */
                                   0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};  /* RFC 1321 */
    scoped(digest_release) struct digest *digest = one_pass();
    uint8_t saved[DIGEST_SAVED_BYTES];

    (void)state;
    digest_update(digest, content, 3);
    assert_true(digest_save(digest, saved));
    assert_memory_equal(saved, head, sizeof head);
    assert_memory_equal(saved + DIGEST_SAVED_BYTES - DIGEST_BLOCK_BYTES, content, 3);
    for (size_t i = DIGEST_SAVED_BYTES - DIGEST_BLOCK_BYTES + 3; i < DIGEST_SAVED_BYTES; i++)
        assert_int_equal(saved[i], 0); /* nothing of earlier blocks is told */
}

static void what_is_none_is_refused(void **state)
{
    scoped(digest_release) struct digest *digest = one_pass(), *reference = NULL;
    uint8_t saved[DIGEST_SAVED_BYTES + 1] = {0};

    (void)state;
    digest_update(digest, content, 100);
    assert_true(digest_save(digest, saved));
    assert_null(digest_load(NULL, 0));
    assert_null(digest_load(NULL, DIGEST_SAVED_BYTES));
    for (size_t length = 0; length <= DIGEST_SAVED_BYTES + 1; length++)
        if (length != DIGEST_SAVED_BYTES)
            assert_null(digest_load(saved, length));
    for (unsigned version = 0; version < 256; version++) {
        saved[0] = (uint8_t)version;
        if (version != 1)
            assert_null(digest_load(saved, DIGEST_SAVED_BYTES));
    }
    reference = digest_new(DIGEST_REFERENCE);
    assert_false(digest_save(reference, saved)); /* OpenSSL's cannot be written down */
}

static void pieces_make_the_same_sha256(void **state)
{
    scoped(sha256_release) struct sha256 *running = sha256_new();
    scoped(sha256_release) struct sha256 *empty = sha256_new();
    uint8_t whole[SHA256_BYTES], pieces[SHA256_BYTES];

    (void)state;
    for (size_t at = 0, step = 0; at < sizeof content; at += step, step = step % 97 + 1)
        sha256_update(running, content + at,
                      at + step < sizeof content ? step : sizeof content - at);
    sha256_of(content, sizeof content, whole);
    sha256_finish(running, pieces);
    assert_memory_equal(whole, pieces, SHA256_BYTES);
    sha256_of("", 0, whole);
    sha256_finish(empty, pieces);
    assert_memory_equal(whole, pieces, SHA256_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_makings_agree_at_every_length),
        cmocka_unit_test(a_saved_digest_goes_on_at_every_length),
        cmocka_unit_test(saving_and_copying_change_nothing),
        cmocka_unit_test(the_layout_is_what_it_was),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(pieces_make_the_same_sha256),
    };

    return cmocka_run_group_tests(tests, fill, NULL);
}
