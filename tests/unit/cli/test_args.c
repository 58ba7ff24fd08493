#include "tests/unit/cli/cli_test.h"

#include "client/cli/args.h"

enum { WORDS_MAX = 96 };

/* A command line split at spaces, read. */
static enum exit_code parse(struct args *args, struct cli_error *error, char *line)
{
    static char *argv[WORDS_MAX];
    int argc = 0;
    for (char *at = line; *at != '\0' && argc < WORDS_MAX - 1;) {
        argv[argc++] = at;
        at += strcspn(at, " ");
        if (*at == ' ')
            *at++ = '\0';
    }
    argv[argc] = NULL;
    return args_parse(args, argc, argv, 1764079267250, error);
}

static void refuses(const char *line, const char *reason, const char *part)
{
    char copy[2048];
    struct args args;
    struct cli_error error;
    (void)snprintf(copy, sizeof copy, "%s", line);
    assert_int_equal(parse(&args, &error, copy), EXIT_CODE_USAGE);
    assert_string_equal(error.reason, reason);
    char all[3 * CLI_ERROR_TEXT_BYTES + 8];
    (void)snprintf(all, sizeof all, "%s|%s|%s", error.what, error.why, error.next);
    if (strstr(all, part) == NULL)
        fail_msg("%s: %s", line, all);
}

static struct args accepts(const char *line)
{
    static char copy[2048];
    struct args args;
    struct cli_error error;
    (void)snprintf(copy, sizeof copy, "%s", line);
    if (parse(&args, &error, copy) != EXIT_CODE_DONE)
        fail_msg("%s: %s (%s)", line, error.what, error.why);
    return args;
}

static void args__parse__global_flags_before_and_after(void **state)
{
    (void)state;
    struct args args = accepts("safetalk --json -a alice send @bob -m hello --timeout 5s -q");
    assert_int_equal(args.command->id, COMMAND_SEND);
    assert_string_equal(args.arguments[0], "@bob");
    assert_true(args_has(&args, FLAG_JSON));
    assert_true(args_has(&args, FLAG_QUIET));
    assert_string_equal(args_text(&args, FLAG_ACCOUNT), "alice");
    assert_string_equal(args_text(&args, FLAG_MESSAGE), "hello");
    assert_int_equal(args_number(&args, FLAG_TIMEOUT, 0), 5000);
    args = accepts("safetalk account --json create alice --invite=7QK2-M9XD-4TR5");
    assert_int_equal(args.command->id, COMMAND_ACCOUNT_CREATE);
    assert_string_equal(args_text(&args, FLAG_INVITE), "7QK2-M9XD-4TR5");
}

static void args__parse__forms_of_flags(void **state)
{
    (void)state;
    assert_int_equal(args_number(&(struct args) { 0 }, FLAG_LIMIT, 50), 50);
    struct args args = accepts("safetalk read @bob -n5");
    assert_int_equal(args_number(&args, FLAG_LIMIT, 50), 5);
    args = accepts("safetalk read @bob -n 7 -qy");
    assert_int_equal(args_number(&args, FLAG_LIMIT, 50), 7);
    assert_true(args_has(&args, FLAG_YES));
    args = accepts("safetalk read @bob --limit=9");
    assert_int_equal(args_number(&args, FLAG_LIMIT, 50), 9);
    args = accepts("safetalk send @bob --attach a.png --attach=b.png --attach -");
    assert_int_equal(args.attach_count, 3);
    assert_string_equal(args.attach[1], "b.png");
    assert_string_equal(args.attach[2], "-");
    args = accepts("safetalk send -m x -- @bob");
    assert_string_equal(args.arguments[0], "@bob");
    args = accepts("safetalk send @bob -m -x");
    assert_string_equal(args_text(&args, FLAG_MESSAGE), "-x");
}

static void args__parse__the_same_letter_in_forge(void **state)
{
    (void)state;
    struct args args = accepts("safetalk deny forge bob.stx --message 9f3c21aa -m text");
    assert_string_equal(args_text(&args, FLAG_FORGE_MESSAGE), "9f3c21aa");
    assert_string_equal(args_text(&args, FLAG_FORGE_TEXT), "text");
    assert_false(args_has(&args, FLAG_MESSAGE));
    refuses("safetalk deny forge bob.stx -m text", "flag_missing", "--message ID");
    refuses("safetalk deny forge bob.stx --message zz -m text", "bad_value", "hex digits");
}

static void args__parse__mistyped_commands_name_the_nearest(void **state)
{
    (void)state;
    refuses("safetalk sned @bob", "unknown_command", "the nearest is send");
    refuses("safetalk chat", "unknown_command", "chats");
    refuses("safetalk acount create x", "unknown_command", "account");
    refuses("safetalk account craete x", "unknown_command", "account create");
    refuses("safetalk create alice", "unknown_command", "account create");
    refuses("safetalk verify @bob", "unknown_command", "key verify");
    refuses("safetalk account", "verb_missing", "create, login, logout, passwd, delete, list");
    refuses("safetalk key", "verb_missing", "show, verify");
    refuses("safetalk se @bob", "unknown_command", "send");
    refuses("safetalk SEND @bob", "unknown_command", "nothing was run");
}

static void args__parse__mistyped_flags_name_the_nearest(void **state)
{
    (void)state;
    refuses("safetalk send @bob --atach x", "unknown_flag", "--attach");
    refuses("safetalk send @bob --jsn", "unknown_flag", "--json");
    refuses("safetalk --jsn send @bob", "unknown_flag", "--json");
    refuses("safetalk send @bob -x", "unknown_flag", "-x");
    refuses("safetalk chats --attach x", "unknown_flag", "safetalk help chats");
    refuses("safetalk --attach x send @bob", "flag_before_command", "behind send");
    refuses("safetalk read @bob --lim 5", "unknown_flag", "--limit");
}

static void args__parse__values(void **state)
{
    (void)state;
    refuses("safetalk read @bob -n 0", "bad_value", "1 to 1,000,000");
    refuses("safetalk read @bob -n -5", "bad_value", "-5");
    refuses("safetalk read @bob -n", "flag_value_missing", "--limit N");
    refuses("safetalk read @bob --since tomorrow", "bad_value", "2026-11-25");
    refuses("safetalk read @bob --since 5", "bad_value", "2026-11-25");
    refuses("safetalk receive --timeout 1x", "bad_value", "30s 5m 8h 7d 2w");
    refuses("safetalk receive --timeout -1", "bad_value", "--timeout");
    refuses("safetalk --color purple chats", "bad_value", "auto, always or never");
    refuses("safetalk -a Alice chats", "bad_value", "NAME@HOST");
    refuses("safetalk --server http://x account create alice", "bad_value", "safetalk://");
    refuses("safetalk --json=yes chats", "flag_takes_no_value", "--json");
    refuses("safetalk -a alice -a bob chats", "flag_twice", "--account");
    refuses("safetalk --password-file= chats", "bad_value", "empty");
    refuses("safetalk --json --plain chats", "flags_exclude", "--plain");
    refuses("safetalk send @bob --stdin -m x", "flags_exclude", "--stdin");
    refuses("safetalk --password-fd 3 --password-file x chats", "flags_exclude", "--password-fd");
}

static void args__parse__arguments(void **state)
{
    (void)state;
    refuses("safetalk send -m x", "no_recipient", "`#` begins a shell comment");
    refuses("safetalk read", "argument_missing", "CHAT");
    refuses("safetalk attachment get -o x", "argument_missing", "ID");
    refuses("safetalk attachment get 9f3c", "flag_missing", "--output FILE");
    refuses("safetalk chats @bob", "argument_extra", "usage: safetalk chats");
    refuses("safetalk send @bob @carol -m x", "argument_extra", "@carol");
    struct args args = accepts("safetalk key verify @bob");
    assert_null(args.arguments[1]);
    args = accepts("safetalk help account create");
    assert_string_equal(args.arguments[1], "create");
}

static void args__parse__help_needs_nothing_else(void **state)
{
    (void)state;
    struct args args = accepts("safetalk send --help");
    assert_true(args_has(&args, FLAG_HELP));
    assert_int_equal(args.command->id, COMMAND_SEND);
    args = accepts("safetalk account -h");
    assert_string_equal(args.noun, "account");
    args = accepts("safetalk");
    assert_null(args.command);
    args = accepts("safetalk -V");
    assert_true(args_has(&args, FLAG_VERSION));
}

static void args__parse__too_many_files(void **state)
{
    (void)state;
    char line[2048] = "safetalk send @bob";
    for (int i = 0; i < 20; i++)
        (void)snprintf(line + strlen(line), sizeof line - strlen(line), "%s", " --attach a");
    struct args args = accepts(line);
    assert_int_equal(args.attach_count, 20);
    struct cli_error error;
    char attach[] = "--attach=a";
    char program[] = "safetalk";
    char send[] = "send";
    char to[] = "@bob";
    char *argv[3 + ARGS_ATTACH_MAX + 1] = { program, send, to };
    for (int i = 0; i <= ARGS_ATTACH_MAX; i++)
        argv[3 + i] = attach;
    assert_int_equal(args_parse(&args, 3 + ARGS_ATTACH_MAX, argv, 0, &error), EXIT_CODE_DONE);
    assert_int_equal(args_parse(&args, 4 + ARGS_ATTACH_MAX, argv, 0, &error), EXIT_CODE_USAGE);
}

static const char *variable(void *ctx, const char *name)
{
    const char *const *pairs = ctx;
    for (; pairs[0] != NULL; pairs += 2)
        if (strcmp(pairs[0], name) == 0)
            return pairs[1];
    return NULL;
}

static void args__environment__fills_what_was_not_said(void **state)
{
    (void)state;
    static const char *pairs[] = { "SAFETALK_NO_INPUT",
                                   "1",
                                   "SAFETALK_ACCOUNT",
                                   "alice",
                                   "SAFETALK_TIMEOUT",
                                   "30",
                                   "SAFETALK_QUIET",
                                   "no",
                                   "SAFETALK_PLAIN",
                                   "1",
                                   "SAFETALK_VERBOSE",
                                   "",
                                   "SAFETALK_MESSAGE",
                                   "bad",
                                   NULL };
    struct cli_error error;
    struct args args = accepts("safetalk --json -a bob chats");
    assert_int_equal(args_environment(&args, variable, pairs, &error), EXIT_CODE_DONE);
    assert_true(args_has(&args, FLAG_NO_INPUT));
    assert_string_equal(args_text(&args, FLAG_ACCOUNT), "bob");
    assert_int_equal(args_number(&args, FLAG_TIMEOUT, 0), 30000);
    assert_false(args_has(&args, FLAG_QUIET));
    assert_false(args_has(&args, FLAG_PLAIN)); /* --json on the command line wins */
    assert_false(args_has(&args, FLAG_VERBOSE));
    assert_false(args_has(&args, FLAG_MESSAGE));
}

static void args__environment__refuses_bad_values(void **state)
{
    (void)state;
    static const char *const bad[][3] = { { "SAFETALK_TIMEOUT", "soon", NULL },
                                          { "SAFETALK_NO_INPUT", "maybe", NULL },
                                          { "SAFETALK_COLOR", "red", NULL },
                                          { "SAFETALK_LOCK_TIMEOUT", "-1", NULL } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cli_error error;
        const char *pairs[3] = { bad[i][0], bad[i][1], NULL };
        struct args args = accepts("safetalk chats");
        assert_int_equal(args_environment(&args, variable, pairs, &error), EXIT_CODE_USAGE);
        assert_string_equal(error.reason, "bad_environment");
        assert_non_null(strstr(error.what, bad[i][0]));
    }
    struct cli_error error;
    const char *both[] = { "SAFETALK_JSON", "1", "SAFETALK_PLAIN", "1", NULL };
    struct args args = accepts("safetalk chats");
    assert_int_equal(args_environment(&args, variable, both, &error), EXIT_CODE_USAGE);
}

static void args__public_line__has_no_argument_and_no_value(void **state)
{
    (void)state;
    char line[ARGS_PUBLIC_BYTES];
    struct args args = accepts("safetalk send @bob -m secret --as-file --timeout 5 -a alice");
    args_public_line(line, &args);
    assert_string_equal(line, "safetalk send --as-file");
    args = accepts("safetalk receive --follow");
    args_public_line(line, &args);
    assert_string_equal(line, "safetalk receive --follow");
}

/* Any words end in an answer, never in a crash; an error always has its three sentences. */
static void args__parse__any_words(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "send",  "account", "create", "--",    "-",      "--json", "-m",  "-n",          "--=",  "---",
        "-=",    "--x=",    "@",      "#",     "",       "-mq",    "-qm", "--message",   "help", "deny",
        "forge", "-o",      "\xff",   "-\xff", "--\xff", "read",   "-V",  "--timeout=1", "-a",   "key"
    };
    uint32_t seed = 99;
    for (int round = 0; round < 20000; round++) {
        char words[8][32];
        char *argv[9] = { words[0] };
        int argc = 1 + round % 7;
        memcpy(words[0], "safetalk", 9);
        for (int i = 1; i < argc; i++) {
            seed = seed * 1664525 + 1013904223;
            (void)snprintf(words[i], sizeof words[i], "%s", pieces[(seed >> 16) % (sizeof pieces / sizeof pieces[0])]);
            argv[i] = words[i];
        }
        struct args args;
        struct cli_error error;
        enum exit_code code = args_parse(&args, argc, argv, 0, &error);
        if (code == EXIT_CODE_DONE)
            continue;
        assert_int_equal(code, EXIT_CODE_USAGE);
        assert_true(error.what[0] != '\0' && error.why[0] != '\0' && error.next[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(args__parse__global_flags_before_and_after),
        cmocka_unit_test(args__parse__forms_of_flags),
        cmocka_unit_test(args__parse__the_same_letter_in_forge),
        cmocka_unit_test(args__parse__mistyped_commands_name_the_nearest),
        cmocka_unit_test(args__parse__mistyped_flags_name_the_nearest),
        cmocka_unit_test(args__parse__values),
        cmocka_unit_test(args__parse__arguments),
        cmocka_unit_test(args__parse__help_needs_nothing_else),
        cmocka_unit_test(args__parse__too_many_files),
        cmocka_unit_test(args__environment__fills_what_was_not_said),
        cmocka_unit_test(args__environment__refuses_bad_values),
        cmocka_unit_test(args__public_line__has_no_argument_and_no_value),
        cmocka_unit_test(args__parse__any_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
