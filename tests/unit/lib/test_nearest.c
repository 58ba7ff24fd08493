#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/st_nearest.h"

static void nearest__distance__known_pairs(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        unsigned distance;
    } known[] = {
        { "", "", 0 },        { "", "abc", 3 },       { "port", "port", 0 },       { "prot", "port", 1 },
        { "pot", "port", 1 }, { "pport", "port", 1 }, { "part", "port", 1 },       { "kitten", "sitting", 3 },
        { "ca", "abc", 3 },   { "flaw", "lawn", 2 },  { "receive", "recieve", 1 }, { "ab", "ba", 1 },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_int_equal(st_nearest_distance(known[i].a, known[i].b), known[i].distance);
        assert_int_equal(st_nearest_distance(known[i].b, known[i].a), known[i].distance);
    }
}

static void nearest__distance__very_long_words(void **state)
{
    (void)state;
    char a[300], b[300];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    a[299] = b[299] = '\0';
    assert_int_equal(st_nearest_distance(a, b), ST_NEAREST_WORD_MAX);
    assert_int_equal(st_nearest_distance(a, ""), ST_NEAREST_WORD_MAX);
    assert_int_equal(st_nearest_distance(a, a), 0);
}

static void nearest__word__near_or_none(void **state)
{
    (void)state;
    static const char *const words[] = { "send", "receive", "read", "chats", "status" };
    assert_int_equal(st_nearest("recieve", words, 5), 1);
    assert_int_equal(st_nearest("sned", words, 5), 0);
    assert_int_equal(st_nearest("stats", words, 5), 4);
    assert_true(st_nearest("xyzzy", words, 5) == SIZE_MAX);
    assert_true(st_nearest("", words, 5) == SIZE_MAX);
    assert_true(st_nearest("send", words, 0) == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest__distance__known_pairs),
        cmocka_unit_test(nearest__distance__very_long_words),
        cmocka_unit_test(nearest__word__near_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
