/* What commands say when something is missing or wrong: no server, no password, no such thing, somebody else at work.
 */
#include "tests/unit/cli/run_sample.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

static void send__without_a_server(void **state)
{
    (void)state;
    run_sample_expect_error("send @bob -m hello", 3, "unreachable");
    run_sample_expect_error("send @bob", 2, "no_text");
    run_sample_expect_error("send '#team' -m hello", 2, "bad_name");
    run_sample_expect_error("send #team -m hello", 7, "no_such_chat");
    run_sample_expect_error("send me -m hello", 7, "no_such_chat");
    run_sample_expect("send @bob -m hello --dry-run", 0);
    assert_string_equal(run_sample.err, "would send 5 bytes of text and 0 files to @bob\n");
    run_line(&run_sample, "send bob --dry-run", "two\r\nlines\n");
    assert_int_equal(run_sample.code, 0);
    assert_string_equal(run_sample.err, "would send 9 bytes of text and 0 files to @bob\n");
    run_line(&run_sample, "send bob --dry-run", "an \x1b escape");
    assert_int_equal(run_sample.code, 2);
    run_line(&run_sample, "send bob --dry-run", "not \xFF UTF-8");
    assert_int_equal(run_sample.code, 2);
    assert_non_null(strstr(run_sample.err, "[2 text_invalid]"));
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void send__checks_pictures(void **state)
{
    (void)state;
    char line[512];
    char path[256];
    (void)snprintf(path, sizeof path, "%s/cut.png", run_folder());
    write_file(path, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
    (void)snprintf(line, sizeof line, "send @bob --attach %s", path);
    run_sample_expect_error(line, 18, "picture_truncated");
    assert_non_null(strstr(run_sample.err, "cut.png ends too early"));
    assert_non_null(strstr(run_sample.err, "PNG without its last block; nothing was sent"));
    (void)snprintf(line, sizeof line, "send @bob --attach %s --as-file --dry-run", path);
    run_sample_expect(line, 0);
    run_sample_expect_error("send @bob --attach /nonexistent/x.png", 7, "no_such_file");
    (void)snprintf(line, sizeof line, "send @bob --attach %s", run_folder());
    run_sample_expect_error(line, 7, "no_such_file");
    run_line(&run_sample, "send @bob --attach - --file-name a/b/../notes.txt --dry-run", "some notes");
    assert_int_equal(run_sample.code, 0);
    assert_string_equal(run_sample.err, "would send 0 bytes of text and 1 files to @bob\n");
}

static void attachment__get__names_what_is_wrong(void **state)
{
    (void)state;
    char line[512];
    char path[256];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/out.png", run_folder());
    (void)snprintf(line, sizeof line, "attachment get 9f01 -o %s", path);
    run_sample_expect_error(line, 2, "part_needed");
    (void)snprintf(line, sizeof line, "attachment get 9f01.3 -o %s", path);
    run_sample_expect_error(line, 7, "no_such_attachment");
    (void)snprintf(line, sizeof line, "attachment get 9f02 -o %s", path);
    run_sample_expect_error(line, 7, "no_such_attachment");
    (void)snprintf(line, sizeof line, "attachment get abcd -o %s", path);
    run_sample_expect_error(line, 7, "no_such_message");
    (void)snprintf(line, sizeof line, "attachment get 9f01.1 -o %s", path);
    run_sample_expect_error(line, 3, "unreachable");
    assert_int_equal(stat(path, &info), -1);
    write_file(path, "x", 1);
    run_sample_expect_error(line, 2, "output_exists");
    run_sample_expect_error("attachment get xyz -o -", 2, "bad_value");
}

static void account__list_and_choice(void **state)
{
    (void)state;
    char path[256];
    run_sample_expect("account list", 0);
    assert_string_equal(run_sample.out, "@alice  127.0.0.1:9  default\n");
    (void)snprintf(path, sizeof path, "%s/bob@chat.example.org:7420", run_folder());
    assert_int_equal(mkdir(path, 0700), 0);
    run_sample_expect("account list", 0);
    assert_string_equal(run_sample.out, "@alice  127.0.0.1:9\n@bob    chat.example.org:7420\n");
    run_sample_expect_error("chats", 2, "account_needed");
    assert_non_null(strstr(run_sample.err, "alice@127.0.0.1:9, bob@chat.example.org:7420"));
    run_sample_expect("chats -a alice", 0);
    run_sample_expect_error("chats -a carol", 7, "no_such_account");
    run_sample_expect_error("chats -a bob", 7, "not_registered");
    run_sample_expect_error("account login carol", 7, "no_such_account");
    run_sample_expect_error("chats -a alice --server "
                            "safetalk://127.0.0.1:9#kdmfryeyl3gh6ycbrkxqzrnllb7ufqsxbkeebfnj5dgkzuhwkrqa",
                            2, "server_differs");
}

static void account__create__before_anything_is_asked(void **state)
{
    (void)state;
    static const char address[] = "safetalk://127.0.0.1:9#kdmfryeyl3gh6ycbrkxqzrnllb7ufqsxbkeebfnj5dgkzuhwkroa";
    char line[512];
    (void)snprintf(line, sizeof line, "account create bob --server %s --invite 7QK2-M9DX-4TR5", address);
    run_sample_expect_error(line, 13, "invite_mistyped");
    char lines[1024];
    (void)snprintf(lines, sizeof lines,
                   "safetalk: 7QK2-M9DX-4TR5 is not an invite code [13 invite_mistyped]\n"
                   "  Why:  one character is wrong, or two are swapped. Nothing was sent.\n"
                   "  Next: safetalk account create bob --server %s --invite CODE\n",
                   address);
    assert_string_equal(run_sample.err, lines);
    run_sample_expect_error("account create bob", 2, "no_server");
    (void)snprintf(line, sizeof line, "account create Bob --server %s", address);
    run_sample_expect_error(line, 2, "bad_name");
    (void)snprintf(line, sizeof line, "account create alice --server %s", address);
    run_sample_expect_error(line, 14, "account_exists");
    (void)snprintf(line, sizeof line, "account create carol --server %s --invite 7QK2-M9XD-4TR5", address);
    run_sample_expect_error(line, 3, "unreachable");
    run_sample_expect("account list", 0);
    assert_string_equal(run_sample.out, "@alice  127.0.0.1:9  default\n@carol  127.0.0.1:9  not registered\n");
    run_sample_expect("chats", 0);                   /* an account that is not registered is no other choice */
    run_sample_expect_error(line, 3, "unreachable"); /* goes on with the same keys */
}

static void account__what_dies_asks(void **state)
{
    (void)state;
    run_sample_expect_error("account delete", 12, "no_input");
    run_sample_expect_error("account delete --confirm bob", 2, "not_confirmed");
    run_sample_expect_error("account delete --confirm alice", 3, "unreachable");
    run_sample_expect_error("account logout --erase", 12, "no_input");
    run_sample_expect_error("account logout", 3, "unreachable");
    run_sample_expect_error("account passwd", 12, "no_input");
    run_sample_expect_error("contact lookup @bob", 3, "unreachable");
    run_sample_expect("chats", 0);
}

static void account__held_by_another_process(void **state)
{
    (void)state;
    char path[300];
    (void)snprintf(path, sizeof path, "%s/lock", run_account_folder());
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    static const char text[] = "pid 4121\nsince 1\ncommand safetalk receive --follow\x1b[2J\n";
    assert_int_equal(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    run_sample_expect_error("chats", 10, "held");
    assert_non_null(strstr(run_sample.err, "@alice is in use"));
    assert_non_null(strstr(run_sample.err, "pid 4121, safetalk receive --follow<U+001B>[2J, "));
    assert_non_null(strstr(run_sample.err, "safetalk chats --lock-timeout 60"));
    close(fd);
    run_sample_expect("chats", 0);
}

static void account__wrong_password_and_foreign_files(void **state)
{
    (void)state;
    char line[512];
    char path[300];
    (void)snprintf(path, sizeof path, "%s/other", run_folder());
    write_file(path, "wrong horse\n", 12);
    assert_int_equal(chmod(path, 0600), 0);
    (void)snprintf(line, sizeof line, "chats --password-file %s", path);
    run_sample_expect_error(line, 6, "wrong_password");
    assert_int_equal(chmod(path, 0640), 0);
    run_sample_expect_error(line, 2, "password_file_open");
    assert_null(strstr(run_sample.err, "horse"));
    (void)snprintf(path, sizeof path, "%s/store.db", run_account_folder());
    write_file(path, "SQLite format 3\0 and more", 24);
    run_sample_expect_error("chats", 17, "foreign_db");
    static const char noise[2048] = { 'x' };
    write_file(path, noise, sizeof noise);
    run_sample_expect_error("chats", 17, "corrupt_db");
    (void)snprintf(path, sizeof path, "%s/slots", run_account_folder());
    write_file(path, "x", 1);
    run_sample_expect("chats", 17);
}

static void deny__transcript_check_forge(void **state)
{
    (void)state;
    char line[512];
    (void)snprintf(line, sizeof line, "deny transcript @bob -o %s/bob.stx", run_folder());
    run_sample_expect(line, 0);
    assert_non_null(strstr(run_sample.out, "@bob  0 messages"));
    run_sample_expect_error(line, 2, "output_exists");
    (void)snprintf(line, sizeof line, "deny check %s/bob.stx", run_folder());
    run_sample_expect(line, 0);
    (void)snprintf(line, sizeof line, "deny forge %s/bob.stx --message 9f01 -m text", run_folder());
    run_sample_expect_error(line, 7, "no_such_message");
    (void)snprintf(line, sizeof line, "deny check %s/password", run_folder());
    run_sample_expect_error(line, 2, "file_form");
    run_sample_expect_error("deny transcript @nobody -o -", 7, "no_such_chat");
    run_sample_expect_error("deny check /nonexistent/x.stx", 7, "no_such_file");
}

/* No secret in what anybody can see of the program. */
static void program__shows_no_secret(void **state)
{
    (void)state;
    char line[512];
    char log[256];
    static char text[65536];
    (void)snprintf(log, sizeof log, "%s/log", run_folder());
    (void)snprintf(line, sizeof line, "read @bob -v --log-file %s", log);
    run_sample_expect(line, 0);
    FILE *file = fopen(log, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(text, "safetalk read"));
    assert_null(strstr(text, "bob"));
    assert_null(strstr(text, "harbour"));
    assert_null(strstr(text, "horse"));
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, run_sample_make, run_sample_drop)
    const struct CMUnitTest tests[] = {
        TEST(send__without_a_server),
        TEST(send__checks_pictures),
        TEST(attachment__get__names_what_is_wrong),
        TEST(account__list_and_choice),
        TEST(account__create__before_anything_is_asked),
        TEST(account__what_dies_asks),
        TEST(account__held_by_another_process),
        TEST(account__wrong_password_and_foreign_files),
        TEST(deny__transcript_check_forge),
        TEST(program__shows_no_secret),
    };
    if (argc != 2 || sodium_init() < 0)
        return 1;
    run_use(argv[1]);
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
