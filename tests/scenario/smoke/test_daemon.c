/* Goal: safetalkd says what the docs say it says, keeps its folder to itself, survives what is done to it, and takes
 * what it is told. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>
#include <zmq.h>

#include "lib/st_file.h"
#include "tests/scenario/smoke/person.h"

static char out[PROC_TEXT_MAX], err[PROC_TEXT_MAX];

/* Runs and wants this exit code, and three lines of error that begin like this. */
static void expect_error(const char *const *args, int code, const char *what)
{
    int got = daemon_proc_run(args, out, err);
    if (got != code || strstr(err, what) != err)
        fail_msg("exit %d: %s", got, err);
    const char *why = strstr(err, "\n  Why:  ");
    const char *next = strstr(err, "\n  Next: ");
    assert_true(why != NULL && next != NULL && why < next);
    assert_ptr_equal(strchr(next + 1, '\n') + 1, err + strlen(err)); /* three lines, no more */
    assert_string_equal(out, "");
}

static void path_in(char *path, size_t size, const struct daemon_proc *proc, const char *name)
{
    snprintf(path, size, "%s/%s", proc->dir, name);
}

static void append_config(const struct daemon_proc *proc, const char *text)
{
    char path[512];
    path_in(path, sizeof path, proc, "safetalkd.conf");
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* ---- the command line ---- */

static void help__and_version(void **state)
{
    const char *const help[] = { "help", NULL }, *const flag[] = { "--help", NULL };
    const char *const topic[] = { "help", "run", NULL }, *const under[] = { "run", "--help", NULL };
    const char *const version[] = { "--version", NULL };
    (void)state;
    assert_int_equal(daemon_proc_run(help, out, err), 0);
    assert_non_null(strstr(out, "safetalkd init --dir DIR"));
    assert_int_equal(daemon_proc_run(flag, out, err), 0);
    assert_int_equal(daemon_proc_run(topic, out, err), 0);
    assert_non_null(strstr(out, "safetalkd run --dir DIR"));
    assert_int_equal(daemon_proc_run(under, out, err), 0);
    assert_int_equal(daemon_proc_run(version, out, err), 0);
    assert_memory_equal(out, "safetalkd ", 10);
    assert_string_equal(err, "");
}

static void usage__errors_are_2_with_three_lines(void **state)
{
    const char *const rows[][8] = {
        { NULL },
        { "rn", NULL },
        { "xyzzy", NULL },
        { "help", "xyzzy", NULL },
        { "run", NULL },
        { "run", "--dir", NULL },
        { "run", "--dir", "a", "--dir", "b", NULL },
        { "run", "--dri", "a", NULL },
        { "run", "a", NULL },
        { "run", "--dir", "/nonexistent/srv", NULL },
        { "invite", "--dir", "/nonexistent/srv", NULL },
        { "invite", "--dir", "/nonexistent/srv", "--uses", "0", NULL },
        { "invite", "--dir", "/nonexistent/srv", "--expires", "soon", NULL },
        { "init", "--dir", "/nonexistent/srv", "--port", "70000", NULL },
        { "init", "--dir", "/nonexistent/srv", "--port", "65535", NULL },
        { "init", "--dir", "/nonexistent/srv", "--host", "a b", NULL },
        { "init", "--dir", "/nonexistent/srv", "--registration", "maybe", NULL },
        { "init", "--dir", "/nonexistent/srv", "--registration", "approve", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_error(rows[i], 2, "safetalkd: ");
    expect_error(rows[1], 2, "safetalkd: no command rn [2 unknown_command]\n  Why:  nearest: run\n");
    char hostile[] = "\x1b]0;x\x07\n";
    const char *const args[] = { hostile, NULL };
    assert_int_equal(daemon_proc_run(args, out, err), 2);
    assert_null(strchr(err, '\x1b')); /* nothing raw to a terminal */
}

static void init__says_and_leaves_what_the_docs_say(void **state)
{
    struct daemon_proc proc;
    char expected[2048], path[512];
    (void)state;
    daemon_proc_make(&proc);
    const char *const again[] = { "init", "--dir", proc.dir, NULL };
    expect_error(again, 2, "safetalkd: ");
    assert_non_null(strstr(err, "is not empty [2 not_empty]"));
    static const char *const files[] = { "safetalkd.conf", "enrol.key",  "device.key",  "opaque.key",
                                         "auth.db",        "mailbox.db", "first-invite" };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct stat stat_r;
        path_in(path, sizeof path, &proc, files[i]);
        assert_int_equal(stat(path, &stat_r), 0);
        assert_int_equal(stat_r.st_mode & 0777, 0600);
    }
    struct stat dir;
    assert_int_equal(stat(proc.dir, &dir), 0);
    assert_int_equal(dir.st_mode & 0777, 0700);
    daemon_proc_start(&proc);
    snprintf(expected, sizeof expected,
             "safetalkd 1.0.0: gateway, auth, relay in one process\n"
             "  address       %s\n"
             "  invite        %s  (shown until the first account exists)\n"
             "  listening     0.0.0.0:%u (enrol), 0.0.0.0:%u (device)\n"
             "  registration  invite  (new code: safetalkd invite --dir %s)\n"
             "  durability    full: on disk before \"stored\"\n"
             "ready\n",
             proc.address, proc.invite, (unsigned)proc.port, (unsigned)proc.port + 1, proc.dir);
    assert_string_equal(proc.text, expected);
    assert_int_equal(daemon_proc_stop(&proc), 0);
    assert_null(strstr(proc.log, proc.invite)); /* no code in the log */
    daemon_proc_remove(&proc);
}

static void init__chooses_host_and_port(void **state)
{
    struct daemon_proc proc;
    char dir[512];
    (void)state;
    daemon_proc_make(&proc);
    snprintf(dir, sizeof dir, "%s/open", proc.root);
    const char *const args[] = { "init", "--dir=", NULL }; /* an empty name */
    expect_error(args, 2, "safetalkd: ");
    const char *const open[] = { "init", "--dir", dir, "--registration", "open", "--host", "chat.example.org", NULL };
    assert_int_equal(daemon_proc_run(open, out, err), 0);
    assert_non_null(strstr(out, "  address       safetalk://chat.example.org:7"));
    assert_non_null(strstr(out, "  registration  open\n"));
    assert_null(strstr(out, "  invite "));
    snprintf(dir, sizeof dir, "%s/plain", proc.root);
    const char *const plain[] = { "init", "--dir", dir, NULL };
    assert_int_equal(daemon_proc_run(plain, out, err), 0);
    assert_non_null(strstr(out, "Server created in "));
    assert_non_null(strstr(out, "  (10 accounts, until "));
    assert_null(strstr(out, "safetalk://0.0.0.0"));
    daemon_proc_remove(&proc);
}

static void init__on_a_full_disk_is_16_and_leaves_nothing(void **state)
{
    struct daemon_proc proc;
    char dir[512];
    struct rlimit old, none = { 0, 0 };
    (void)state;
    daemon_proc_make(&proc);
    snprintf(dir, sizeof dir, "%s/full", proc.root);
    const char *const args[] = { "init", "--dir", dir, NULL };
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN); /* inherited: writing fails with EFBIG, as ENOSPC would */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    int code = daemon_proc_run(args, out, err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    if (code != 16)
        fail_msg("exit %d: %s", code, err);
    assert_non_null(strstr(err, "[16 disk_full]"));
    assert_int_not_equal(access(dir, F_OK), 0);
    daemon_proc_remove(&proc);
}

static void invite__also_while_it_runs(void **state)
{
    struct daemon_proc proc;
    struct person first, second;
    char code[16];
    (void)state;
    daemon_proc_make(&proc);
    const char *const args[] = { "invite", "--dir", proc.dir, "--uses", "1", "--expires", "1h", NULL };
    assert_int_equal(daemon_proc_run(args, out, err), 0);
    daemon_proc_start(&proc);
    assert_int_equal(daemon_proc_run(args, out, err), 0);
    assert_non_null(strstr(out, proc.address));
    assert_non_null(strstr(out, "  (1 account, until "));
    snprintf(code, sizeof code, "%.14s", strstr(out, "invite        ") + 14);
    void *zmq = zmq_ctx_new();
    person_init(&first, zmq, &proc, "first", "first password");
    person_register(&first, code);
    person_init(&second, zmq, &proc, "second", "second password");
    assert_int_equal(person_register_refused(&second, code), ST_CODE_INVITE_USED);
    person_close(&first);
    person_close(&second);
    zmq_ctx_term(zmq);
    daemon_proc_remove(&proc);
}

/* ---- one server a folder ---- */

static void run__a_second_one_is_10_and_names_the_pid(void **state)
{
    struct daemon_proc proc;
    char pid[32];
    (void)state;
    daemon_proc_make(&proc);
    daemon_proc_start(&proc);
    const char *const args[] = { "run", "--dir", proc.dir, NULL };
    expect_error(args, 10, "safetalkd: ");
    snprintf(pid, sizeof pid, "pid %ld\n", (long)proc.pid);
    assert_non_null(strstr(err, pid));
    /* The parent is killed: the worker goes with it, and the folder is free. */
    pid_t worker = daemon_proc_worker(&proc);
    assert_int_equal(kill(proc.pid, SIGKILL), 0);
    assert_int_equal(daemon_proc_wait(&proc, 5000), 128 + SIGKILL);
    for (int i = 0; i < 200 && kill(worker, 0) == 0; i++)
        daemon_proc_sleep_ms(10);
    daemon_proc_start(&proc);
    daemon_proc_remove(&proc);
}

static void run__port_in_use_is_said(void **state)
{
    struct daemon_proc proc;
    char what[64];
    (void)state;
    daemon_proc_make(&proc);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(proc.port + 1)) };
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    const char *const args[] = { "run", "--dir", proc.dir, NULL };
    assert_int_equal(daemon_proc_run(args, out, err), 10);
    snprintf(what, sizeof what, "safetalkd: port %u is in use [10 port_in_use]\n", (unsigned)proc.port + 1);
    assert_non_null(strstr(err, what));
    assert_string_equal(out, ""); /* nothing that looks like a start */
    close(fd);
    daemon_proc_start(&proc);
    daemon_proc_remove(&proc);
}

static void run__foreign_or_newer_database_is_17_and_untouched(void **state)
{
    static const char *const files[] = { "auth.db", "mailbox.db", "enrol.key", "opaque.key" };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct daemon_proc proc;
        char path[512], text[64] = "";
        daemon_proc_make(&proc);
        path_in(path, sizeof path, &proc, files[i]);
        FILE *file = fopen(path, "w");
        fputs("this is somebody's diary", file);
        fclose(file);
        const char *const args[] = { "run", "--dir", proc.dir, NULL };
        int code = daemon_proc_run(args, out, err);
        if (code != 17)
            fail_msg("%s: exit %d: %s", files[i], code, err);
        assert_non_null(strstr(err, "[17 foreign_db]"));
        file = fopen(path, "r");
        assert_non_null(fgets(text, sizeof text, file));
        fclose(file);
        assert_string_equal(text, "this is somebody's diary");
        daemon_proc_remove(&proc);
    }
}

static void run__missing_or_open_secrets_are_said(void **state)
{
    struct daemon_proc proc;
    char path[512];
    (void)state;
    daemon_proc_make(&proc);
    const char *const args[] = { "run", "--dir", proc.dir, NULL };
    path_in(path, sizeof path, &proc, "device.key");
    assert_int_equal(chmod(path, 0644), 0);
    int code = daemon_proc_run(args, out, err);
    assert_int_equal(code, 16);
    assert_non_null(strstr(err, "device.key cannot be used"));
    assert_int_equal(unlink(path), 0);
    code = daemon_proc_run(args, out, err);
    assert_int_equal(code, 2);
    assert_non_null(strstr(err, "device.key is missing"));
    daemon_proc_remove(&proc);
}

static void run__bad_configuration_is_2_with_its_line(void **state)
{
    static const char *const lines[] = { "[server]\nprot = 1\n", "[limits]\nframes_per_s = many\n", "nonsense\n",
                                         "[limits]\nframes_per_s = 1\nframes_per_s = 2\n" };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct daemon_proc proc;
        daemon_proc_make(&proc);
        append_config(&proc, lines[i]);
        const char *const args[] = { "run", "--dir", proc.dir, NULL };
        expect_error(args, 2, "safetalkd: the configuration is wrong [2 bad_config]\n");
        assert_non_null(strstr(err, "safetalkd.conf:"));
        daemon_proc_remove(&proc);
    }
}

/* ---- what is done to it while it runs ---- */

static void hup__takes_a_good_file_and_keeps_the_old_one_else(void **state)
{
    struct daemon_proc proc;
    struct person person;
    (void)state;
    daemon_proc_make(&proc);
    daemon_proc_start(&proc);
    append_config(&proc, "[server]\nregistratoin = open\n");
    assert_int_equal(kill(proc.pid, SIGHUP), 0);
    assert_true(daemon_proc_logs(&proc, "event=configuration_kept", 5000));
    /* The last line is taken away again, registration becomes closed. */
    char path[512], text[PROC_TEXT_MAX];
    path_in(path, sizeof path, &proc, "safetalkd.conf");
    FILE *file = fopen(path, "r");
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    *strstr(text, "[server]\nregistratoin") = '\0';
    char *word = strstr(text, "registration = invite");
    memcpy(word, "registration = closed", strlen("registration = closed"));
    assert_int_equal(st_file_write(path, st_view_text(text), 0600), ST_OK);
    assert_int_equal(kill(proc.pid, SIGHUP), 0);
    assert_true(daemon_proc_logs(&proc, "event=configuration_read", 5000));
    void *zmq = zmq_ctx_new();
    person_init(&person, zmq, &proc, "late", "late password");
    enum st_code code = ST_CODE_INVITE_REQUIRED;
    for (int i = 0; i < 20 && code != ST_CODE_REGISTRATION_CLOSED; i++) {
        code = person_register_refused(&person, NULL);
        daemon_proc_sleep_ms(50);
    }
    assert_int_equal(code, ST_CODE_REGISTRATION_CLOSED);
    person_close(&person);
    zmq_ctx_term(zmq);
    daemon_proc_remove(&proc);
}

static void kill__of_the_worker_is_mended_within_a_second(void **state)
{
    struct daemon_proc proc;
    (void)state;
    daemon_proc_make(&proc);
    daemon_proc_start(&proc);
    for (int round = 0; round < 3; round++) {
        pid_t worker = daemon_proc_worker(&proc), next = 0;
        assert_int_equal(kill(worker, SIGKILL), 0);
        int64_t start_ms = daemon_proc_now_ms();
        while ((next = daemon_proc_worker(&proc)) == 0 || next == worker)
            daemon_proc_sleep_ms(5);
        assert_true(daemon_proc_now_ms() - start_ms < 1000);
    }
    assert_true(daemon_proc_logs(&proc, "event=worker_died", 1000));
    assert_ptr_equal(strstr(proc.text, "ready"), proc.text + strlen(proc.text) - 6); /* shown once */
    assert_int_equal(daemon_proc_stop(&proc), 0);
    daemon_proc_remove(&proc);
}

static void term__a_second_one_ends_at_once(void **state)
{
    struct daemon_proc proc;
    (void)state;
    daemon_proc_make(&proc);
    daemon_proc_start(&proc);
    pid_t worker = daemon_proc_worker(&proc);
    assert_int_equal(kill(worker, SIGSTOP), 0); /* it cannot drain */
    assert_int_equal(kill(proc.pid, SIGTERM), 0);
    daemon_proc_sleep_ms(700);
    assert_int_equal(kill(proc.pid, SIGTERM), 0);
    assert_int_equal(daemon_proc_wait(&proc, 2000), 143);
    daemon_proc_start(&proc);
    assert_int_equal(kill(proc.pid, SIGINT), 0);
    assert_int_equal(daemon_proc_wait(&proc, 5000), 0);
    daemon_proc_remove(&proc);
}

static void memory__beyond_the_bound_ends_the_worker_not_the_host(void **state)
{
    struct daemon_proc proc;
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* the bound would count the sanitizer's own memory */
#endif
    daemon_proc_make(&proc);
    append_config(&proc, "[server]\nmemory = 8M\n"); /* not enough for its threads */
    daemon_proc_spawn(&proc);
    int code = daemon_proc_wait(&proc, 30000);
    assert_int_not_equal(code, 0);
    assert_int_not_equal(code, -1);
    daemon_proc_remove(&proc);
}

static void listen__on_ipv6_takes_both(void **state)
{
    struct daemon_proc proc;
    struct person person;
    (void)state;
    daemon_proc_make(&proc);
    append_config(&proc, "[server]\nlisten = ::\n");
    daemon_proc_start(&proc);
    char line[64];
    snprintf(line, sizeof line, "  listening     [::]:%u (enrol), [::]:%u (device)\n", (unsigned)proc.port,
             (unsigned)proc.port + 1);
    assert_non_null(strstr(proc.text, line));
    void *zmq = zmq_ctx_new();
    person_init(&person, zmq, &proc, "sixer", "six six six six");
    person_register(&person, proc.invite); /* over IPv4 */
    struct st_msg_welcome welcome;
    person_hello(&person, &welcome);
    struct sockaddr_in6 address = { .sin6_family = AF_INET6,
                                    .sin6_port = htons(proc.port),
                                    .sin6_addr = in6addr_loopback };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    person_close(&person);
    zmq_ctx_term(zmq);
    daemon_proc_remove(&proc);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help__and_version),
        cmocka_unit_test(usage__errors_are_2_with_three_lines),
        cmocka_unit_test(init__says_and_leaves_what_the_docs_say),
        cmocka_unit_test(init__chooses_host_and_port),
        cmocka_unit_test(init__on_a_full_disk_is_16_and_leaves_nothing),
        cmocka_unit_test(invite__also_while_it_runs),
        cmocka_unit_test(run__a_second_one_is_10_and_names_the_pid),
        cmocka_unit_test(run__port_in_use_is_said),
        cmocka_unit_test(run__foreign_or_newer_database_is_17_and_untouched),
        cmocka_unit_test(run__missing_or_open_secrets_are_said),
        cmocka_unit_test(run__bad_configuration_is_2_with_its_line),
        cmocka_unit_test(hup__takes_a_good_file_and_keeps_the_old_one_else),
        cmocka_unit_test(kill__of_the_worker_is_mended_within_a_second),
        cmocka_unit_test(term__a_second_one_ends_at_once),
        cmocka_unit_test(memory__beyond_the_bound_ends_the_worker_not_the_host),
        cmocka_unit_test(listen__on_ipv6_takes_both),
    };
    if (argc != 2 || sodium_init() < 0)
        return 2;
    daemon_proc_program(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
