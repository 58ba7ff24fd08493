#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/st_log.h"

/* The last line that came, and how many. */
struct catcher {
    char line[4096];
    size_t len;
    int count;
};

static void catch_line(void *ctx, const char *line, size_t len)
{
    struct catcher *catcher = ctx;
    assert_in_range(len, 1, ST_LOG_LINE_MAX);
    memcpy(catcher->line, line, len);
    catcher->line[len] = '\0';
    catcher->len = len;
    catcher->count++;
    errno = EDOM; /* whatever a sink does, the caller's errno stays */
}

static int64_t fixed_wall_ms(void *ctx)
{
    (void)ctx;
    return INT64_C(1795615267250);
}

static struct st_log *open_caught(struct catcher *catcher, enum st_log_level level)
{
    const struct st_env env = { NULL, fixed_wall_ms, fixed_wall_ms, NULL };
    struct st_log_options options = {
        .program = "tester", .level = level, .env = &env, .sink = catch_line, .sink_ctx = catcher
    };
    struct st_log *log;
    memset(catcher, 0, sizeof *catcher);
    assert_int_equal(st_log_open(&log, &options), ST_OK);
    return log;
}

#define HEAD "time=2026-11-25T14:01:07.250Z level=info prog=tester event="

static void log__write__one_line_stable_keys(void **state)
{
    (void)state;
    struct catcher catcher;
    struct st_log *log = open_caught(&catcher, ST_LOG_INFO);
    const uint8_t acct[4] = { 0x9f, 0x3c, 0x21, 0xaa };
    ST_LOG(log, ST_LOG_INFO, "attached", st_log_id("acct", acct, 4), st_log_int("port", -7420),
           st_log_uint("count", UINT64_MAX), st_log_text("path", "/var/lib/x"), st_log_text("none", NULL),
           st_log_address("from", "203.0.113.7"), st_log_err("why", ST_EFULL), st_log_text("empty", ""));
    assert_string_equal(catcher.line,
                        HEAD "attached acct=9f3c21aa port=-7420 count=18446744073709551615 path=/var/lib/x none=- "
                             "from=203.0.113.0/24 why=\"disk full or not writable\" empty=\"\"\n");
    st_log_event(log, ST_LOG_INFO, "started");
    assert_string_equal(catcher.line, HEAD "started\n");
    st_log_close(&log);
    assert_null(log);
    st_log_close(&log);
}

static void log__write__hostile_text_stays_in_its_value(void **state)
{
    (void)state;
    struct catcher catcher;
    struct st_log *log = open_caught(&catcher, ST_LOG_INFO);
    ST_LOG(log, ST_LOG_INFO, "refused", st_log_text("name", "x level=error\n2026 event=\"root\" \x1b[2J\xe2\x80\xae"));
    assert_string_equal(catcher.line, HEAD "refused name=\"x level=error\\n2026 event=\\\"root\\\" "
                                           "\\x1b[2J\\xe2\\x80\\xae\"\n");
    /* Every byte alone: no quote, space, control or high byte comes through bare. */
    for (int byte = 0; byte < 256; byte++) {
        uint8_t in = (uint8_t)byte;
        ST_LOG(log, ST_LOG_INFO, "b", st_log_bytes("v", st_view(&in, 1)), st_log_int("end", 1));
        assert_int_equal(strncmp(catcher.line, HEAD "b v=", strlen(HEAD "b v=")), 0);
        assert_string_equal(catcher.line + catcher.len - 7, " end=1\n");
        for (size_t i = 0; i + 1 < catcher.len; i++)
            assert_in_range(catcher.line[i], 0x20, 0x7e);
        size_t value_len = catcher.len - strlen(HEAD "b v=") - 7;
        assert_true(value_len == 1 ? byte != ' ' && byte != '"' && byte != '=' && byte != '\\' : value_len >= 3);
    }
    st_log_close(&log);
}

static void log__write__never_longer_than_a_line(void **state)
{
    (void)state;
    struct catcher catcher;
    struct st_log *log = open_caught(&catcher, ST_LOG_INFO);
    char big[5000];
    memset(big, 'a', sizeof big);
    ST_LOG(log, ST_LOG_INFO, "big", st_log_bytes("v", st_view(big, sizeof big)), st_log_int("end", 1));
    assert_non_null(strstr(catcher.line, "aaa...\" end=1\n"));
    for (size_t len = 400; len < 520; len++) {
        struct st_log_field fields[9];
        for (int i = 0; i < 8; i++)
            fields[i] = st_log_bytes("v", st_view(big, len));
        fields[8] = st_log_int("late", 1); /* nothing comes after what was left out */
        st_log_write(log, ST_LOG_INFO, "many", fields, 9);
        assert_in_range(catcher.len, ST_LOG_LINE_MAX - 600, ST_LOG_LINE_MAX);
        assert_string_equal(catcher.line + catcher.len - 9, " cut=yes\n");
        assert_null(strstr(catcher.line, "late="));
        assert_int_equal(strcspn(catcher.line, "\n"), catcher.len - 1);
    }
    st_log_close(&log);
}

static void log__say__printf_and_errno(void **state)
{
    (void)state;
    struct catcher catcher;
    struct st_log *log = open_caught(&catcher, ST_LOG_INFO);
    errno = ENOSPC;
    st_log_say(log, ST_LOG_INFO, "note", "%d of \"%s\"", 3, "a\nb");
    assert_int_equal(errno, ENOSPC);
    assert_string_equal(catcher.line, HEAD "note msg=\"3 of \\\"a\\nb\\\"\"\n");
    st_log_errno(log, ST_LOG_INFO, "write_failed", "cannot write %s", "store.db");
    assert_int_equal(errno, ENOSPC);
    assert_string_equal(catcher.line, HEAD "write_failed msg=\"cannot write store.db\" errno=28 "
                                           "error=\"No space left on device\"\n");
    ST_LOG(log, ST_LOG_INFO, "x", st_log_int("n", 1));
    assert_int_equal(errno, ENOSPC);
    st_log_close(&log);
}

static void log__level__decides(void **state)
{
    (void)state;
    struct catcher catcher;
    struct st_log *log = open_caught(&catcher, ST_LOG_WARN);
    st_log_event(log, ST_LOG_ERROR, "a");
    st_log_event(log, ST_LOG_WARN, "b");
    st_log_event(log, ST_LOG_INFO, "c");
    st_log_event(log, ST_LOG_DEBUG, "d");
    st_log_say(log, ST_LOG_INFO, "e", "x");
    st_log_errno(log, ST_LOG_INFO, "f", "x");
    assert_int_equal(catcher.count, 2);
    assert_false(st_log_wants(log, ST_LOG_INFO));
    st_log_set_level(log, ST_LOG_DEBUG);
    st_log_event(log, ST_LOG_DEBUG, "g");
    assert_int_equal(catcher.count, 3);
    assert_non_null(strstr(catcher.line, "level=debug"));
    st_log_close(&log);
}

static void log__null__is_silent(void **state)
{
    (void)state;
    ST_LOG((struct st_log *)NULL, ST_LOG_ERROR, "x", st_log_int("n", 1));
    st_log_event(NULL, ST_LOG_ERROR, "x");
    st_log_say(NULL, ST_LOG_ERROR, "x", "%d", 1);
    st_log_errno(NULL, ST_LOG_ERROR, "x", "%d", 1);
    st_log_set_level(NULL, ST_LOG_DEBUG);
    assert_false(st_log_wants(NULL, ST_LOG_ERROR));
    assert_int_equal(st_log_reopen(NULL), ST_OK);
}

static void log__cut_address__names_no_household(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        { "203.0.113.7", "203.0.113.0/24" },
        { "::ffff:203.0.113.7", "203.0.113.0/24" },
        { "2001:db8:1:2ff::9", "2001:db8:1:200::/56" },
        { "::1", "::/56" },
        { "203.0.113.7:7420", "-" },
        { "tcp://203.0.113.7", "-" },
        { "", "-" },
        { "fe80::1%eth0", "-" },
        { "x\n", "-" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char out[ST_LOG_ADDRESS_SIZE];
        st_log_cut_address(out, pairs[i][0]);
        assert_string_equal(out, pairs[i][1]);
    }
}

static size_t read_whole(const char *path, char *out, size_t cap)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(out, 1, cap - 1, file);
    fclose(file);
    out[len] = '\0';
    return len;
}

static void log__file__private_and_reopened(void **state)
{
    (void)state;
    char folder[] = "/tmp/st-log-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64], moved[64], text[4096];
    snprintf(path, sizeof path, "%s/x.log", folder);
    snprintf(moved, sizeof moved, "%s/x.log.1", folder);
    struct st_log_options options = { .program = "tester", .level = ST_LOG_INFO, .path = path };
    struct st_log *log;
    assert_int_equal(st_log_open(&log, &options), ST_OK);
    st_log_event(log, ST_LOG_INFO, "one");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(rename(path, moved), 0);
    st_log_event(log, ST_LOG_INFO, "two");
    assert_int_equal(st_log_reopen(log), ST_OK);
    st_log_event(log, ST_LOG_INFO, "three");
    read_whole(moved, text, sizeof text);
    assert_non_null(strstr(text, "event=one\n"));
    assert_non_null(strstr(text, "event=two\n"));
    read_whole(path, text, sizeof text);
    assert_null(strstr(text, "event=two"));
    assert_non_null(strstr(text, "event=three\n"));
    /* Two logs on one file do not write over each other. */
    struct st_log *other;
    assert_int_equal(st_log_open(&other, &options), ST_OK);
    st_log_event(other, ST_LOG_INFO, "other");
    st_log_event(log, ST_LOG_INFO, "again");
    st_log_close(&other);
    read_whole(path, text, sizeof text);
    assert_non_null(strstr(text, "event=three\n"));
    assert_non_null(strstr(text, "event=other\n"));
    assert_non_null(strstr(text, "event=again\n"));
    /* A reopen that fails leaves the old file in use. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(moved, path), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(st_log_reopen(log), ST_ENOTFOUND);
    st_log_event(log, ST_LOG_INFO, "four");
    st_log_close(&log);
    assert_int_equal(st_log_open(&log, &options), ST_ENOTFOUND);
    assert_null(log);
}

enum { THREADS = 4, LINES = 500 };

static void *write_lines(void *ctx)
{
    char value[300];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < LINES; i++)
        ST_LOG((struct st_log *)ctx, ST_LOG_INFO, "line", st_log_text("v", value), st_log_int("end", 1));
    return NULL;
}

static void log__threads__lines_do_not_mix(void **state)
{
    (void)state;
    char path[] = "/tmp/st-log-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct st_log_options options = { .program = "tester", .level = ST_LOG_INFO, .path = path };
    struct st_log *log;
    assert_int_equal(st_log_open(&log, &options), ST_OK);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, log), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    st_log_close(&log);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[ST_LOG_LINE_MAX + 2];
    int count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        assert_int_equal(strncmp(line, "time=", 5), 0);
        assert_string_equal(line + strlen(line) - 8, "v end=1\n");
        count++;
    }
    fclose(file);
    unlink(path);
    assert_int_equal(count, THREADS * LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log__write__one_line_stable_keys),
        cmocka_unit_test(log__write__hostile_text_stays_in_its_value),
        cmocka_unit_test(log__write__never_longer_than_a_line),
        cmocka_unit_test(log__say__printf_and_errno),
        cmocka_unit_test(log__level__decides),
        cmocka_unit_test(log__null__is_silent),
        cmocka_unit_test(log__cut_address__names_no_household),
        cmocka_unit_test(log__file__private_and_reopened),
        cmocka_unit_test(log__threads__lines_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
