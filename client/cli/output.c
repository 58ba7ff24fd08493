#include "client/cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "client/cli/encode.h"
#include "client/cli/pager.h"
#include "client/cli/sanitize.h"
#include "lib/st_file.h"

enum {
    OUT_MAX = 256 * 1024 * 1024, /* bytes that wait for a pager at most */
    ERR_MAX = 1024 * 1024,
    PROGRESS_AFTER_MS = 500,
    PROGRESS_EVERY_MS = 500
};

static struct human human_of(struct st_buf *out, struct layout_table *table, const struct output_options *options,
                             bool is_err)
{
    const struct terminal *terminal = &options->terminal;
    struct human human;
    memset(&human, 0, sizeof human);
    human.out = out;
    human.table = table;
    human.ascii = is_err ? terminal->err_ascii : terminal->ascii;
    human.color = is_err ? terminal->err_color : terminal->out_color;
    human.width = !is_err && terminal->out_is_terminal ? terminal->width : 0;
    human.now_ms = st_env_wall_ms(options->env);
    return human;
}

enum st_err output_init(struct output *output, const struct output_options *options)
{
    memset(output, 0, sizeof *output);
    output->options = *options;
    st_buf_init(&output->out, OUT_MAX);
    st_buf_init(&output->err, ERR_MAX);
    output->table = layout_table_new();
    output->err_table = layout_table_new();
    if (output->table == NULL || output->err_table == NULL) {
        layout_table_free(&output->table);
        layout_table_free(&output->err_table);
        return ST_ENOMEM;
    }
    output->human = human_of(&output->out, output->table, options, false);
    output->err_human = human_of(&output->err, output->err_table, options, true);
    return ST_OK;
}

void output_page(struct output *output)
{
    bool wanted = output->options.form == OUTPUT_HUMAN && output->options.pager != NULL;
    output->paged = wanted && output->options.terminal.out_is_terminal;
}

void output_show_days(struct output *output)
{
    output->human.days = true;
}

/* Writes all. ST_OK, or what the errno means. */
static enum st_err write_all(int fd, struct st_view text, bool *broken)
{
    while (text.len > 0) {
        ssize_t done = write(fd, text.p, text.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            *broken = errno == EPIPE;
            return *broken ? ST_EIO : st_file_err(errno);
        }
        text = st_view(text.p + done, text.len - (size_t)done);
    }
    return ST_OK;
}

/* Writes what waits for stdout, unless a pager is to have it. */
static enum st_err drain(struct output *output)
{
    if (output->failed == ST_OK)
        output->failed = st_buf_error(&output->out);
    if (output->failed == ST_OK && !output->paged && output->out.len > 0)
        output->failed = write_all(output->options.out_fd, st_buf_view(&output->out), &output->broken);
    if (!output->paged)
        st_buf_clear(&output->out);
    return output->failed;
}

/* Stderr is written at once and never fails: there is nobody left to tell. */
static void drain_err(struct output *output)
{
    bool broken;
    enum st_err err = write_all(output->options.err_fd, st_buf_view(&output->err), &broken);
    st_buf_clear(&output->err);
    if (err != ST_OK)
        errno = 0;
}

enum st_err output_flush(struct output *output)
{
    human_flush(&output->human);
    return drain(output);
}

static void encode(struct output *output, struct st_buf *to, const struct record *record)
{
    if (output->options.form == OUTPUT_JSON)
        encode_json(to, record);
    else
        encode_plain(to, record);
    (void)st_buf_append(to, "\n", 1);
}

enum st_err output_record(struct output *output, const struct record *record)
{
    if (record_type(record->kind)->to_stderr) {
        if (record->kind == RECORD_NOTICE && (output->options.quiet || output->broken))
            return output->failed;
        output_progress_end(output);
        /* Lines of ours and theirs must come in their order where both go to one screen. */
        enum st_err err = output_flush(output);
        if (output->options.form == OUTPUT_JSON)
            encode(output, &output->err, record);
        else if (record->kind == RECORD_ERROR)
            human_error(&output->err_human, &record->as.error);
        else
            human_record(&output->err_human, record);
        drain_err(output);
        return err;
    }
    output_progress_end(output);
    if (output->options.form == OUTPUT_HUMAN)
        human_record(&output->human, record);
    else
        encode(output, &output->out, record);
    return drain(output);
}

enum st_err output_text(struct output *output, struct st_view text)
{
    (void)st_buf_append(&output->out, text.p, text.len);
    return drain(output);
}

void output_err_text(struct output *output, struct st_view text)
{
    (void)st_buf_append(&output->err, text.p, text.len);
    drain_err(output);
}

void output_error(struct output *output, const struct cli_error *error)
{
    struct record record;
    if (error->id == CLI_OK)
        return;
    record_init(&record, RECORD_ERROR);
    record.as.error.code = error->code;
    record.as.error.reason = error->reason;
    record.as.error.message = error->what;
    record.as.error.why = error->why;
    record.as.error.next = error->next;
    if (error->retry_after_s >= 0)
        record.as.error.retry_after_s = error->retry_after_s;
    if (error->message_id[0] != '\0')
        record.as.error.id = error->message_id;
    enum st_err err = output_record(output, &record);
    if (err != ST_OK)
        output->failed = err; /* shown by output_end */
}

void output_notice(struct output *output, const char *kind, const char *chat, const char *text)
{
    struct record record;
    record_init(&record, RECORD_NOTICE);
    record.as.notice.kind = kind;
    record.as.notice.chat = chat;
    record.as.notice.text = text;
    record.as.notice.at = st_env_wall_ms(output->options.env);
    enum st_err err = output_record(output, &record);
    if (err != ST_OK)
        output->failed = err;
}

void output_hint(struct output *output, const char *text)
{
    if (output->options.form != OUTPUT_HUMAN || output->options.quiet)
        return;
    if (output_flush(output) != ST_OK)
        return;
    sanitize_append(&output->err, st_view_text(text), SANITIZE_LINE, output->err_human.ascii);
    (void)st_buf_append(&output->err, "\n", 1);
    drain_err(output);
}

static bool is_due(struct output *output)
{
    int64_t now_ms = st_env_mono_ms(output->options.env);
    if (output->progress_since_ms == 0)
        output->progress_since_ms = now_ms;
    if (now_ms - output->progress_since_ms < PROGRESS_AFTER_MS)
        return false;
    if (output->progress_last_ms != 0 && now_ms - output->progress_last_ms < PROGRESS_EVERY_MS)
        return false;
    output->progress_last_ms = now_ms;
    return true;
}

static void progress_line(struct output *output, const char *id, int64_t done_bytes, int64_t total_bytes)
{
    char shown[HUMAN_ID_TEXT];
    char done[HUMAN_BYTES_TEXT];
    char total[HUMAN_BYTES_TEXT];
    char line[160];
    human_id(shown, id);
    human_bytes(done, done_bytes);
    human_bytes(total, total_bytes);
    int64_t percent = total_bytes > 0 ? done_bytes * 100 / total_bytes : 0;
    int len = snprintf(line, sizeof line, "\r%s  %3" PRId64 " %%  %s of %s", shown, percent, done, total);
    size_t columns = (size_t)len - 1;
    (void)st_buf_append(&output->err, line, (size_t)len);
    for (size_t i = columns; i < output->progress_columns; i++)
        (void)st_buf_append(&output->err, " ", 1);
    output->progress_columns = columns > output->progress_columns ? columns : output->progress_columns;
    drain_err(output);
}

void output_progress(struct output *output, const char *id, int64_t done_bytes, int64_t total_bytes)
{
    bool as_record = output->options.form == OUTPUT_JSON && output->options.verbose;
    bool as_line = output->options.form != OUTPUT_JSON && output->options.terminal.err_is_terminal;
    if ((!as_record && !as_line) || !is_due(output))
        return;
    if (as_line) {
        progress_line(output, id, done_bytes, total_bytes);
        return;
    }
    struct record record;
    record_init(&record, RECORD_PROGRESS);
    record.as.progress.id = id;
    record.as.progress.done_bytes = done_bytes;
    record.as.progress.total_bytes = total_bytes;
    encode(output, &output->err, &record);
    drain_err(output);
}

void output_progress_end(struct output *output)
{
    output->progress_since_ms = 0;
    output->progress_last_ms = 0;
    if (output->progress_columns == 0)
        return;
    (void)st_buf_append(&output->err, "\r", 1);
    for (size_t i = 0; i < output->progress_columns; i++)
        (void)st_buf_append(&output->err, " ", 1);
    (void)st_buf_append(&output->err, "\r", 1);
    output->progress_columns = 0;
    drain_err(output);
}

/* Screen lines that the text takes, at least: what is wrapped by the terminal itself is not counted. */
static size_t count_lines(struct st_view text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.p[i] == '\n';
    return lines;
}

enum exit_code output_end(struct output *output)
{
    enum exit_code code = EXIT_CODE_DONE;
    output_progress_end(output);
    human_flush(&output->human);
    if (output->paged && output->failed == ST_OK &&
        count_lines(st_buf_view(&output->out)) > output->options.terminal.rows - 1 &&
        pager_show(output->options.pager, st_buf_view(&output->out)) == ST_OK)
        st_buf_clear(&output->out);
    output->paged = false;
    enum st_err err = drain(output);
    if (err != ST_OK)
        code = output->broken ? EXIT_CODE_BROKEN_PIPE : err == ST_EFULL ? EXIT_CODE_DISK : EXIT_CODE_UNEXPECTED;
    layout_table_free(&output->table);
    layout_table_free(&output->err_table);
    st_buf_wipe_free(&output->out);
    st_buf_wipe_free(&output->err);
    return code;
}
