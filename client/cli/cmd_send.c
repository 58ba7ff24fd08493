/* `send`: text and files to one person. */
#include "client/cli/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utf8proc.h>

#include "client/cli/interrupt.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/upload.h"
#include "lib/st_file.h"
#include "lib/st_hex.h"

enum { TEXT_READ_MAX = STORE_TEXT_MAX * 4 /* bytes of piped text that are looked at before it is refused */ };

/* A message on its way. */
struct sending {
    struct session session;
    struct target to;
    struct st_buf text;
    struct uploads files;
    struct session_op op;
    enum store_state state;
    enum client_reason reason; /* of `failed`, or of an upload that was refused */
    bool settled;              /* stored, or refused for good */
    char id[2 * ST_MSG_ID_LEN + 1];
};

/* ---- the text ---- */

/* Whether text is piped in: a pipe, a file or a socket, not a terminal and not /dev/null. */
static bool is_piped(void)
{
    struct stat info;
    if (fstat(STDIN_FILENO, &info) != 0)
        return false;
    return S_ISFIFO(info.st_mode) || S_ISREG(info.st_mode) || S_ISSOCK(info.st_mode);
}

static enum exit_code read_piped(struct cmd *cmd, struct st_buf *text)
{
    for (;;) {
        uint8_t chunk[4096];
        ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR && interrupt_signal() == 0)
            continue;
        if (got < 0)
            return cmd_file_error(cmd, "stdin", st_file_err(errno), false);
        if (got == 0)
            return EXIT_CODE_DONE;
        if (st_buf_append(text, chunk, (size_t)got) != ST_OK)
            return CLI_ERROR(&cmd->error, CLI_TEXT_LENGTH, "more than 260,000", "65,000",
                             "the same with --attach - in place of the text");
    }
}

/* Line ends become \n, the last one goes; what peers would refuse is refused here. */
static enum st_err tidy(struct st_buf *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < text->len; i++)
        if (text->p[i] != '\r' || i + 1 == text->len || text->p[i + 1] != '\n')
            text->p[kept++] = text->p[i];
    text->len = kept;
    if (kept > 0 && text->p[kept - 1] == '\n')
        text->len--;
    for (size_t at = 0; at < text->len;) {
        utf8proc_int32_t code;
        utf8proc_ssize_t len = utf8proc_iterate(text->p + at, (utf8proc_ssize_t)(text->len - at), &code);
        if (len <= 0)
            return ST_EMALFORMED;
        bool control = utf8proc_category(code) == UTF8PROC_CATEGORY_CC;
        if (control && code != '\n' && code != '\t')
            return ST_EMALFORMED;
        at += (size_t)len;
    }
    return ST_OK;
}

static bool takes_stdin(const struct args *args)
{
    for (size_t i = 0; i < args->attach_count; i++)
        if (strcmp(args->attach[i], "-") == 0)
            return false;
    return args_has(args, FLAG_STDIN) || (!args_has(args, FLAG_MESSAGE) && is_piped());
}

static enum exit_code read_text(struct cmd *cmd, struct sending *sending)
{
    const char *given = args_text(&cmd->args, FLAG_MESSAGE);
    enum exit_code code = EXIT_CODE_DONE;
    char bytes[32];
    st_buf_init(&sending->text, TEXT_READ_MAX);
    if (given != NULL && st_buf_append(&sending->text, given, strlen(given)) != ST_OK)
        return CLI_ERROR(&cmd->error, CLI_TEXT_LENGTH, "more than 260,000", "65,000", "the same in several messages");
    if (takes_stdin(&cmd->args))
        code = read_piped(cmd, &sending->text);
    if (code != EXIT_CODE_DONE)
        return code;
    if (tidy(&sending->text) != ST_OK)
        return CLI_ERROR(&cmd->error, CLI_TEXT_INVALID, "the same with --attach - in place of the text");
    (void)snprintf(bytes, sizeof bytes, "%zu", sending->text.len);
    if (sending->text.len > STORE_TEXT_MAX)
        return CLI_ERROR(&cmd->error, CLI_TEXT_LENGTH, bytes, "65,000", "the same in several messages");
    if (sending->text.len == 0 && cmd->args.attach_count == 0)
        return CLI_ERROR(&cmd->error, CLI_NO_TEXT, sending->to.shown);
    return EXIT_CODE_DONE;
}

static enum exit_code parse_recipient(struct cmd *cmd, struct target *out)
{
    const char *typed = cmd->args.arguments[0];
    if (target_parse(out, typed, false) != ST_OK && target_parse(out, typed, true) != ST_OK)
        return CLI_ERROR(&cmd->error, CLI_BAD_NAME, typed, "a recipient is @name: 3 to 32 of a-z 0-9 _ . -", "send");
    if (out->kind != TARGET_PERSON)
        return CLI_ERROR(&cmd->error, CLI_NO_SUCH_CHAT, out->shown, "this version writes to one person at a time");
    return EXIT_CODE_DONE;
}

/* ---- the way ---- */

static void on_event(void *ctx, const struct client_event *event)
{
    struct sending *sending = ctx;
    char part[sizeof sending->id + 2];
    if (event->kind == CLIENT_EVENT_PROGRESS) {
        char id[2 * ST_MSG_ID_LEN + 1];
        st_hex_encode(id, event->id, sizeof event->id);
        (void)snprintf(part, sizeof part, "%s", id);
        output_progress(&sending->session.cmd->out, part, (int64_t)event->done_bytes, (int64_t)event->total_bytes);
    }
    bool ours = sending->op.done && memcmp(event->id, sending->op.result.id, ST_MSG_ID_LEN) == 0;
    if (event->kind != CLIENT_EVENT_STATE || !ours)
        return;
    sending->state = event->state;
    if (event->result.reason != CLIENT_OK)
        sending->reason = event->result.reason;
    sending->settled =
        event->state != STORE_STATE_QUEUED || sending->reason == CLIENT_QUOTA || sending->reason == CLIENT_TOO_LARGE;
}

static bool is_settled(void *ctx)
{
    const struct sending *sending = ctx;
    return sending->settled || (sending->op.done && sending->op.result.reason != CLIENT_OK);
}

/* "@bob is unverified. Compare numbers when you can: safetalk key show @bob" */
static void say_unverified(struct sending *sending)
{
    struct store_contact contact;
    char text[160];
    if (store_contact_find(sending->session.store, sending->to.name, &contact) != ST_OK ||
        contact.trust != STORE_UNVERIFIED)
        return;
    (void)snprintf(text, sizeof text, "%s is unverified. Compare numbers when you can: safetalk key show %s",
                   sending->to.shown, sending->to.shown);
    output_notice(&sending->session.cmd->out, "unverified", sending->to.shown, text);
}

/* What the store says of the message: it may have gone on while the events came. */
static void look_up_state(struct sending *sending)
{
    int64_t row;
    struct store_message message;
    struct st_buf text;
    st_buf_init(&text, STORE_TEXT_MAX);
    if (store_message_find_own(sending->session.store, sending->op.result.id, &row) == ST_OK &&
        store_message_get(sending->session.store, row, &message, &text) == ST_OK)
        sending->state = message.state;
    st_buf_wipe_free(&text);
}

/* The parts of the message as records; the texts are the show's. */
static enum exit_code print_sent(struct sending *sending, enum exit_code code, const char *reason)
{
    struct session *session = &sending->session;
    struct record record;
    struct record message;
    struct show *show = show_new(session);
    struct store_message stored;
    struct st_buf text;
    int64_t row;
    if (show == NULL)
        return session_store_error(session, ST_ENOMEM);
    st_buf_init(&text, STORE_TEXT_MAX);
    record_init(&record, RECORD_SENT);
    enum st_err err = store_message_find_own(session->store, sending->op.result.id, &row);
    if (err == ST_OK)
        err = store_message_get(session->store, row, &stored, &text);
    if (err == ST_OK)
        err = show_message(show, &stored, &message);
    if (err == ST_OK) {
        record.as.sent.id = sending->id;
        record.as.sent.to = sending->to.shown;
        record.as.sent.state = show_state(sending->state);
        record.as.sent.attachments = message.as.message.attachments;
        record.as.sent.queued_at = stored.sent_at_ms;
        if (code != EXIT_CODE_DONE) {
            record.as.sent.code = code;
            record.as.sent.reason = reason;
        }
    }
    enum exit_code printed =
        err == ST_OK ? cmd_written(output_record(&session->cmd->out, &record)) : session_store_error(session, err);
    st_buf_wipe_free(&text);
    show_free(&show);
    return printed;
}

/* Why a message that is kept has not reached the server. */
static enum exit_code not_stored(struct sending *sending, enum client_shell_end end)
{
    struct session *session = &sending->session;
    struct cmd *cmd = session->cmd;
    char why[CLI_ERROR_TEXT_BYTES];
    struct client_result result;
    memset(&result, 0, sizeof result);
    result.reason = sending->reason != CLIENT_OK ? sending->reason : client_link_reason(session->client);
    if (result.reason == CLIENT_OK)
        result.reason = CLIENT_UNREACHABLE;
    if (end == CLIENT_SHELL_WOKEN)
        return session_interrupted(session, "the message waits in the outbox; do not send it again");
    if (sending->state == STORE_STATE_FAILED)
        return session_error(session, &result, sending->to.shown);
    (void)session_error(session, &result, sending->to.shown);
    (void)snprintf(why, sizeof why, "%.700s: %.700s; do not send it again", cmd->error.what, cmd->error.why);
    return CLI_ERROR(&cmd->error, CLI_QUEUED, sending->to.shown, why);
}

static enum exit_code finish_send(struct sending *sending, enum client_shell_end end)
{
    struct cmd *cmd = sending->session.cmd;
    enum exit_code code = EXIT_CODE_DONE;
    st_hex_encode(sending->id, sending->op.result.id, ST_MSG_ID_LEN);
    look_up_state(sending);
    if (sending->state == STORE_STATE_QUEUED || sending->state == STORE_STATE_FAILED)
        code = not_stored(sending, end);
    memcpy(cmd->error.message_id, sending->id, sizeof cmd->error.message_id);
    say_unverified(sending);
    enum exit_code printed = print_sent(sending, code, cmd->error.reason);
    return printed == EXIT_CODE_DONE ? code : printed;
}

static enum exit_code send_message(struct sending *sending)
{
    struct session *session = &sending->session;
    struct client_outgoing message = { sending->to.name, st_buf_view(&sending->text), sending->files.files,
                                       sending->files.count };
    session->on_event = on_event;
    session->on_event_ctx = sending;
    client_go_online(session->client);
    client_send(session->client, &message, session_op_done, &sending->op);
    int64_t deadline_ms = session_deadline(session, session->cmd->settings.file.timeout_ms);
    enum client_shell_end end = session_run(session, is_settled, sending, deadline_ms);
    if (sending->op.done && sending->op.result.reason == CLIENT_OK)
        return finish_send(sending, end);
    if (sending->op.done)
        return session_error(session, &sending->op.result, sending->to.shown);
    if (end == CLIENT_SHELL_WOKEN)
        return session_interrupted(session, "nothing was sent and nothing is kept");
    struct client_result result;
    memset(&result, 0, sizeof result);
    result.reason = session_is_hopeless(session) ? session->offline : CLIENT_UNREACHABLE;
    return session_error(session, &result, sending->to.shown);
}

enum exit_code cmd_send(struct cmd *cmd)
{
    struct sending sending;
    char what[128];
    memset(&sending, 0, sizeof sending);
    sending.session.lock.fd = -1;
    enum exit_code code = parse_recipient(cmd, &sending.to);
    if (code == EXIT_CODE_DONE)
        code = read_text(cmd, &sending);
    if (code == EXIT_CODE_DONE)
        code = uploads_read(cmd, sending.to.shown, &sending.files);
    (void)snprintf(what, sizeof what, "send %zu bytes of text and %zu files to %s", sending.text.len,
                   sending.files.count, sending.to.shown);
    if (code == EXIT_CODE_DONE && !cmd_is_dry_run(cmd, what)) {
        code = session_open(&sending.session, cmd);
        if (code == EXIT_CODE_DONE)
            code = send_message(&sending);
        session_close(&sending.session);
    }
    uploads_free(&sending.files);
    st_buf_wipe_free(&sending.text);
    return code;
}
