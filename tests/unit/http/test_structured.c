#include "http/structured.h"
#include "http_test.h"

struct count_case {
    const char *field;
    bool good;
    uint64_t count;
};

static const struct count_case counts[] = {
    {"0", true, 0},
    {"-0", true, 0},
    {"00", true, 0},
    {"007", true, 7},
    {" 12 ", true, 12},
    {"999999999999999", true, UINT64_C(999999999999999)},
    {"5;a", true, 5},
    {"5;a=1;b=\"x\";c=:AAAA:;d=?0;e=t", true, 5},
    {"5; a=1", true, 5},
    {"1000000000000000", false, 0},
    {"0000000000000001", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"-1", false, 0},
    {"+1", false, 0},
    {"1.0", false, 0},
    {"1, 1", false, 0},
    {"1 2", false, 0},
    {"1;", false, 0},
    {"1;A=1", false, 0},
    {"1;a=", false, 0},
    {"x", false, 0},
    {"\"1\"", false, 0},
    {":MQ==:", false, 0},
    {"?1", false, 0},
    {"0x10", false, 0},
};

static void test_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        uint64_t count = 42;
        bool good = structured_count(str_from(counts[i].field), &count);

        if (good != counts[i].good || count != (good ? counts[i].count : 42))
            fail_msg("%s: %d %ju", counts[i].field, good, (uintmax_t)count);
    }
}

struct boolean_case {
    const char *field;
    bool good, value;
};

static const struct boolean_case booleans[] = {
    {"?1", true, true},       {"?0", true, false},     {" ?1 ", true, true},
    {"?1;a=5", true, true},   {"?0;a;b", true, false}, {"", false, false},
    {"?", false, false},      {"?2", false, false},    {"?10", false, false},
    {"1", false, false},      {"0", false, false},     {"true", false, false},
    {"?1, ?1", false, false}, {"?1;", false, false},   {"??1", false, false},
    {"\"?1\"", false, false},
};

static void test_booleans(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(booleans); i++) {
        bool value = false;
        bool good = structured_boolean(str_from(booleans[i].field), &value);

        if (good != booleans[i].good || value != booleans[i].value)
            fail_msg("%s: %d %d", booleans[i].field, good, value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_booleans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
