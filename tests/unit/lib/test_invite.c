#include "lib/st_invite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static const char ALPHABET[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static enum st_err parse(const char *text)
{
    struct st_invite invite;
    return st_invite_parse(&invite, st_view_text(text));
}

static void invite__parse__the_code_of_the_manual(void **state)
{
    (void)state;
    struct st_invite invite;
    char text[ST_INVITE_TEXT_BYTES];
    assert_int_equal(st_invite_parse(&invite, st_view_text("7QK2-M9XD-4TR5")), ST_OK);
    assert_string_equal(invite.code, "7QK2M9XD4TR5");
    st_invite_format(text, &invite);
    assert_string_equal(text, "7QK2-M9XD-4TR5");
    assert_int_equal(parse("7QK2-M9DX-4TR5"), ST_EMALFORMED);
}

static void invite__parse__case_spaces_dashes_are_free(void **state)
{
    (void)state;
    assert_int_equal(parse("7qk2m9xd4tr5"), ST_OK);
    assert_int_equal(parse(" 7Q K2-- m9Xd  4tr5 "), ST_OK);
    struct st_invite a;
    struct st_invite b;
    assert_int_equal(st_invite_parse(&a, st_view_text("000000000000")), ST_OK);
    assert_int_equal(st_invite_parse(&b, st_view_text("oOo0ooooOOO0")), ST_OK);
    assert_memory_equal(&a, &b, sizeof a);
    /* 1, I and L are the same. */
    assert_int_equal(st_invite_parse(&a, st_view_text("1111111111")), ST_EMALFORMED);
    for (const char *check = ALPHABET; *check != '\0'; check++) {
        char one[13] = "11111111111";
        char letters[13] = "IlLiIlLiIlL";
        one[11] = letters[11] = *check;
        assert_int_equal(parse(one), parse(letters));
    }
}

static void invite__parse__finds_every_single_wrong_character(void **state)
{
    (void)state;
    struct st_env env = st_env_system();
    for (int round = 0; round < 50; round++) {
        struct st_invite invite;
        st_invite_random(&invite, &env);
        assert_int_equal(parse(invite.code), ST_OK);
        for (size_t at = 0; at < ST_INVITE_CHARS; at++) {
            for (const char *c = ALPHABET; *c != '\0'; c++) {
                char typed[ST_INVITE_CHARS + 1];
                memcpy(typed, invite.code, sizeof typed);
                typed[at] = *c;
                assert_int_equal(parse(typed), *c == invite.code[at] ? ST_OK : ST_EMALFORMED);
            }
        }
    }
}

static void invite__parse__finds_every_swap_of_neighbours(void **state)
{
    (void)state;
    struct st_env env = st_env_system();
    for (int round = 0; round < 2000; round++) {
        struct st_invite invite;
        st_invite_random(&invite, &env);
        for (size_t at = 0; at + 1 < ST_INVITE_CHARS; at++) {
            char typed[ST_INVITE_CHARS + 1];
            memcpy(typed, invite.code, sizeof typed);
            typed[at] = invite.code[at + 1];
            typed[at + 1] = invite.code[at];
            bool same = typed[at] == typed[at + 1];
            assert_int_equal(parse(typed), same ? ST_OK : ST_EMALFORMED);
        }
    }
}

static void invite__parse__refuses_other_lengths_and_characters(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "7QK2-M9XD-4TR",
                                       "7QK2-M9XD-4TR55",
                                       "7QK2-M9XD-4TRU",
                                       "7QK2_M9XD_4TR5",
                                       "7QK2-M9XD-4TR5\n",
                                       "7QK2-M9XD-4TR\xC3\xA9" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(parse(bad[i]), ST_EMALFORMED);
    struct st_invite invite;
    char with_nul[13] = "7QK2M9XD4TR5";
    with_nul[3] = '\0';
    assert_int_equal(st_invite_parse(&invite, st_view(with_nul, 12)), ST_EMALFORMED);
    char padded[80];
    memset(padded, ' ', sizeof padded);
    memcpy(padded, "7QK2M9XD4TR5", 12);
    assert_int_equal(st_invite_parse(&invite, st_view(padded, ST_INVITE_INPUT_MAX)), ST_OK);
    assert_int_equal(st_invite_parse(&invite, st_view(padded, ST_INVITE_INPUT_MAX + 1)), ST_EMALFORMED);
}

static void invite__random__uses_every_character_in_every_place(void **state)
{
    (void)state;
    struct st_env env = st_env_system();
    bool seen[ST_INVITE_CHARS][32] = { { false } };
    for (int round = 0; round < 3000; round++) {
        struct st_invite invite;
        st_invite_random(&invite, &env);
        for (size_t at = 0; at < ST_INVITE_CHARS; at++)
            seen[at][strchr(ALPHABET, invite.code[at]) - ALPHABET] = true;
    }
    for (size_t at = 0; at < ST_INVITE_CHARS; at++)
        for (size_t c = 0; c < 32; c++)
            assert_true(seen[at][c]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invite__parse__the_code_of_the_manual),
        cmocka_unit_test(invite__parse__case_spaces_dashes_are_free),
        cmocka_unit_test(invite__parse__finds_every_single_wrong_character),
        cmocka_unit_test(invite__parse__finds_every_swap_of_neighbours),
        cmocka_unit_test(invite__parse__refuses_other_lengths_and_characters),
        cmocka_unit_test(invite__random__uses_every_character_in_every_place),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
