/* `deny`: transcripts that prove nothing. */
#include "client/cli/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cli/session.h"
#include "client/deny/transcript.h"
#include "lib/st_file.h"

static const char SUFFIX[] = ".stx";

/* Writes the transcript where it was asked for: `-` is stdout, a file that exists needs --force. */
static enum exit_code save(struct cmd *cmd, const char *path, const struct st_buf *text)
{
    struct stat info;
    char next[QUOTE_LINE_BYTES + 16];
    if (strcmp(path, "-") == 0)
        return cmd_written(output_text(&cmd->out, st_buf_view(text)));
    (void)snprintf(next, sizeof next, "%s --force", cmd->typed);
    if (lstat(path, &info) == 0 && !args_has(&cmd->args, FLAG_FORCE))
        return CLI_ERROR(&cmd->error, CLI_OUTPUT_EXISTS, path, next);
    enum st_err err = st_file_write(path, st_buf_view(text), 0600);
    return err == ST_OK ? EXIT_CODE_DONE : cmd_file_error(cmd, path, err, true);
}

/* What was made, in one record; nothing when stdout is the file itself. */
static enum exit_code print_made(struct cmd *cmd, const char *path, const char *chat, const char *id, int64_t messages)
{
    struct record record;
    if (strcmp(path, "-") == 0)
        return EXIT_CODE_DONE;
    record_init(&record, RECORD_TRANSCRIPT);
    record.as.transcript.file = path;
    record.as.transcript.chat = chat;
    record.as.transcript.id = id;
    record.as.transcript.messages = messages;
    return cmd_written(output_record(&cmd->out, &record));
}

/* ---- transcript ---- */

static enum exit_code write_transcript(struct session *session, const struct target *target, const char *path)
{
    struct cmd *cmd = session->cmd;
    struct store_chat chat;
    struct st_buf text;
    uint64_t count = 0;
    enum exit_code code = EXIT_CODE_DONE;
    st_buf_init(&text, TRANSCRIPT_MAX);
    enum st_err err = store_chat_find_name(session->store, STORE_CHAT_PERSON, target->name, &chat);
    if (err == ST_ENOTFOUND)
        code = CLI_ERROR(&cmd->error, CLI_NO_SUCH_CHAT, target->shown, "nothing was written or received in it");
    else if (err == ST_OK)
        err = transcript_write(session->store, chat.id, session->account.name, &text, &count);
    if (code == EXIT_CODE_DONE && err != ST_OK)
        code = session_store_error(session, err);
    if (code == EXIT_CODE_DONE)
        code = save(cmd, path, &text);
    if (code == EXIT_CODE_DONE)
        code = print_made(cmd, path, target->shown, NULL, (int64_t)count);
    st_buf_wipe_free(&text);
    return code;
}

enum exit_code cmd_deny_transcript(struct cmd *cmd)
{
    struct session session;
    struct target target;
    const char *typed = cmd->args.arguments[0];
    if (target_parse(&target, typed, true) != ST_OK)
        return CLI_ERROR(&cmd->error, CLI_BAD_NAME, typed, "a chat with a person is @name", "deny transcript");
    enum exit_code code = session_open(&session, cmd);
    if (code == EXIT_CODE_DONE && !cmd_is_dry_run(cmd, "write the transcript"))
        code = write_transcript(&session, &target, args_text(&cmd->args, FLAG_OUTPUT));
    session_close(&session);
    return code;
}

/* ---- check ---- */

struct checking {
    struct cmd *cmd;
    const char *file;
    char chat[STORE_NAME_MAX + 2];
    uint64_t invalid;
    enum st_err written;
};

static const char *verdict_word(enum transcript_verdict verdict)
{
    static const char *const words[] = { "", "valid", "invalid", "key_not_exposed" };
    return words[verdict];
}

static enum st_err print_verdict(void *ctx, const struct transcript_message *message)
{
    struct checking *checking = ctx;
    struct record record;
    struct st_buf text;
    st_buf_init(&text, TRANSCRIPT_LINE_MAX + 1);
    enum st_err err = st_buf_append(&text, message->text.p, message->text.len);
    if (err == ST_OK)
        err = st_buf_append(&text, "", 1);
    record_init(&record, RECORD_TRANSCRIPT);
    record.as.transcript.file = checking->file;
    record.as.transcript.chat = checking->chat;
    record.as.transcript.id = message->id;
    record.as.transcript.verdict = verdict_word(message->verdict);
    record.as.transcript.text = (const char *)text.p;
    if (message->verdict == TRANSCRIPT_INVALID)
        checking->invalid++;
    if (err == ST_OK)
        err = checking->written = output_record(&checking->cmd->out, &record);
    st_buf_wipe_free(&text);
    return err;
}

static enum exit_code read_file(struct cmd *cmd, const char *path, struct st_buf *out)
{
    enum st_err err = st_file_read(path, TRANSCRIPT_MAX, out);
    if (err == ST_ELIMIT)
        return CLI_ERROR(&cmd->error, CLI_FILE_FORM, path, "it has more than 256 MiB", cmd->typed);
    return err == ST_OK ? EXIT_CODE_DONE : cmd_file_error(cmd, path, err, false);
}

static enum exit_code no_transcript(struct cmd *cmd, const char *path, uint64_t line)
{
    char why[96] = "it is no transcript";
    if (line > 0)
        (void)snprintf(why, sizeof why, "line %" PRIu64 " does not read as a message of a transcript", line);
    return CLI_ERROR(&cmd->error, CLI_FILE_FORM, path, why, "safetalk deny transcript CHAT -o FILE");
}

enum exit_code cmd_deny_check(struct cmd *cmd)
{
    struct st_buf file;
    struct checking checking = { cmd, cmd->args.arguments[0], "", 0, ST_OK };
    uint64_t line = 0;
    st_buf_init(&file, TRANSCRIPT_MAX);
    enum exit_code code = read_file(cmd, checking.file, &file);
    if (code == EXIT_CODE_DONE) {
        enum st_err err = transcript_check(st_buf_view(&file), checking.chat, &line, print_verdict, &checking);
        if (checking.written != ST_OK)
            code = cmd_written(checking.written);
        else if (err == ST_EMALFORMED)
            code = no_transcript(cmd, checking.file, line);
        else if (err != ST_OK)
            code = cmd_file_error(cmd, checking.file, err, false);
    }
    st_buf_wipe_free(&file);
    if (code != EXIT_CODE_DONE || checking.invalid == 0)
        return code;
    char many[64];
    (void)snprintf(many, sizeof many, "%" PRIu64 " message%s", checking.invalid, checking.invalid == 1 ? "" : "s");
    return CLI_ERROR(&cmd->error, CLI_TAG_INVALID, checking.file, many);
}

/* ---- forge ---- */

/* X.forged.stx for X.stx. ST_ELIMIT: too long. */
static enum st_err forged_name(char out[static PATHS_MAX], const char *path)
{
    size_t len = strlen(path);
    size_t suffix = sizeof SUFFIX - 1;
    if (len > suffix && strcmp(path + len - suffix, SUFFIX) == 0)
        len -= suffix;
    int made = snprintf(out, PATHS_MAX, "%.*s.forged%s", (int)len, path, SUFFIX);
    return made > 0 && made < PATHS_MAX ? ST_OK : ST_ELIMIT;
}

static enum exit_code forge_error(struct cmd *cmd, enum st_err err, size_t room)
{
    char bytes[32];
    const char *file = cmd->args.arguments[0];
    const char *id = args_text(&cmd->args, FLAG_FORGE_MESSAGE);
    (void)snprintf(bytes, sizeof bytes, "%zu", room);
    switch (err) {
    case ST_ENOTFOUND:
        return CLI_ERROR(&cmd->error, CLI_NO_SUCH_MESSAGE, id);
    case ST_EREFUSED:
        return CLI_ERROR(&cmd->error, CLI_FILE_FORM, file, "the key of this message is not exposed yet",
                         "the same with another --message");
    case ST_ELIMIT:
        return CLI_ERROR(&cmd->error, CLI_FORGE_LENGTH, id, bytes);
    case ST_EMALFORMED:
        return no_transcript(cmd, file, 0);
    default:
        return cmd_file_error(cmd, file, err, false);
    }
}

static enum st_err count_message(void *ctx, const struct transcript_message *message)
{
    int64_t *count = ctx;
    (void)message;
    ++*count;
    return ST_OK;
}

static enum exit_code forge(struct cmd *cmd, const struct st_buf *file, const char *to)
{
    struct st_buf forged;
    struct target_message wanted;
    char chat[STORE_NAME_MAX + 2];
    uint64_t line;
    int64_t count = 0;
    size_t room = 0;
    struct st_view text = st_view_text(args_text(&cmd->args, FLAG_FORGE_TEXT));
    if (target_parse_message(&wanted, args_text(&cmd->args, FLAG_FORGE_MESSAGE), false) != ST_OK)
        return forge_error(cmd, ST_ENOTFOUND, 0);
    st_buf_init(&forged, TRANSCRIPT_MAX);
    enum st_err err = transcript_forge(st_buf_view(file), wanted.prefix, text, &forged, &room);
    if (err == ST_OK)
        err = transcript_check(st_buf_view(&forged), chat, &line, count_message, &count);
    enum exit_code code = err == ST_OK ? save(cmd, to, &forged) : forge_error(cmd, err, room);
    if (code == EXIT_CODE_DONE)
        code = print_made(cmd, to, chat, wanted.prefix, count);
    st_buf_wipe_free(&forged);
    return code;
}

enum exit_code cmd_deny_forge(struct cmd *cmd)
{
    struct st_buf file;
    char name[PATHS_MAX];
    const char *from = cmd->args.arguments[0];
    const char *to = args_text(&cmd->args, FLAG_OUTPUT);
    if (to == NULL && forged_name(name, from) != ST_OK)
        return cmd_file_error(cmd, from, ST_ELIMIT, true);
    if (cmd_is_dry_run(cmd, "write a forged transcript"))
        return EXIT_CODE_DONE;
    st_buf_init(&file, TRANSCRIPT_MAX);
    enum exit_code code = read_file(cmd, from, &file);
    if (code == EXIT_CODE_DONE)
        code = forge(cmd, &file, to != NULL ? to : name);
    st_buf_wipe_free(&file);
    return code;
}
