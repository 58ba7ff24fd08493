/* `attachment get`: the plain file, only when its digest and its end are right. */
#include "client/cli/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cli/session.h"
#include "client/cli/show.h"
#include "lib/st_file.h"
#include "lib/st_hex.h"

/* Where the file goes: beside its final name until it is whole. */
struct saving {
    struct session session;
    struct show *show;
    const char *path; /* as typed; "-" is stdout */
    bool to_stdout;
    char temporary[PATHS_MAX]; /* "" when there is none */
    int fd;
    struct st_buf held;    /* for stdout: nothing is written before the end is right */
    enum st_err write_err; /* of our own writing, not of the transfer */
    struct store_message message;
    struct store_attachment attachment;
    struct st_buf text;
    char id[SHOW_ID_BYTES + 4];
};

/* ---- which one ---- */

struct search {
    size_t count;
    int64_t row;
    char candidates[256];
};

static enum st_err take_match(void *ctx, const struct store_message *message)
{
    struct search *search = ctx;
    char id[2 * STORE_MSG_ID_BYTES + 1];
    size_t used = strlen(search->candidates);
    st_hex_encode(id, message->id, sizeof message->id);
    (void)snprintf(search->candidates + used, sizeof search->candidates - used, "%s%.12s", used > 0 ? ", " : "", id);
    search->row = message->row;
    search->count++;
    return ST_OK;
}

static enum exit_code find_message(struct saving *saving, const struct target_message *wanted)
{
    struct session *session = &saving->session;
    struct search search = { 0, 0, "" };
    enum { CANDIDATES = 8 };
    enum st_err err =
        store_message_find_prefix(session->store, st_view_text(wanted->prefix), CANDIDATES, take_match, &search);
    if (err != ST_OK)
        return session_store_error(session, err);
    if (search.count == 0)
        return CLI_ERROR(&session->cmd->error, CLI_NO_SUCH_MESSAGE, wanted->prefix);
    if (search.count > 1)
        return CLI_ERROR(&session->cmd->error, CLI_ID_AMBIGUOUS, wanted->prefix, search.candidates,
                         "the same with more digits");
    err = store_message_get(session->store, search.row, &saving->message, &saving->text);
    return err == ST_OK ? EXIT_CODE_DONE : session_store_error(session, err);
}

static enum exit_code find_part(struct saving *saving, unsigned part)
{
    struct session *session = &saving->session;
    struct cmd *cmd = session->cmd;
    char count[16];
    char id[2 * STORE_MSG_ID_BYTES + 1];
    char next[QUOTE_LINE_BYTES];
    st_hex_encode(id, saving->message.id, sizeof saving->message.id);
    (void)snprintf(count, sizeof count, "%" PRIu32, saving->message.attachments);
    (void)snprintf(next, sizeof next, "safetalk attachment get %.8s.1 -o FILE", id);
    (void)snprintf(saving->id, sizeof saving->id, "%.8s.%u", id, part > 0 ? part : 1);
    if (saving->message.attachments == 0)
        return CLI_ERROR(&cmd->error, CLI_NO_SUCH_ATTACHMENT, saving->id, "the message has none", "safetalk chats");
    if (part == 0 && saving->message.attachments > 1)
        return CLI_ERROR(&cmd->error, CLI_PART_NEEDED, cmd->args.arguments[0], count, next);
    enum st_err err =
        store_attachment_get(session->store, saving->message.row, part > 0 ? part : 1, &saving->attachment);
    if (err == ST_ENOTFOUND)
        return CLI_ERROR(&cmd->error, CLI_NO_SUCH_ATTACHMENT, saving->id, "the message has fewer", next);
    return err == ST_OK ? EXIT_CODE_DONE : session_store_error(session, err);
}

/* ---- where to ---- */

static enum exit_code output_exists(struct saving *saving)
{
    struct cmd *cmd = saving->session.cmd;
    char next[QUOTE_LINE_BYTES + 16];
    (void)snprintf(next, sizeof next, "%s --force", cmd->typed);
    return CLI_ERROR(&cmd->error, CLI_OUTPUT_EXISTS, saving->path, next);
}

static enum exit_code open_output(struct saving *saving)
{
    struct cmd *cmd = saving->session.cmd;
    struct stat info;
    if (saving->to_stdout)
        return EXIT_CODE_DONE;
    if (lstat(saving->path, &info) == 0 && !args_has(&cmd->args, FLAG_FORCE))
        return output_exists(saving);
    int len = snprintf(saving->temporary, sizeof saving->temporary, "%s.XXXXXX", saving->path);
    if (len < 0 || (size_t)len >= sizeof saving->temporary) {
        saving->temporary[0] = '\0';
        return cmd_file_error(cmd, saving->path, ST_ELIMIT, true);
    }
    saving->fd = mkstemp(saving->temporary);
    if (saving->fd >= 0)
        return EXIT_CODE_DONE;
    saving->temporary[0] = '\0';
    return cmd_file_error(cmd, saving->path, st_file_err(errno), true);
}

static enum st_err write_fd(int fd, struct st_view data)
{
    while (data.len > 0) {
        ssize_t done = write(fd, data.p, data.len);
        if (done < 0 && errno != EINTR)
            return st_file_err(errno);
        if (done > 0)
            data = st_view(data.p + done, data.len - (size_t)done);
    }
    return ST_OK;
}

static enum st_err on_data(void *ctx, struct st_view data)
{
    struct saving *saving = ctx;
    saving->write_err = saving->to_stdout ? st_buf_append(&saving->held, data.p, data.len) : write_fd(saving->fd, data);
    return saving->write_err;
}

/* Gives the file its name. Without --force nothing that came to have it meanwhile is replaced: ST_EEXISTS. */
static enum st_err take_name(struct saving *saving)
{
    struct stat info;
    if (!args_has(&saving->session.cmd->args, FLAG_FORCE)) {
        if (link(saving->temporary, saving->path) == 0)
            return ST_OK; /* the other name goes at the end */
        bool no_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK;
        if (!no_links)
            return st_file_err(errno);
        if (lstat(saving->path, &info) == 0)
            return ST_EEXISTS;
    }
    if (rename(saving->temporary, saving->path) != 0)
        return st_file_err(errno);
    saving->temporary[0] = '\0';
    return ST_OK;
}

/* The file takes its name. */
static enum exit_code keep_file(struct saving *saving)
{
    struct cmd *cmd = saving->session.cmd;
    mode_t mask = umask(0);
    (void)umask(mask);
    if (saving->to_stdout)
        return cmd_written(output_text(&cmd->out, st_buf_view(&saving->held)));
    bool whole = fchmod(saving->fd, 0666 & ~mask) == 0 && fsync(saving->fd) == 0;
    enum st_err err = whole ? take_name(saving) : st_file_err(errno);
    if (err == ST_EEXISTS)
        return output_exists(saving);
    return err == ST_OK ? EXIT_CODE_DONE : cmd_file_error(cmd, saving->path, err, true);
}

static enum exit_code print_saved(struct saving *saving)
{
    struct record record;
    struct session *session = &saving->session;
    if (saving->to_stdout)
        return EXIT_CODE_DONE; /* stdout is the file */
    enum st_err err =
        store_attachment_get(session->store, saving->message.row, saving->attachment.index, &saving->attachment);
    if (err == ST_OK)
        err = show_attachment(saving->show, &saving->message, &saving->attachment, saving->path, &record);
    if (err != ST_OK)
        return session_store_error(session, err);
    return cmd_written(output_record(&session->cmd->out, &record));
}

/* ---- the way ---- */

static void on_event(void *ctx, const struct client_event *event)
{
    struct saving *saving = ctx;
    if (event->kind == CLIENT_EVENT_PROGRESS)
        output_progress(&saving->session.cmd->out, saving->id, (int64_t)event->done_bytes, (int64_t)event->total_bytes);
}

static enum exit_code fetch(struct saving *saving)
{
    struct session *session = &saving->session;
    struct session_op op = { false, { 0 } };
    struct client_sink sink = { on_data, saving };
    session->on_event = on_event;
    session->on_event_ctx = saving;
    client_fetch_attachment(session->client, saving->message.row, saving->attachment.index, &sink, session_op_done,
                            &op);
    enum exit_code code = session_finish(session, &op);
    if (saving->write_err != ST_OK)
        return cmd_file_error(session->cmd, saving->path, saving->write_err, true);
    if (code != EXIT_CODE_DONE && op.done)
        return session_error(session, &op.result, saving->id);
    return code;
}

static enum exit_code get(struct saving *saving, const struct target_message *wanted)
{
    char what[128];
    enum exit_code code = find_message(saving, wanted);
    if (code == EXIT_CODE_DONE)
        code = find_part(saving, wanted->part);
    (void)snprintf(what, sizeof what, "save %s", saving->id);
    if (code != EXIT_CODE_DONE || cmd_is_dry_run(saving->session.cmd, what))
        return code;
    code = open_output(saving);
    if (code == EXIT_CODE_DONE)
        code = fetch(saving);
    if (code == EXIT_CODE_DONE)
        code = keep_file(saving);
    if (code == EXIT_CODE_DONE)
        code = print_saved(saving);
    return code;
}

enum exit_code cmd_attachment_get(struct cmd *cmd)
{
    struct target_message wanted;
    const char *typed = cmd->args.arguments[0];
    if (target_parse_message(&wanted, typed, true) != ST_OK)
        return CLI_ERROR(&cmd->error, CLI_BAD_VALUE, "ID", typed, "a message id (4 to 32 hex digits), or MESSAGE.N",
                         " attachment get");
    struct saving *saving = calloc(1, sizeof *saving);
    if (saving == NULL)
        return CLI_ERROR(&cmd->error, CLI_NO_MEMORY, "");
    saving->fd = -1;
    saving->path = args_text(&cmd->args, FLAG_OUTPUT);
    saving->to_stdout = strcmp(saving->path, "-") == 0;
    st_buf_init(&saving->held, ST_BLOB_BYTES_MAX);
    st_buf_init(&saving->text, STORE_TEXT_MAX);
    enum exit_code code = session_open(&saving->session, cmd);
    if (code == EXIT_CODE_DONE) {
        saving->show = show_new(&saving->session);
        code = saving->show != NULL ? get(saving, &wanted) : session_store_error(&saving->session, ST_ENOMEM);
    }
    if (saving->fd >= 0)
        close(saving->fd);
    if (saving->temporary[0] != '\0')
        (void)unlink(saving->temporary);
    show_free(&saving->show);
    st_buf_wipe_free(&saving->held);
    st_buf_wipe_free(&saving->text);
    session_close(&saving->session);
    free(saving);
    return code;
}
