#include "tests/unit/cli/cli_test.h"

#include "client/cli/args.h"
#include "client/cli/cli_error.h"
#include "client/cli/command.h"
#include "client/cli/help.h"

static void command__table__is_sound(void **state)
{
    (void)state;
    size_t count;
    const struct command *table = command_table(&count);
    assert_int_equal(count, COMMAND_COUNT - 1);
    for (size_t i = 0; i < count; i++) {
        const struct command *c = &table[i];
        size_t min;
        size_t max;
        assert_ptr_equal(command_by_id(c->id), c);
        assert_true(c->summary[0] != '\0' && c->examples[0] != '\0');
        assert_true(c->codes & EXIT_CODE_BIT(EXIT_CODE_DONE));
        command_arguments(c, &min, &max);
        assert_true(min <= max && max <= COMMAND_ARGUMENTS_MAX);
        for (size_t j = i + 1; j < count; j++)
            assert_string_not_equal(c->words, table[j].words);
        for (size_t j = 0; j < 2 && c->required[j] != FLAG_END; j++)
            assert_true(command_takes(c, c->required[j]));
    }
}

static void command__flags__are_unique_within_a_command(void **state)
{
    (void)state;
    size_t count;
    const struct command *table = command_table(&count);
    for (int id = FLAG_END + 1; id < FLAG_COUNT; id++) {
        const struct flag *flag = command_flag((enum flag_id)id);
        assert_true(flag->name != NULL || flag->letter != 0);
        assert_int_equal(flag->value == NULL, flag->kind == FLAG_KIND_SWITCH);
        assert_true(flag->help != NULL && flag->help[0] != '\0');
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t a = 0; table[i].flags[a] != FLAG_END; a++) {
            const struct flag *flag = command_flag(table[i].flags[a]);
            for (int g = FLAG_END + 1; g <= FLAG_GLOBAL_LAST; g++) {
                const struct flag *global = command_flag((enum flag_id)g);
                assert_true(flag->name == NULL || strcmp(flag->name, global->name) != 0);
                assert_true(flag->letter == 0 || flag->letter != global->letter);
            }
            for (size_t b = 0; b < a; b++) {
                const struct flag *other = command_flag(table[i].flags[b]);
                assert_true(flag->letter == 0 || flag->letter != other->letter);
            }
        }
    }
}

/* What the manual promises of a command's exit codes. */
static void command__codes__are_those_of_the_manual(void **state)
{
    (void)state;
    static const struct {
        enum command_id id;
        exit_code_set base;
        int more[8];
    } promised[] = {
        { COMMAND_SEND, EXIT_CODES_SERVER, { 4, 7, 8, 11, 18, 19 } },
        { COMMAND_RECEIVE, EXIT_CODES_SERVER, { 7, 9, 18 } },
        { COMMAND_CHATS, EXIT_CODES_LOCAL, { 0 } },
        { COMMAND_READ, EXIT_CODES_LOCAL, { 7, 9 } },
        { COMMAND_STATUS, EXIT_CODES_LOCAL, { 0 } },
        { COMMAND_OUTBOX_LIST, EXIT_CODES_SERVER, { 7 } },
        { COMMAND_HELP, EXIT_CODES_COMMON, { 0 } },
        { COMMAND_ACCOUNT_CREATE, EXIT_CODES_SERVER, { 13, 14, 19 } },
        { COMMAND_ACCOUNT_LOGIN, EXIT_CODES_SERVER, { 7 } },
        { COMMAND_ACCOUNT_LOGOUT, EXIT_CODES_SERVER, { 7 } },
        { COMMAND_ACCOUNT_PASSWD, EXIT_CODES_SERVER, { 0 } },
        { COMMAND_ACCOUNT_DELETE, EXIT_CODES_SERVER, { 0 } },
        { COMMAND_ACCOUNT_LIST, EXIT_CODES_COMMON, { 0 } },
        { COMMAND_CONTACT_LOOKUP, EXIT_CODES_SERVER, { 7 } },
        { COMMAND_KEY_SHOW, EXIT_CODES_LOCAL, { 7 } },
        { COMMAND_KEY_VERIFY, EXIT_CODES_LOCAL, { 7, 9 } },
        { COMMAND_ATTACHMENT_GET, EXIT_CODES_SERVER, { 7, 18 } },
        { COMMAND_DENY_TRANSCRIPT, EXIT_CODES_LOCAL, { 7, 9 } },
        { COMMAND_DENY_FORGE, EXIT_CODES_LOCAL, { 7, 9 } },
        { COMMAND_DENY_CHECK, EXIT_CODES_LOCAL, { 7, 9 } },
    };
    assert_int_equal(sizeof promised / sizeof promised[0], COMMAND_COUNT - 1);
    for (size_t i = 0; i < sizeof promised / sizeof promised[0]; i++) {
        exit_code_set codes = promised[i].base;
        for (size_t j = 0; j < 8 && promised[i].more[j] != 0; j++)
            codes |= EXIT_CODE_BIT(promised[i].more[j]);
        assert_int_equal(command_by_id(promised[i].id)->codes, codes);
    }
}

/* Splits at spaces outside single quotes; quotes vanish. Returns the count. */
static int split(char *line, char **argv, int max)
{
    int argc = 0;
    char *to = line;
    while (*line != '\0' && argc < max) {
        bool quoted = false;
        argv[argc++] = to;
        for (; *line != '\0' && (quoted || *line != ' '); line++) {
            if (*line == '\'')
                quoted = !quoted;
            else
                *to++ = *line;
        }
        line += *line == ' ';
        *to++ = '\0';
    }
    return argc;
}

static void assert_runs(const char *line)
{
    char copy[512];
    char *argv[32];
    struct args args;
    struct cli_error error;
    (void)snprintf(copy, sizeof copy, "%s", line);
    int argc = split(copy, argv, 32);
    if (args_parse(&args, argc, argv, 0, &error) != EXIT_CODE_DONE)
        fail_msg("%s: %s", line, error.what);
}

static void command__examples__are_commands(void **state)
{
    (void)state;
    size_t count;
    const struct command *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        const char *at = table[i].examples;
        while (*at != '\0') {
            char line[512];
            size_t len = strcspn(at, "\n");
            (void)snprintf(line, sizeof line, "%.*s", (int)len, at);
            char *command = strstr(line, "safetalk ");
            assert_non_null(command);
            char *address = strstr(command, "--server ADDR ");
            if (address != NULL) /* stands for an address in full */
                memmove(address, address + strlen("--server ADDR "), strlen(address + strlen("--server ADDR ")) + 1);
            assert_runs(command);
            at += len + (at[len] == '\n');
        }
    }
}

/* What is filled into a place of a Next, by what stands before it. */
static void fill_places(char *out, size_t cap, const char *form)
{
    out[0] = '\0';
    for (const char *at = form; *at != '\0'; at++) {
        size_t used = strlen(out);
        if (*at == '{') {
            (void)snprintf(out + used, cap - used, "%s", "x");
            at += 2;
        } else {
            (void)snprintf(out + used, cap - used, "%c", *at);
        }
    }
}

static void error__table__is_complete(void **state)
{
    (void)state;
    for (int id = CLI_OK + 1; id < CLI_REASON_COUNT; id++) {
        const struct cli_error_row *row = cli_error_row((enum cli_reason)id);
        assert_non_null(row->reason);
        assert_true(row->what[0] != '\0' && row->why[0] != '\0' && row->next[0] != '\0');
        assert_true(row->code > 0);
        for (int other = CLI_OK + 1; other < id; other++)
            assert_string_not_equal(row->reason, cli_error_row((enum cli_reason)other)->reason);
        const char *const texts[] = { row->what, row->why, row->next };
        for (size_t i = 0; i < 3; i++)
            for (const char *at = strchr(texts[i], '{'); at != NULL; at = strchr(at + 1, '{'))
                assert_true(at[1] >= '1' && at[1] <= '4' && at[2] == '}');
    }
}

/* Next names only commands that this program has. */
static void error__next__names_commands_that_exist(void **state)
{
    (void)state;
    for (int id = CLI_OK + 1; id < CLI_REASON_COUNT; id++) {
        const struct cli_error_row *row = cli_error_row((enum cli_reason)id);
        char line[512];
        if (strncmp(row->next, "safetalk ", 9) != 0)
            continue;
        fill_places(line, sizeof line, row->next);
        char *argv[32];
        int argc = split(line, argv, 32);
        assert_true(argc >= 2);
        if (strncmp(argv[1], "help", 4) == 0)
            continue;
        const struct command *command = command_find(argv[1], NULL);
        if (command == NULL && argc > 2)
            command = command_find(argv[1], argv[2]);
        if (command == NULL)
            fail_msg("%s: %s", row->reason, row->next);
        for (int i = 2; i < argc; i++) {
            bool known = strncmp(argv[i], "--", 2) != 0;
            for (int flag = FLAG_END + 1; flag < FLAG_COUNT; flag++)
                if (!known && command_flag((enum flag_id)flag)->name != NULL &&
                    strcmp(command_flag((enum flag_id)flag)->name, argv[i] + 2) == 0)
                    known = command_takes(command, (enum flag_id)flag);
            if (!known)
                fail_msg("%s: %s", row->reason, argv[i]);
        }
    }
}

static void error__set__fills_the_places(void **state)
{
    (void)state;
    struct cli_error error;
    assert_int_equal(CLI_ERROR(&error, CLI_NO_SUCH_USER, "@bbo", "; you know @bob", "bob"), EXIT_CODE_NOT_FOUND);
    assert_string_equal(error.what, "no user @bbo");
    assert_string_equal(error.why, "unknown or not discoverable; you know @bob");
    assert_string_equal(error.next, "safetalk contact lookup bob");
    assert_string_equal(error.reason, "no_such_user");
    assert_int_equal(error.retry_after_s, -1);
    CLI_ERROR(&error, CLI_NO_SUCH_USER, "@bbo");
    assert_string_equal(error.why, "unknown or not discoverable");
}

static void error__set__cuts_what_is_too_long(void **state)
{
    (void)state;
    struct cli_error error;
    char text[2 * CLI_ERROR_TEXT_BYTES];
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA9", 2);
    text[sizeof text - 2] = '\0';
    CLI_ERROR(&error, CLI_NO_SUCH_USER, text, text, text);
    assert_true(strlen(error.what) >= CLI_ERROR_TEXT_BYTES - 4);
    assert_int_equal((unsigned char)error.what[strlen(error.what) - 1], 0xA9);
    /* A text with places of its own is data. */
    CLI_ERROR(&error, CLI_NO_SUCH_USER, "{1}{2}%s%n", "", "x");
    assert_string_equal(error.what, "no user {1}{2}%s%n");
}

static void help__command__says_all_of_the_table(void **state)
{
    (void)state;
    size_t count;
    const struct command *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        struct st_buf out;
        st_buf_init(&out, 1 << 20);
        help_command(&out, &table[i], 80);
        const char *text = buf_text(&out);
        assert_non_null(strstr(text, table[i].words));
        for (size_t j = 0; table[i].flags[j] != FLAG_END; j++) {
            char flag[HELP_FLAG_BYTES];
            help_flag(flag, table[i].flags[j]);
            assert_non_null(strstr(text, flag));
        }
        st_buf_free(&out);
    }
}

static void help__any_width__keeps_it(void **state)
{
    (void)state;
    static const size_t widths[] = { 30, 60, 80, 200 };
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        struct st_buf out;
        st_buf_init(&out, 1 << 20);
        help_general(&out, widths[i]);
        const char *line = buf_text(&out);
        while (*line != '\0') {
            size_t len = strcspn(line, "\n");
            /* A flag with its value is not broken. */
            assert_true(len <= (widths[i] > 60 ? widths[i] : 60));
            line += len + (line[len] == '\n');
        }
        st_buf_free(&out);
    }
}

static void help__noun__lists_its_verbs(void **state)
{
    (void)state;
    struct st_buf out;
    st_buf_init(&out, 1 << 20);
    help_noun(&out, "key", 80);
    const char *text = buf_text(&out);
    assert_non_null(strstr(text, "key show [CONTACT]"));
    assert_non_null(strstr(text, "key verify CONTACT [NUMBER]"));
    assert_null(strstr(text, "send"));
    st_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command__table__is_sound),
        cmocka_unit_test(command__flags__are_unique_within_a_command),
        cmocka_unit_test(command__codes__are_those_of_the_manual),
        cmocka_unit_test(command__examples__are_commands),
        cmocka_unit_test(error__table__is_complete),
        cmocka_unit_test(error__next__names_commands_that_exist),
        cmocka_unit_test(error__set__fills_the_places),
        cmocka_unit_test(error__set__cuts_what_is_too_long),
        cmocka_unit_test(help__command__says_all_of_the_table),
        cmocka_unit_test(help__any_width__keeps_it),
        cmocka_unit_test(help__noun__lists_its_verbs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
