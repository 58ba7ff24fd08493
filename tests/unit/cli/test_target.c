#include "tests/unit/cli/cli_test.h"

#include "client/cli/quote.h"
#include "client/cli/target.h"

static void target__parse__to_and_chat(void **state)
{
    (void)state;
    struct target target;
    assert_int_equal(target_parse(&target, "@bob", false), ST_OK);
    assert_int_equal(target.kind, TARGET_PERSON);
    assert_string_equal(target.name, "bob");
    assert_string_equal(target.shown, "@bob");
    assert_int_equal(target_parse(&target, "#team-2", false), ST_OK);
    assert_int_equal(target.kind, TARGET_GROUP);
    assert_string_equal(target.shown, "#team-2");
    assert_int_equal(target_parse(&target, "me", false), ST_OK);
    assert_int_equal(target.kind, TARGET_ME);
    assert_int_equal(target_parse(&target, "bob", true), ST_OK);
    assert_string_equal(target.shown, "@bob");
    assert_int_equal(target_parse(&target, "@abcdefghijklmnopqrstuvwxyz012345", true), ST_OK);
}

static void target__parse__refuses(void **state)
{
    (void)state;
    static const char *const bad[] = { "",      "bob",   "@",           "@bo",
                                       "@Bob",  "@bob ", "#",           "# team",
                                       "@@bob", "ME",    "all",         "@b@b",
                                       "@bö",   "#Team", "@bob\x1b[1m", "@abcdefghijklmnopqrstuvwxyz0123456" };
    struct target zero;
    memset(&zero, 0, sizeof zero);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct target target;
        assert_int_equal(target_parse(&target, bad[i], false), ST_EMALFORMED);
        assert_memory_equal(&target, &zero, sizeof zero);
    }
    struct target target;
    assert_int_equal(target_parse(&target, "#team", true), ST_EMALFORMED);
    assert_int_equal(target_parse(&target, "me", true), ST_EMALFORMED);
}

static void target__parse_account__forms(void **state)
{
    (void)state;
    struct target_account account;
    assert_int_equal(target_parse_account(&account, "alice"), ST_OK);
    assert_string_equal(account.name, "alice");
    assert_string_equal(account.host, "");
    assert_int_equal(account.port, 0);
    assert_int_equal(target_parse_account(&account, "@alice@Chat.example.org"), ST_OK);
    assert_string_equal(account.host, "chat.example.org");
    assert_int_equal(account.port, 7420);
    assert_int_equal(target_parse_account(&account, "alice@[::1]:99"), ST_OK);
    assert_string_equal(account.host, "::1");
    assert_int_equal(account.port, 99);
    static const char *const bad[] = { "", "@", "al", "alice@", "alice@:7420", "alice@host:0", "alice@a@b", "Alice" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(target_parse_account(&account, bad[i]), ST_EMALFORMED);
}

static void target__parse_message__prefix_and_part(void **state)
{
    (void)state;
    struct target_message message;
    assert_int_equal(target_parse_message(&message, "9F3C21aa", true), ST_OK);
    assert_string_equal(message.prefix, "9f3c21aa");
    assert_int_equal(message.part, 0);
    assert_int_equal(target_parse_message(&message, "9f3c.12", true), ST_OK);
    assert_int_equal(message.part, 12);
    assert_int_equal(target_parse_message(&message, "0123456789abcdef0123456789abcdef.1", true), ST_OK);
    static const char *const bad[] = { "",
                                       "9f3",
                                       "9f3g",
                                       "9f3c.",
                                       "9f3c.0",
                                       "9f3c.01",
                                       "9f3c.100",
                                       "9f3c.1.1",
                                       ".1",
                                       "9f3c -1",
                                       "0123456789abcdef0123456789abcdef0",
                                       "9f3c.-1" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(target_parse_message(&message, bad[i], true), ST_EMALFORMED);
    assert_int_equal(target_parse_message(&message, "9f3c.1", false), ST_EMALFORMED);
}

static void target__parse_number__sixty_digits(void **state)
{
    (void)state;
    char digits[TARGET_NUMBER_DIGITS + 1];
    static const char whole[] = "012345678901234567890123456789012345678901234567890123456789";
    assert_int_equal(target_parse_number(digits, whole), ST_OK);
    assert_string_equal(digits, whole);
    assert_int_equal(
        target_parse_number(digits, "01234 56789-01234 56789 01234 56789  01234 56789 01234 56789 01234 56789 "),
        ST_OK);
    assert_string_equal(digits, whole);
    assert_int_equal(target_parse_number(digits, whole + 1), ST_EMALFORMED);
    assert_string_equal(digits, "");
    assert_int_equal(target_parse_number(digits, "0123456789012345678901234567890123456789012345678901234567890"),
                     ST_EMALFORMED);
    assert_int_equal(target_parse_number(digits, "01234567890123456789012345678901234567890123456789012345678a"),
                     ST_EMALFORMED);
}

static void quote__append__what_a_shell_reads_back(void **state)
{
    (void)state;
    char line[QUOTE_LINE_BYTES] = "";
    assert_int_equal(quote_append(line, sizeof line, "send"), 0);
    assert_int_equal(quote_append(line, sizeof line, "#team"), 0);
    assert_int_equal(quote_append(line, sizeof line, ""), 0);
    assert_int_equal(quote_append(line, sizeof line, "it's $HOME `x`"), 0);
    assert_string_equal(line, "send '#team' '' 'it'\\''s $HOME `x`'");
    char small[8] = "abc";
    assert_int_equal(quote_append(small, sizeof small, "defg"), -1);
    assert_string_equal(small, "abc");
    assert_int_equal(quote_append(small, sizeof small, "def"), 0);
    assert_string_equal(small, "abc def");
    assert_int_equal(quote_append(small, sizeof small, ""), -1);
}

static void quote__line__is_cut_when_too_long(void **state)
{
    (void)state;
    char line[QUOTE_LINE_BYTES];
    char program[] = "/usr/bin/safetalk";
    char send[] = "send";
    char text[2 * QUOTE_LINE_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    char *argv[] = { program, send, text, NULL };
    quote_line(line, 2, argv);
    assert_string_equal(line, "safetalk send");
    quote_line(line, 3, argv);
    assert_string_equal(line, "safetalk send \xE2\x80\xA6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target__parse__to_and_chat),         cmocka_unit_test(target__parse__refuses),
        cmocka_unit_test(target__parse_account__forms),       cmocka_unit_test(target__parse_message__prefix_and_part),
        cmocka_unit_test(target__parse_number__sixty_digits), cmocka_unit_test(quote__append__what_a_shell_reads_back),
        cmocka_unit_test(quote__line__is_cut_when_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
