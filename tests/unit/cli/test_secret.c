#define _XOPEN_SOURCE 700 /* posix_openpt */
#include "tests/unit/cli/cli_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

#include "client/cli/interrupt.h"
#include "client/cli/secret_input.h"

static enum secret_fault from_text(const char *text, size_t len, const char *normal)
{
    struct secret secret;
    struct secret_report report;
    enum secret_fault fault = secret_from_text(&secret, st_view(text, len), false, &report);
    assert_int_equal(fault, report.fault);
    if (fault == SECRET_OK) {
        assert_int_equal(secret.len, strlen(normal));
        assert_memory_equal(secret.p, normal, secret.len);
    } else {
        assert_null(secret.p);
    }
    secret_free(&secret);
    assert_null(secret.p);
    return fault;
}

static void secret__from_text__normalises(void **state)
{
    (void)state;
    assert_int_equal(from_text("correct horse", 13, "correct horse"), SECRET_OK);
    /* e and a combining acute are one letter in form C; so are the Hangul jamo. */
    assert_int_equal(from_text("caf\x65\xCC\x81-caf\x65\xCC\x81", 13, "caf\xC3\xA9-caf\xC3\xA9"), SECRET_OK);
    assert_int_equal(from_text("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB hangul", 16, "\xED\x95\x9C hangul"), SECRET_OK);
    /* Form C, not KC: a ligature stays. */
    assert_int_equal(from_text("\xEF\xAC\x81 is one", 10, "\xEF\xAC\x81 is one"), SECRET_OK);
}

static void secret__from_text__lengths(void **state)
{
    (void)state;
    static char text[5000];
    static char same[5000];
    memset(text, 'a', sizeof text);
    assert_int_equal(from_text("", 0, ""), SECRET_TOO_SHORT);
    assert_int_equal(from_text(text, 7, ""), SECRET_TOO_SHORT);
    memset(same, 'a', 8);
    assert_int_equal(from_text(text, 8, same), SECRET_OK);
    memset(same, 'a', 1024);
    assert_int_equal(from_text(text, 1024, same), SECRET_OK);
    assert_int_equal(from_text(text, 1025, ""), SECRET_TOO_LONG);
    assert_int_equal(from_text(text, 5000, ""), SECRET_TOO_LONG);
    struct secret secret;
    struct secret_report report;
    assert_int_equal(secret_from_text(&secret, st_view(text, 3), true, &report), SECRET_OK);
    secret_free(&secret);
    assert_int_equal(secret_from_text(&secret, st_view(text, 0), true, &report), SECRET_TOO_SHORT);
}

static void secret__from_text__refuses_what_is_no_text(void **state)
{
    (void)state;
    assert_int_equal(from_text("pass\xFFword", 9, ""), SECRET_NOT_TEXT);
    assert_int_equal(from_text("pass\0word", 9, ""), SECRET_NOT_TEXT);
    assert_int_equal(from_text("pass\tword", 9, ""), SECRET_NOT_TEXT);
    assert_int_equal(from_text("password\x1b", 9, ""), SECRET_NOT_TEXT);
    assert_int_equal(from_text("password\xED\xA0\x80", 11, ""), SECRET_NOT_TEXT);
}

static int file_with(char *path, const char *text, mode_t mode)
{
    (void)snprintf(path, 64, "%s", P_tmpdir "/secret-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    return fd;
}

static void secret__from_file__first_line(void **state)
{
    (void)state;
    char path[64];
    struct secret secret;
    struct secret_report report;
    close(file_with(path, "correct horse\r\nnot this\n", 0600));
    assert_int_equal(secret_from_file(&secret, path, false, &report), SECRET_OK);
    assert_int_equal(secret.len, 13);
    secret_free(&secret);
    unlink(path);
    close(file_with(path, "without newline", 0400));
    assert_int_equal(secret_from_file(&secret, path, false, &report), SECRET_OK);
    secret_free(&secret);
    unlink(path);
}

static void secret__from_file__refuses_what_others_can_read(void **state)
{
    (void)state;
    static const mode_t modes[] = { 0644, 0640, 0604, 0620, 0601, 0610, 0666 };
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        char path[64];
        struct secret secret;
        struct secret_report report;
        close(file_with(path, "correct horse\n", modes[i]));
        assert_int_equal(secret_from_file(&secret, path, false, &report), SECRET_READABLE);
        assert_int_equal(report.mode, modes[i]);
        assert_null(secret.p);
        unlink(path);
    }
    struct secret secret;
    struct secret_report report;
    assert_int_equal(secret_from_file(&secret, "/nonexistent/x", false, &report), SECRET_NO_FILE);
    assert_int_not_equal(report.error, 0);
    assert_int_equal(secret_from_file(&secret, "/", false, &report), SECRET_NO_FILE);
}

static void secret__from_fd__takes_one_line_and_no_more(void **state)
{
    (void)state;
    int ends[2];
    struct secret secret;
    struct secret_report report;
    char rest[16] = "";
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "correct horse\nrest", 18), 18);
    close(ends[1]);
    assert_int_equal(secret_from_fd(&secret, ends[0], false, &report), SECRET_OK);
    assert_int_equal(secret.len, 13);
    secret_free(&secret);
    assert_int_equal(read(ends[0], rest, sizeof rest), 4);
    close(ends[0]);
    assert_int_equal(secret_from_fd(&secret, ends[0], false, &report), SECRET_NO_FILE);
}

static void secret__equal__compares(void **state)
{
    (void)state;
    struct secret a;
    struct secret b;
    struct secret_report report;
    assert_int_equal(secret_from_text(&a, st_view_text("correct horse"), false, &report), SECRET_OK);
    assert_int_equal(secret_from_text(&b, st_view_text("correct horsf"), false, &report), SECRET_OK);
    assert_true(secret_equal(&a, &a));
    assert_false(secret_equal(&a, &b));
    secret_free(&b);
    assert_false(secret_equal(&a, &b));
    secret_free(&a);
}

static void secret__prompts__are_those_of_the_manual(void **state)
{
    (void)state;
    char prompt[SECRET_PROMPT_BYTES];
    secret_prompt_of(prompt, "alice");
    assert_string_equal(prompt, "Password of @alice:");
    assert_string_equal(SECRET_PROMPT_NEW, "New password (8 or more characters; it never leaves this machine):");
    assert_string_equal(SECRET_PROMPT_AGAIN, "Again:");
}

/* Runs a child with a terminal of its own that asks for a password; `keys` are typed once the prompt stands there.
 * Gives what the terminal showed, the child's exit code (the fault, or 128 + signal), and whether echo is on
 * afterwards. */
static int ask_on_terminal(const char *keys, char *screen, size_t cap, bool *echo)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    assert_int_equal(grantpt(terminal), 0);
    assert_int_equal(unlockpt(terminal), 0);
    const char *name = ptsname(terminal);
    assert_non_null(name);
    int keep = open(name, O_RDWR | O_NOCTTY); /* so that the settings outlive the child */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct secret secret;
        struct secret_report report;
        setsid();
        int fd = open(name, O_RDWR); /* becomes the controlling terminal */
        if (fd < 0)
            _exit(99);
        (void)interrupt_install();
        enum secret_fault fault = secret_ask(&secret, "Password of @alice:", fd, false, &report);
        bool right = fault == SECRET_OK && secret.len == 13 && memcmp(secret.p, "correct horse", 13) == 0;
        secret_free(&secret);
        _exit(fault != SECRET_OK ? (int)fault : right ? 0 : 98);
    }
    size_t len = 0;
    bool typed = false;
    for (;;) {
        struct pollfd ready = { terminal, POLLIN, 0 };
        int status;
        if (poll(&ready, 1, 50) > 0 && (ready.revents & POLLIN) != 0 && len + 1 < cap) {
            ssize_t got = read(terminal, screen + len, cap - 1 - len);
            len += got > 0 ? (size_t)got : 0;
        }
        screen[len] = '\0';
        if (!typed && strstr(screen, "@alice: ") != NULL) {
            typed = true;
            assert_int_equal(write(terminal, keys, strlen(keys)), (ssize_t)strlen(keys));
        }
        if (waitpid(child, &status, WNOHANG) == child) {
            struct termios settings;
            struct pollfd rest = { terminal, POLLIN, 0 };
            if (poll(&rest, 1, 50) > 0) {
                ssize_t got = read(terminal, screen + len, cap - 1 - len);
                len += got > 0 ? (size_t)got : 0;
                screen[len] = '\0';
            }
            assert_int_equal(tcgetattr(keep, &settings), 0);
            *echo = (settings.c_lflag & ECHO) != 0;
            close(keep);
            close(terminal);
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    }
}

static void secret__ask__without_echo(void **state)
{
    (void)state;
    char screen[512];
    bool echo;
    assert_int_equal(ask_on_terminal("correct horse\n", screen, sizeof screen, &echo), 0);
    assert_string_equal(screen, "Password of @alice: \r\n");
    assert_true(echo);
    assert_int_equal(ask_on_terminal("short\n", screen, sizeof screen, &echo), SECRET_TOO_SHORT);
    assert_null(strstr(screen, "short"));
    assert_true(echo);
}

static void secret__ask__interrupted_puts_the_terminal_back(void **state)
{
    (void)state;
    char screen[512];
    bool echo;
    assert_int_equal(ask_on_terminal("corr\x03", screen, sizeof screen, &echo), SECRET_CANCELLED);
    assert_true(echo);
    assert_int_equal(ask_on_terminal("\x04", screen, sizeof screen, &echo), SECRET_CANCELLED);
    assert_true(echo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secret__from_text__normalises),
        cmocka_unit_test(secret__from_text__lengths),
        cmocka_unit_test(secret__from_text__refuses_what_is_no_text),
        cmocka_unit_test(secret__from_file__first_line),
        cmocka_unit_test(secret__from_file__refuses_what_others_can_read),
        cmocka_unit_test(secret__from_fd__takes_one_line_and_no_more),
        cmocka_unit_test(secret__equal__compares),
        cmocka_unit_test(secret__prompts__are_those_of_the_manual),
        cmocka_unit_test(secret__ask__without_echo),
        cmocka_unit_test(secret__ask__interrupted_puts_the_terminal_back),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
