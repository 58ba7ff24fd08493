#include "client/cli/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/interrupt.h"
#include "client/cli/secret_input.h"
#include "lib/st_file.h"

typedef enum exit_code (*cmd_fn)(struct cmd *cmd);

static const cmd_fn COMMANDS[COMMAND_COUNT] = {
    [COMMAND_SEND] = cmd_send,
    [COMMAND_RECEIVE] = cmd_receive,
    [COMMAND_CHATS] = cmd_chats,
    [COMMAND_READ] = cmd_read,
    [COMMAND_STATUS] = cmd_status,
    [COMMAND_OUTBOX_LIST] = cmd_outbox_list,
    [COMMAND_HELP] = cmd_help,
    [COMMAND_ACCOUNT_CREATE] = cmd_account_create,
    [COMMAND_ACCOUNT_LOGIN] = cmd_account_login,
    [COMMAND_ACCOUNT_LOGOUT] = cmd_account_logout,
    [COMMAND_ACCOUNT_PASSWD] = cmd_account_passwd,
    [COMMAND_ACCOUNT_DELETE] = cmd_account_delete,
    [COMMAND_ACCOUNT_LIST] = cmd_account_list,
    [COMMAND_CONTACT_LOOKUP] = cmd_contact_lookup,
    [COMMAND_KEY_SHOW] = cmd_key_show,
    [COMMAND_KEY_VERIFY] = cmd_key_verify,
    [COMMAND_ATTACHMENT_GET] = cmd_attachment_get,
    [COMMAND_DENY_TRANSCRIPT] = cmd_deny_transcript,
    [COMMAND_DENY_FORGE] = cmd_deny_forge,
    [COMMAND_DENY_CHECK] = cmd_deny_check,
};

enum exit_code cmd_run(struct cmd *cmd)
{
    return COMMANDS[cmd->args.command->id](cmd);
}

bool cmd_is_dry_run(struct cmd *cmd, const char *what)
{
    char text[512];
    if (!cmd->settings.dry_run)
        return false;
    (void)snprintf(text, sizeof text, "would %s", what);
    output_notice(&cmd->out, "dry_run", NULL, text);
    return true;
}

enum { ANSWER_BYTES = 128 };

/* Asks on the terminal. */
static enum exit_code ask(struct cmd *cmd, const char *question, const char *flag, char answer[static ANSWER_BYTES])
{
    char next[QUOTE_LINE_BYTES + 64];
    (void)snprintf(next, sizeof next, "%s %s", cmd->typed, flag);
    answer[0] = '\0';
    if (cmd->settings.no_input)
        return CLI_ERROR(&cmd->error, CLI_NO_INPUT, "agreement", "--no-input forbids to ask for it", next);
    enum st_err err = output_flush(&cmd->out);
    if (err != ST_OK)
        return cmd_written(err);
    switch (secret_ask_plainly(answer, ANSWER_BYTES, question, cmd->out.options.err_fd)) {
    case SECRET_OK:
    case SECRET_TOO_LONG: /* no answer of ours is so long: the same as another word */
        return EXIT_CODE_DONE;
    case SECRET_NO_TERMINAL:
        return CLI_ERROR(&cmd->error, CLI_NO_INPUT, "agreement", "there is no terminal to ask at", next);
    default:
        if (interrupt_signal() != 0)
            return CLI_ERROR(&cmd->error, CLI_INTERRUPTED, "nothing was changed", cmd->typed);
        return CLI_ERROR(&cmd->error, CLI_NO_INPUT, "agreement", "the input ended", next);
    }
}

enum exit_code cmd_confirm_name(struct cmd *cmd, const char *name, const char *question, const char *nothing_done)
{
    char answer[ANSWER_BYTES];
    char flag[ST_NAME_LOGIN_MAX + 16];
    (void)snprintf(flag, sizeof flag, "--confirm %s", name);
    const char *given = cmd->settings.confirm;
    if (given == NULL) {
        enum exit_code code = ask(cmd, question, flag, answer);
        if (code != EXIT_CODE_DONE)
            return code;
        given = answer;
    }
    if (given[0] == '@')
        given++;
    if (strcmp(given, name) == 0)
        return EXIT_CODE_DONE;
    char next[QUOTE_LINE_BYTES + 64];
    (void)snprintf(next, sizeof next, "%s %s", cmd->settings.confirm == NULL ? cmd->typed : "the same with", flag);
    return CLI_ERROR(&cmd->error, CLI_NOT_CONFIRMED, nothing_done, next);
}

enum exit_code cmd_confirm(struct cmd *cmd, const char *question, bool *agreed)
{
    char answer[ANSWER_BYTES];
    *agreed = cmd->settings.yes;
    if (*agreed)
        return EXIT_CODE_DONE;
    enum exit_code code = ask(cmd, question, "--yes", answer);
    *agreed = code == EXIT_CODE_DONE && strcmp(answer, "yes") == 0;
    return code;
}

enum exit_code cmd_file_error(struct cmd *cmd, const char *path, enum st_err err, bool writing)
{
    char room[ST_FILE_FREE_TEXT_SIZE];
    switch (err) {
    case ST_EFULL:
        st_file_free_text(room, path);
        return CLI_ERROR(&cmd->error, CLI_DISK_FULL, room, path, "", cmd->typed);
    case ST_ENOMEM:
        return CLI_ERROR(&cmd->error, CLI_NO_MEMORY, "");
    case ST_EREFUSED:
        if (writing)
            return CLI_ERROR(&cmd->error, CLI_NOT_WRITABLE, path, "this user may not, or others could read it",
                             "chmod -R go-rwx it, or use another --data-dir");
        return CLI_ERROR(&cmd->error, CLI_NO_SUCH_FILE, path, "this user may not read it", cmd->typed);
    case ST_ENOTFOUND:
        if (writing)
            return CLI_ERROR(&cmd->error, CLI_NOT_WRITABLE, path, "its folder does not exist", cmd->typed);
        return CLI_ERROR(&cmd->error, CLI_NO_SUCH_FILE, path, "there is no such file", cmd->typed);
    case ST_EFOREIGN:
        return CLI_ERROR(&cmd->error, CLI_NO_SUCH_FILE, path, "it is no plain file", cmd->typed);
    default:
        if (writing)
            return CLI_ERROR(&cmd->error, CLI_NOT_WRITABLE, path, st_err_text(err), cmd->typed);
        return CLI_ERROR(&cmd->error, CLI_NO_SUCH_FILE, path, st_err_text(err), cmd->typed);
    }
}
