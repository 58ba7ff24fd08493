/* Where things are and who has them: paths, lock, terminal, settings. */
#include "tests/unit/cli/cli_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/cli/account_lock.h"
#include "client/cli/paths.h"
#include "client/cli/settings.h"
#include "client/cli/terminal.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s", P_tmpdir "/place-test-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "%s", folder);
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", command, (char *)NULL);
        _exit(1);
    }
    int status;
    return waitpid(child, &status, 0) == child ? 0 : 1;
}

static const char *variable(void *ctx, const char *name)
{
    const char *const *pairs = ctx;
    for (; pairs[0] != NULL; pairs += 2)
        if (strcmp(pairs[0], name) == 0)
            return pairs[1];
    return NULL;
}

static void paths__find__xdg(void **state)
{
    (void)state;
    struct paths paths;
    const char *home[] = { "HOME", "/home/alice", NULL };
    assert_int_equal(paths_find(&paths, NULL, variable, home), ST_OK);
    assert_string_equal(paths.data, "/home/alice/.local/share/safetalk");
    assert_string_equal(paths.state, "/home/alice/.local/state/safetalk");
    assert_string_equal(paths.cache, "/home/alice/.cache/safetalk");
    assert_string_equal(paths.config, "/home/alice/.config/safetalk/config.ini");
    assert_string_equal(paths.runtime, "");
    const char *xdg[] = { "HOME",     "/home/alice",     "XDG_DATA_HOME", "/d", "XDG_CONFIG_HOME",
                          "relative", "XDG_RUNTIME_DIR", "/run/user/1",   NULL };
    assert_int_equal(paths_find(&paths, NULL, variable, xdg), ST_OK);
    assert_string_equal(paths.data, "/d/safetalk");
    assert_string_equal(paths.config, "/home/alice/.config/safetalk/config.ini");
    assert_string_equal(paths.runtime, "/run/user/1/safetalk");
    const char *none[] = { NULL };
    assert_int_equal(paths_find(&paths, NULL, variable, none), ST_ENOTFOUND);
    assert_int_equal(paths_find(&paths, "here", variable, none), ST_OK);
    assert_string_equal(paths.data, "here");
    assert_string_equal(paths.config, "");
    char too_long[2 * PATHS_MAX];
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    assert_int_equal(paths_find(&paths, too_long, variable, none), ST_ELIMIT);
}

static enum st_err collect(void *ctx, const struct paths_found *found)
{
    char *list = ctx;
    char port[16];
    (void)snprintf(port, sizeof port, "%u", (unsigned)found->account.port);
    (void)snprintf(list + strlen(list), 512 - strlen(list), "%s@%s:%s ", found->account.name, found->account.host,
                   port);
    return ST_OK;
}

static void paths__each_account__only_accounts(void **state)
{
    (void)state;
    struct paths paths;
    const char *none[] = { NULL };
    char path[256];
    char list[512] = "";
    static const char *const names[] = {
        "bob@chat.example.org:7420", "alice@[::1]:99",         "alice@chat.example.org:7420", "cache",        "x@y:1",
        "bob@chat.example.org",      "Bob@chat.example.org:1", "bob@CHAT.example.org:7420",   "carol@a:07420"
    };
    assert_int_equal(paths_find(&paths, folder, variable, none), ST_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    (void)snprintf(path, sizeof path, "%s/dave@host:1", folder);
    assert_int_equal(symlink("/", path), 0);
    (void)snprintf(path, sizeof path, "%s/erin@host:1", folder);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(paths_each_account(&paths, collect, list), ST_OK);
    assert_string_equal(list, "alice@::1:99 alice@chat.example.org:7420 bob@chat.example.org:7420 ");
    assert_int_equal(paths_find(&paths, "/nonexistent/dir", variable, none), ST_OK);
    list[0] = '\0';
    assert_int_equal(paths_each_account(&paths, collect, list), ST_OK);
    assert_string_equal(list, "");
}

static void lock__take__one_at_a_time_and_names_the_holder(void **state)
{
    (void)state;
    struct account_lock first;
    struct account_lock second;
    struct account_lock_holder holder;
    assert_int_equal(account_lock_who(&holder, folder), ST_ENOTFOUND);
    assert_int_equal(account_lock_take(&first, folder, "safetalk receive --follow", 1000, 0, &holder), ST_OK);
    assert_int_equal(account_lock_take(&second, folder, "safetalk chats", 2000, 60, &holder), ST_EUNAVAILABLE);
    assert_int_equal(second.fd, -1);
    assert_int_equal(holder.pid, getpid());
    assert_int_equal(holder.since_ms, 1000);
    assert_string_equal(holder.command, "safetalk receive --follow");
    assert_int_equal(account_lock_who(&holder, folder), ST_OK);
    assert_int_equal(holder.pid, getpid());
    account_lock_release(&first);
    account_lock_release(&first);
    assert_int_equal(account_lock_who(&holder, folder), ST_ENOTFOUND);
    assert_int_equal(account_lock_take(&second, folder, "safetalk chats", 2000, 0, &holder), ST_OK);
    account_lock_release(&second);
    struct stat info;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/lock", folder);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void lock__take__a_killed_holder_lets_go(void **state)
{
    (void)state;
    int ready[2];
    struct account_lock lock;
    struct account_lock_holder holder;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (account_lock_take(&lock, folder, "safetalk daemon", 1, 0, &holder) != ST_OK || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(account_lock_take(&lock, folder, "safetalk chats", 1, 0, &holder), ST_EUNAVAILABLE);
    assert_int_equal(holder.pid, child);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(account_lock_take(&lock, folder, "safetalk chats", 1, 0, &holder), ST_OK);
    account_lock_release(&lock);
    close(ready[0]);
    close(ready[1]);
}

static void lock__take__refuses_a_link(void **state)
{
    (void)state;
    struct account_lock lock;
    struct account_lock_holder holder;
    char path[128];
    char target[128];
    (void)snprintf(path, sizeof path, "%s/lock", folder);
    (void)snprintf(target, sizeof target, "%s/precious", folder);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(account_lock_take(&lock, folder, "safetalk", 1, 0, &holder), ST_EREFUSED);
    assert_int_equal(access(target, F_OK), -1);
    assert_int_equal(account_lock_take(&lock, "/nonexistent", "safetalk", 1, 0, &holder), ST_ENOTFOUND);
}

static void lock__parse__odd_files(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",       "pid", "pid ", "pid x\n", "pid -1\nsince -5\n", "\n\n\n", "pidgin 5\n", "pid 99999999999999999999\n",
        "command"
    };
    struct account_lock_holder holder;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        account_lock_parse(&holder, texts[i]);
        assert_int_equal(holder.pid, 0);
        assert_int_equal(holder.since_ms, 0);
        assert_string_equal(holder.command, "");
    }
    char long_text[1000] = "command ";
    memset(long_text + 8, 'a', 900);
    account_lock_parse(&holder, long_text);
    assert_int_equal(strlen(holder.command), ACCOUNT_LOCK_COMMAND_BYTES - 1);
}

static void terminal__rules(void **state)
{
    (void)state;
    assert_true(terminal_wants_color(TERMINAL_COLOR_AUTO, true, "xterm", NULL));
    assert_true(terminal_wants_color(TERMINAL_COLOR_AUTO, true, "xterm", ""));
    assert_false(terminal_wants_color(TERMINAL_COLOR_AUTO, true, "xterm", "1"));
    assert_false(terminal_wants_color(TERMINAL_COLOR_AUTO, true, "dumb", NULL));
    assert_false(terminal_wants_color(TERMINAL_COLOR_AUTO, true, NULL, NULL));
    assert_false(terminal_wants_color(TERMINAL_COLOR_AUTO, false, "xterm", NULL));
    assert_true(terminal_wants_color(TERMINAL_COLOR_ALWAYS, false, "dumb", "1"));
    assert_false(terminal_wants_color(TERMINAL_COLOR_NEVER, true, "xterm", NULL));
    assert_int_equal(terminal_width(120, "40"), 120);
    assert_int_equal(terminal_width(0, "40"), 40);
    assert_int_equal(terminal_width(0, NULL), 80);
    assert_int_equal(terminal_width(0, "wide"), 80);
    assert_int_equal(terminal_width(0, "0"), 80);
    assert_int_equal(terminal_width(100000, NULL), TERMINAL_WIDTH_MAX);
    struct terminal terminal;
    int ends[2];
    const char *none[] = { NULL };
    assert_int_equal(pipe(ends), 0);
    terminal_look(&terminal, ends[1], ends[1], TERMINAL_COLOR_AUTO, variable, none);
    assert_false(terminal.out_is_terminal || terminal.err_is_terminal || terminal.ascii || terminal.out_color);
    close(ends[0]);
    close(ends[1]);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Reads settings for `safetalk chats` and the flags, variables and files given. */
static enum exit_code settings(struct settings *out, struct cli_error *error, const char *user, const char *flag,
                               const char **pairs)
{
    static char path[128];
    static char config[128];
    static struct args args;
    struct paths paths;
    char program[] = "safetalk";
    char command[] = "chats";
    static char word[128];
    (void)snprintf(config, sizeof config, "%s/config", folder);
    (void)mkdir(config, 0700);
    (void)snprintf(path, sizeof path, "%s/config/safetalk", folder);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof path, "%s/config/safetalk/config.ini", folder);
    write_text(path, user);
    const char *home[] = { "HOME", folder, "XDG_CONFIG_HOME", config, NULL };
    assert_int_equal(paths_find(&paths, NULL, variable, home), ST_OK);
    (void)snprintf(word, sizeof word, "%s", flag != NULL ? flag : "");
    char *argv[] = { program, command, word, NULL };
    assert_int_equal(args_parse(&args, flag != NULL ? 3 : 2, argv, 0, error), EXIT_CODE_DONE);
    assert_int_equal(args_environment(&args, variable, pairs, error), EXIT_CODE_DONE);
    return settings_load(out, &args, &paths, error);
}

static void settings__load__precedence(void **state)
{
    (void)state;
    struct settings s;
    struct cli_error error;
    const char *none[] = { NULL };
    const char *pairs[] = { "SAFETALK_TIMEOUT", "7", "SAFETALK_COLOR", "never", NULL };
    assert_int_equal(settings(&s, &error, "", NULL, none), EXIT_CODE_DONE);
    assert_int_equal(s.file.timeout_ms, 15000);
    assert_int_equal(s.file.lock_timeout_ms, 5000);
    assert_int_equal(s.file.color, TERMINAL_COLOR_AUTO);
    assert_true(s.file.pager && s.file.scrub_log);
    assert_int_equal(s.password_fd, -1);
    assert_int_equal(s.listen_ms, 0);
    const char *file = "account = alice@chat.example.org\ntimeout = 30s\ncolor = always\npager = no\noutput = json\n"
                       "requests = accept\n";
    assert_int_equal(settings(&s, &error, file, NULL, none), EXIT_CODE_DONE);
    assert_string_equal(s.file.account, "alice@chat.example.org");
    assert_int_equal(s.file.timeout_ms, 30000);
    assert_int_equal(s.file.output, OUTPUT_JSON);
    assert_int_equal(s.file.requests, SETTINGS_REQUESTS_ACCEPT);
    assert_false(s.file.pager);
    assert_int_equal(settings(&s, &error, file, NULL, pairs), EXIT_CODE_DONE);
    assert_int_equal(s.file.timeout_ms, 7000);
    assert_int_equal(s.file.color, TERMINAL_COLOR_NEVER);
    assert_int_equal(settings(&s, &error, file, "--timeout=9", pairs), EXIT_CODE_DONE);
    assert_int_equal(s.file.timeout_ms, 9000);
    assert_int_equal(settings(&s, &error, file, "--plain", pairs), EXIT_CODE_DONE);
    assert_int_equal(s.file.output, OUTPUT_PLAIN);
    assert_int_equal(settings(&s, &error, "pager = yes\n", "--no-pager", none), EXIT_CODE_DONE);
    assert_false(s.file.pager);
}

static void settings__load__names_line_and_nearest_key(void **state)
{
    (void)state;
    struct settings s;
    struct cli_error error;
    const char *none[] = { NULL };
    assert_int_equal(settings(&s, &error, "color = auto\ntimeot = 5\n", NULL, none), EXIT_CODE_USAGE);
    assert_string_equal(error.reason, "bad_config");
    assert_non_null(strstr(error.why, "timeout"));
    assert_non_null(strstr(error.why, "2"));
    assert_int_equal(settings(&s, &error, "account = Alice\n", NULL, none), EXIT_CODE_USAGE);
    assert_int_equal(settings(&s, &error, "color = auto\n", "--config=/nonexistent/c.ini", none), EXIT_CODE_USAGE);
    assert_non_null(strstr(error.what, "/nonexistent/c.ini"));
}

static void settings__table__is_sound(void **state)
{
    (void)state;
    struct settings_file file;
    struct st_config_error error;
    struct st_buf example;
    assert_int_equal(st_config_defaults(settings_table(), &file, &error), ST_OK);
    st_buf_init(&example, 1 << 16);
    assert_int_equal(st_config_example(settings_table(), &example), ST_OK);
    assert_int_equal(st_config_parse(settings_table(), &file, st_buf_view(&example), "example", &error), ST_OK);
    st_buf_free(&example);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths__find__xdg),
        cmocka_unit_test_setup_teardown(paths__each_account__only_accounts, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(lock__take__one_at_a_time_and_names_the_holder, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(lock__take__a_killed_holder_lets_go, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(lock__take__refuses_a_link, make_folder, remove_folder),
        cmocka_unit_test(lock__parse__odd_files),
        cmocka_unit_test(terminal__rules),
        cmocka_unit_test_setup_teardown(settings__load__precedence, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(settings__load__names_line_and_nearest_key, make_folder, remove_folder),
        cmocka_unit_test(settings__table__is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
