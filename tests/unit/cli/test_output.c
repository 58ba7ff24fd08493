#include "tests/unit/cli/cli_test.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "client/cli/output.h"
#include "client/cli/pager.h"

/* Where an output writes to in a test: two files without names. */
struct sink {
    struct output output;
    FILE *out, *err;
    char out_text[65536], err_text[65536];
};

static int64_t clock_ms;

static int64_t now(void *ctx)
{
    (void)ctx;
    return clock_ms;
}

static const struct st_env ENV = { NULL, now, now, NULL };

static void begin(struct sink *sink, enum output_form form, const struct terminal *terminal, const char *pager)
{
    struct output_options options;
    memset(sink, 0, sizeof *sink);
    memset(&options, 0, sizeof options);
    sink->out = tmpfile();
    sink->err = tmpfile();
    assert_non_null(sink->out);
    assert_non_null(sink->err);
    options.form = form;
    options.pager = pager;
    options.out_fd = fileno(sink->out);
    options.err_fd = fileno(sink->err);
    options.env = &ENV;
    if (terminal != NULL)
        options.terminal = *terminal;
    assert_int_equal(output_init(&sink->output, &options), ST_OK);
}

static void slurp(FILE *file, char *text, size_t cap)
{
    rewind(file);
    text[fread(text, 1, cap - 1, file)] = '\0';
}

static void look(struct sink *sink)
{
    slurp(sink->out, sink->out_text, sizeof sink->out_text);
    slurp(sink->err, sink->err_text, sizeof sink->err_text);
}

static enum exit_code end(struct sink *sink)
{
    enum exit_code code = output_end(&sink->output);
    look(sink);
    fclose(sink->out);
    fclose(sink->err);
    return code;
}

static struct record chat(const char *name)
{
    struct record record;
    record_init(&record, RECORD_CHAT);
    record.as.chat.chat = name;
    record.as.chat.unread = 0;
    return record;
}

static void output__human__lists_wait_for_alignment_other_lines_do_not(void **state)
{
    (void)state;
    static struct sink sink;
    begin(&sink, OUTPUT_HUMAN, NULL, NULL);
    struct record a = chat("@a");
    struct record sent;
    record_init(&sent, RECORD_SENT);
    sent.as.sent.id = "9f3c21aa";
    sent.as.sent.to = "@bob";
    sent.as.sent.state = "stored";
    assert_int_equal(output_record(&sink.output, &sent), ST_OK);
    look(&sink);
    assert_string_equal(sink.out_text, "stored  9f3c21aa  @bob\n");
    assert_int_equal(output_record(&sink.output, &a), ST_OK);
    look(&sink);
    assert_string_equal(sink.out_text, "stored  9f3c21aa  @bob\n");
    assert_int_equal(output_flush(&sink.output), ST_OK);
    look(&sink);
    assert_string_equal(sink.out_text, "stored  9f3c21aa  @bob\n@a\n");
    assert_int_equal(end(&sink), EXIT_CODE_DONE);
}

static void output__json__results_and_the_rest_do_not_mix(void **state)
{
    (void)state;
    static struct sink sink;
    struct cli_error error;
    begin(&sink, OUTPUT_JSON, NULL, NULL);
    struct record a = chat("@a");
    assert_int_equal(output_record(&sink.output, &a), ST_OK);
    output_notice(&sink.output, "new_device", "@a", "@a has a new device");
    output_hint(&sink.output, "Next: x");
    CLI_ERROR(&error, CLI_NO_SUCH_USER, "@bbo", "", "bbo");
    output_error(&sink.output, &error);
    assert_int_equal(end(&sink), EXIT_CODE_DONE);
    assert_string_equal(sink.out_text, "{\"v\":1,\"type\":\"chat\",\"chat\":\"@a\",\"unread\":0,\"history\":false}\n");
    assert_non_null(strstr(sink.err_text, "{\"v\":1,\"type\":\"notice\",\"chat\":\"@a\",\"kind\":\"new_device\""));
    assert_non_null(strstr(sink.err_text,
                           "{\"v\":1,\"type\":\"error\",\"code\":7,\"reason\":\"no_such_user\","
                           "\"message\":\"no user @bbo\",\"why\":\"unknown or not discoverable\",\"next\":"
                           "\"safetalk contact lookup bbo\"}\n"));
    assert_null(strstr(sink.err_text, "Next: x"));
}

static void output__quiet__silences_notices_and_hints_not_errors(void **state)
{
    (void)state;
    static struct sink sink;
    struct cli_error error;
    begin(&sink, OUTPUT_HUMAN, NULL, NULL);
    sink.output.options.quiet = true;
    output_notice(&sink.output, "x", NULL, "a notice");
    output_hint(&sink.output, "Next: x");
    CLI_ERROR(&error, CLI_NO_RECIPIENT, "");
    output_error(&sink.output, &error);
    cli_error_clear(&error);
    output_error(&sink.output, &error);
    assert_int_equal(end(&sink), EXIT_CODE_DONE);
    assert_string_equal(sink.err_text, "safetalk: no recipient [2 no_recipient]\n"
                                       "  Why:  no TO; `#` begins a shell comment\n"
                                       "  Next: safetalk send '#team' -m TEXT\n");
}

static void output__broken_pipe__is_noticed(void **state)
{
    (void)state;
    static struct sink sink;
    int ends[2];
    begin(&sink, OUTPUT_JSON, NULL, NULL);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    sink.output.options.out_fd = ends[1];
    struct record a = chat("@a");
    assert_int_equal(output_record(&sink.output, &a), ST_EIO);
    assert_int_equal(output_record(&sink.output, &a), ST_EIO);
    assert_int_equal(end(&sink), EXIT_CODE_BROKEN_PIPE);
    close(ends[1]);
}

static void output__full_disk__is_noticed(void **state)
{
    (void)state;
    static struct sink sink;
    int full = open("/dev/full", O_WRONLY);
    if (full < 0)
        skip();
    begin(&sink, OUTPUT_JSON, NULL, NULL);
    sink.output.options.out_fd = full;
    struct record a = chat("@a");
    assert_int_equal(output_record(&sink.output, &a), ST_EFULL);
    assert_int_equal(end(&sink), EXIT_CODE_DISK);
    close(full);
}

static void output__page__only_what_is_more_than_a_screen(void **state)
{
    (void)state;
    static struct sink sink;
    struct terminal terminal;
    char shown[64] = P_tmpdir "/pager-test-XXXXXX";
    char pager[128];
    char text[4096];
    int fd = mkstemp(shown);
    assert_true(fd >= 0);
    (void)snprintf(pager, sizeof pager, "{ echo $LESSSECURE$LESSHISTFILE; cat; } >%s", shown);
    memset(&terminal, 0, sizeof terminal);
    terminal.out_is_terminal = true;
    terminal.rows = 10;
    terminal.width = 80;
    for (int lines = 9; lines <= 10; lines++) {
        begin(&sink, OUTPUT_HUMAN, &terminal, pager);
        output_page(&sink.output);
        for (int i = 0; i < lines; i++)
            assert_int_equal(output_text(&sink.output, st_view_text("a line\n")), ST_OK);
        look(&sink);
        assert_string_equal(sink.out_text, "");
        assert_int_equal(end(&sink), EXIT_CODE_DONE);
        ssize_t len = pread(fd, text, sizeof text - 1, 0);
        assert_int_equal(len, lines == 9 ? 0 : 3 + 70);
        assert_int_equal(strlen(sink.out_text), lines == 9 ? 63 : 0);
    }
    assert_memory_equal(text, "1-\na line\n", 10);
    close(fd);
    unlink(shown);
}

static void output__page__a_pager_that_leaves_early_is_no_error(void **state)
{
    (void)state;
    static struct sink sink;
    struct terminal terminal;
    memset(&terminal, 0, sizeof terminal);
    terminal.out_is_terminal = true;
    terminal.rows = 10;
    begin(&sink, OUTPUT_HUMAN, &terminal, "true");
    output_page(&sink.output);
    static char line[10001];
    memset(line, 'x', sizeof line - 2);
    line[sizeof line - 2] = '\n';
    for (int i = 0; i < 100; i++)
        assert_int_equal(output_text(&sink.output, st_view_text(line)), ST_OK);
    assert_int_equal(end(&sink), EXIT_CODE_DONE);
    assert_string_equal(sink.out_text, "");
}

static const char *variable(void *ctx, const char *name)
{
    const char *const *pairs = ctx;
    for (; pairs[0] != NULL; pairs += 2)
        if (strcmp(pairs[0], name) == 0)
            return pairs[1];
    return NULL;
}

static void pager__command__which(void **state)
{
    (void)state;
    const char *none[] = { NULL };
    const char *pager[] = { "PAGER", "more", NULL };
    const char *both[] = { "PAGER", "more", "SAFETALK_PAGER", "most -s", NULL };
    const char *off[] = { "PAGER", "more", "SAFETALK_PAGER", "", NULL };
    const char *cat[] = { "PAGER", "cat", NULL };
    assert_string_equal(pager_command(variable, none), "less -FRX");
    assert_string_equal(pager_command(variable, pager), "more");
    assert_string_equal(pager_command(variable, both), "most -s");
    assert_null(pager_command(variable, off));
    assert_null(pager_command(variable, cat));
}

static void output__progress__on_a_terminal_after_half_a_second_and_erased(void **state)
{
    (void)state;
    static struct sink sink;
    struct terminal terminal;
    memset(&terminal, 0, sizeof terminal);
    terminal.err_is_terminal = true;
    clock_ms = 1000;
    begin(&sink, OUTPUT_HUMAN, &terminal, NULL);
    output_progress(&sink.output, "9f3c21aa.1", 0, 2000000);
    clock_ms += 499;
    output_progress(&sink.output, "9f3c21aa.1", 500000, 2000000);
    look(&sink);
    assert_string_equal(sink.err_text, "");
    clock_ms += 1;
    output_progress(&sink.output, "9f3c21aa.1", 1000000, 2000000);
    look(&sink);
    assert_string_equal(sink.err_text, "\r9f3c21aa.1   50 %  1.0 MB of 2.0 MB");
    clock_ms += 10;
    output_progress(&sink.output, "9f3c21aa.1", 1500000, 2000000);
    look(&sink);
    assert_string_equal(sink.err_text, "\r9f3c21aa.1   50 %  1.0 MB of 2.0 MB");
    output_progress_end(&sink.output);
    look(&sink);
    assert_int_equal(sink.err_text[strlen(sink.err_text) - 1], '\r');
    assert_int_equal(end(&sink), EXIT_CODE_DONE);
    begin(&sink, OUTPUT_HUMAN, NULL, NULL);
    output_progress(&sink.output, "9f3c21aa.1", 0, 2);
    clock_ms += 5000;
    output_progress(&sink.output, "9f3c21aa.1", 1, 2);
    assert_int_equal(end(&sink), EXIT_CODE_DONE);
    assert_string_equal(sink.err_text, "");
    begin(&sink, OUTPUT_JSON, NULL, NULL);
    sink.output.options.verbose = true;
    output_progress(&sink.output, "9f3c21aa.1", 0, 2);
    clock_ms += 5000;
    output_progress(&sink.output, "9f3c21aa.1", 1, 2);
    assert_int_equal(end(&sink), EXIT_CODE_DONE);
    assert_string_equal(sink.err_text,
                        "{\"v\":1,\"type\":\"progress\",\"id\":\"9f3c21aa.1\",\"done_bytes\":1,\"total_bytes\":2}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output__human__lists_wait_for_alignment_other_lines_do_not),
        cmocka_unit_test(output__json__results_and_the_rest_do_not_mix),
        cmocka_unit_test(output__quiet__silences_notices_and_hints_not_errors),
        cmocka_unit_test(output__broken_pipe__is_noticed),
        cmocka_unit_test(output__full_disk__is_noticed),
        cmocka_unit_test(output__page__only_what_is_more_than_a_screen),
        cmocka_unit_test(output__page__a_pager_that_leaves_early_is_no_error),
        cmocka_unit_test(pager__command__which),
        cmocka_unit_test(output__progress__on_a_terminal_after_half_a_second_and_erased),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
