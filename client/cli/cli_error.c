#include "client/cli/cli_error.h"

#include <stddef.h>
#include <string.h>

#define UNEXPECTED EXIT_CODE_UNEXPECTED
#define USAGE      EXIT_CODE_USAGE

/* Next names only commands that this program has; a test holds it to that. */
static const struct cli_error_row ROWS[CLI_REASON_COUNT] = {
    [CLI_OK] = { EXIT_CODE_DONE, "ok", "done", "", "" },
    [CLI_UNEXPECTED] = { UNEXPECTED, "unexpected", "cannot {1}", "{2}", "{3} --verbose" },
    [CLI_NO_MEMORY] = { UNEXPECTED, "no_memory", "out of memory", "the system gave none; nothing was changed",
                        "the same command again" },

    [CLI_UNKNOWN_COMMAND] = { USAGE, "unknown_command", "there is no command {1}",
                              "the nearest is {2}; nothing was run", "safetalk help {2}" },
    [CLI_VERB_MISSING] = { USAGE, "verb_missing", "{1} needs a verb", "one of {2}", "safetalk help {1}" },
    [CLI_UNKNOWN_FLAG] = { USAGE, "unknown_flag", "there is no flag {1}", "the nearest is {2}; nothing was run",
                           "safetalk help{3}" },
    [CLI_FLAG_BEFORE] = { USAGE, "flag_before_command", "{1} stands before the command",
                          "only global flags may; it belongs behind {2}", "safetalk help {2}" },
    [CLI_FLAG_VALUE_MISSING] = { USAGE, "flag_value_missing", "{1} needs a value", "it is used as {1} {2}",
                                 "safetalk help{3}" },
    [CLI_FLAG_NO_VALUE] = { USAGE, "flag_takes_no_value", "{1} takes no value", "it is used alone",
                            "safetalk help{2}" },
    [CLI_FLAG_TWICE] = { USAGE, "flag_twice", "{1} is given twice", "nobody can say which one counts",
                         "safetalk help{2}" },
    [CLI_FLAG_MISSING] = { USAGE, "flag_missing", "{1} needs {2}", "it has no default", "safetalk help {1}" },
    [CLI_BAD_VALUE] = { USAGE, "bad_value", "{1} cannot be {2}", "it takes {3}", "safetalk help{4}" },
    [CLI_ARGUMENT_MISSING] = { USAGE, "argument_missing", "{1} needs {2}", "it was not given", "safetalk help {1}" },
    [CLI_ARGUMENT_EXTRA] = { USAGE, "argument_extra", "{1} is one argument too many", "usage: safetalk {3}",
                             "safetalk help {2}" },
    [CLI_FLAGS_EXCLUDE] = { USAGE, "flags_exclude", "{1} and {2} do not go together", "each says something else",
                            "safetalk help{3}" },
    [CLI_NO_RECIPIENT] = { USAGE, "no_recipient", "no recipient", "no TO; `#` begins a shell comment",
                           "safetalk send '#team' -m TEXT" },
    [CLI_BAD_NAME] = { USAGE, "bad_name", "{1} is no name", "{2}", "safetalk help {3}" },
    [CLI_BAD_ADDRESS] = { USAGE, "bad_address", "{1} is no server address", "{2}", "{3}" },
    [CLI_NO_SERVER] = { USAGE, "no_server", "the server's address is missing", "there is no --server ADDR", "{1}" },
    [CLI_SERVER_DIFFERS] = { USAGE, "server_differs", "--server is not the server of {1}", "its server is {2}", "{3}" },
    [CLI_BAD_CONFIG] = { USAGE, "bad_config", "the configuration {1} is not right", "{2}", "edit {3}" },
    [CLI_BAD_ENVIRONMENT] = { USAGE, "bad_environment", "the variable {1} is not right", "it takes {2}", "unset {1}" },
    [CLI_ACCOUNT_NEEDED] = { USAGE, "account_needed", "there are several accounts here", "{1}; none is the default",
                             "{2}" },
    [CLI_ID_AMBIGUOUS] = { USAGE, "id_ambiguous", "{1} is not one message", "it begins {2}", "{3}" },
    [CLI_PART_NEEDED] = { USAGE, "part_needed", "{1} is not one attachment", "the message has {2} of them", "{3}" },
    [CLI_FILE_READABLE] = { USAGE, "password_file_open", "others can read {1}",
                            "its mode is {2}; no password was taken from it", "chmod 600 {1}" },
    [CLI_PASSWORD_LENGTH] = { USAGE, "password_length", "the password cannot be used",
                              "it has {1} bytes; 8 to 1,024 are allowed", "{2}" },
    [CLI_PASSWORD_TEXT] = { USAGE, "password_text", "the password cannot be used",
                            "it is not UTF-8 text, or has control characters", "{1}" },
    [CLI_PASSWORD_DIFFERS] = { USAGE, "password_differs", "the two passwords are not the same",
                               "one was mistyped; nothing was changed", "{1}" },
    [CLI_NO_TEXT] = { USAGE, "no_text", "there is nothing to send", "no -m TEXT, no --attach FILE, nothing piped in",
                      "safetalk send {1} -m TEXT" },
    [CLI_TEXT_LENGTH] = { USAGE, "text_length", "the text is too long", "it has {1} bytes; {2} are allowed", "{3}" },
    [CLI_TEXT_INVALID] = { USAGE, "text_invalid", "the text cannot be sent",
                           "it is not UTF-8, or has control characters", "{1}" },
    [CLI_FORGE_LENGTH] = { USAGE, "forge_length", "the text does not fit into the message {1}",
                           "a forged text keeps the message's size: {2} bytes at most",
                           "the same command with a shorter text" },
    [CLI_OUTPUT_EXISTS] = { USAGE, "output_exists", "{1} exists already", "it was not touched", "{2}" },
    [CLI_FILE_TOO_LARGE] = { USAGE, "file_too_large", "{1} is too large", "it has {2}; 64 MiB are allowed",
                             "split it, and send the parts" },
    [CLI_FILE_FORM] = { USAGE, "file_form", "{1} cannot be used", "{2}", "{3}" },
    [CLI_NOT_CONFIRMED] = { USAGE, "not_confirmed", "{1}", "it was not confirmed", "{2}" },

    [CLI_UNREACHABLE] = { EXIT_CODE_UNREACHABLE, "unreachable", "cannot reach {1}", "{2}", "{3}" },
    [CLI_KEY_CHANGED] = { EXIT_CODE_NOT_TRUSTED, "key_changed", "{1} has a new account key",
                          "reinstalled or an impostor; nothing was sent", "safetalk key verify {1}" },
    [CLI_NOT_TRUSTED] = { EXIT_CODE_NOT_TRUSTED, "not_trusted", "{1} cannot be trusted now", "{2}", "{3}" },
    [CLI_SERVER_BUSY] = { EXIT_CODE_UNREACHABLE, "unavailable", "{1} cannot do that now", "{2}", "{3}" },
    [CLI_RATE_LIMITED] = { EXIT_CODE_LIMIT, "rate_limited", "{1} too often", "the server's limit; again {2}", "{3}" },
    [CLI_QUOTA] = { EXIT_CODE_LIMIT, "quota", "{1} is full", "{2}", "{3}" },
    [CLI_MAILBOX_FULL] = { EXIT_CODE_LIMIT, "mailbox_full", "the mailbox of {1} is full",
                           "too much waits there unread; nothing of it was dropped", "safetalk outbox list" },
    [CLI_WRONG_PASSWORD] = { EXIT_CODE_DENIED, "wrong_password", "wrong password for {1}", "{2}", "{3}" },
    [CLI_DEVICE_REVOKED] = { EXIT_CODE_DENIED, "device_revoked", "the server does not know this device of {1} any more",
                             "logged out, removed, or 90 days unseen; what is here stays readable",
                             "safetalk account login {2}" },
    [CLI_ACCOUNT_DISABLED] = { EXIT_CODE_NOT_ALLOWED, "account_disabled", "the account {1} is disabled",
                               "the server's operator did that; what is here stays readable", "ask the operator" },

    [CLI_NO_ACCOUNT] = { EXIT_CODE_NOT_FOUND, "no_account", "there is no account on this machine",
                         "none was made here, or another --data-dir is in use",
                         "safetalk account create NAME --server ADDR --invite CODE" },
    [CLI_NO_SUCH_ACCOUNT] = { EXIT_CODE_NOT_FOUND, "no_such_account", "{1} is not on this machine", "here are: {2}",
                              "safetalk account list" },
    [CLI_NOT_REGISTERED] = { EXIT_CODE_NOT_FOUND, "not_registered", "{1} is not registered yet",
                             "its registration at {3} was cut short",
                             "safetalk account create {2} --server ADDR --invite CODE" },
    [CLI_NO_SUCH_USER] = { EXIT_CODE_NOT_FOUND, "no_such_user", "no user {1}", "unknown or not discoverable{2}",
                           "safetalk contact lookup {3}" },
    [CLI_NO_SUCH_CHAT] = { EXIT_CODE_NOT_FOUND, "no_such_chat", "no chat {1}", "{2}", "safetalk chats" },
    [CLI_NO_SUCH_MESSAGE] = { EXIT_CODE_NOT_FOUND, "no_such_message", "no message {1}",
                              "no message on this device begins so", "safetalk chats" },
    [CLI_NO_SUCH_ATTACHMENT] = { EXIT_CODE_NOT_FOUND, "no_such_attachment", "no attachment {1}", "{2}", "{3}" },
    [CLI_NO_SUCH_FILE] = { EXIT_CODE_NOT_FOUND, "no_such_file", "cannot read {1}", "{2}", "{3}" },
    [CLI_NOTHING] = { EXIT_CODE_NOT_FOUND, "nothing", "there is nothing", "--fail-empty makes that an error", "{1}" },

    [CLI_NUMBER_DIFFERS] = { EXIT_CODE_INTEGRITY, "number_mismatch", "the number of {1} DOES NOT MATCH",
                             "mistyped, or somebody stands between you; nothing was changed", "safetalk key show {1}" },
    [CLI_TAG_INVALID] = { EXIT_CODE_INTEGRITY, "tag_invalid", "{1} holds what was not written so",
                          "{2} with a wrong tag", "safetalk deny check {1}" },

    [CLI_HELD] = { EXIT_CODE_HELD, "held", "{1} is in use", "{2}", "{3}" },
    [CLI_QUEUED] = { EXIT_CODE_NOT_REACHED, "queued", "the message to {1} waits in the outbox", "{2}",
                     "safetalk receive" },
    [CLI_NO_INPUT] = { EXIT_CODE_LOCKED, "no_input", "{1} is needed", "{2}", "{3}" },

    [CLI_INVITE_MISTYPED] = { EXIT_CODE_INVITE, "invite_mistyped", "{1} is not an invite code",
                              "one character is wrong, or two are swapped. Nothing was sent.", "{2}" },
    [CLI_INVITE_UNKNOWN] = { EXIT_CODE_INVITE, "invite_unknown", "the server does not know this invite",
                             "it is another server's, or was withdrawn", "{1}" },
    [CLI_INVITE_USED] = { EXIT_CODE_INVITE, "invite_used", "the invite is used up", "{1}",
                          "operator: safetalkd invite --dir DIR" },
    [CLI_INVITE_EXPIRED] = { EXIT_CODE_INVITE, "invite_expired", "the invite is too old", "{1}",
                             "operator: safetalkd invite --dir DIR" },
    [CLI_INVITE_NEEDED] = { EXIT_CODE_INVITE, "invite_needed", "the server asks for an invite",
                            "its registration is by invite; none was given", "{1}" },
    [CLI_NAME_TAKEN] = { EXIT_CODE_NAME_TAKEN, "name_taken", "the name {1} is taken", "now or by a deleted account",
                         "safetalk account create {1}2 --server {2} --invite {3}" },
    [CLI_ACCOUNT_EXISTS] = { EXIT_CODE_NAME_TAKEN, "account_exists", "{1} is on this machine already",
                             "its folder was not touched", "safetalk account list" },
    [CLI_WRONG_SERVER_KEY] = { EXIT_CODE_SERVER_KEY, "wrong_server_key", "the server {1} lacks the key in its address",
                               "the handshake fails: mistyped, replaced or an impostor; nothing was sent",
                               "get the address again, by another way" },

    [CLI_DISK_FULL] = { EXIT_CODE_DISK, "disk_full", "the disk is full", "{1} in {2}{3}", "free space, then {4}" },
    [CLI_NOT_WRITABLE] = { EXIT_CODE_DISK, "not_writable", "cannot write {1}", "{2}", "{3}" },
    [CLI_FOREIGN_DB] = { EXIT_CODE_DATABASE, "foreign_db", "not a Safe Talk database",
                         "{1} has no valid header; it was not touched", "safetalk account list" },
    [CLI_CORRUPT_DB] = { EXIT_CODE_DATABASE, "corrupt_db", "the database is damaged", "{1}: {2}",
                         "safetalk account list" },
    [CLI_PICTURE_TRUNCATED] = { EXIT_CODE_DAMAGED, "picture_truncated", "{1} ends too early", "{2}; nothing was sent",
                                "safetalk send {3} --attach {4} --as-file" },
    [CLI_PICTURE_DAMAGED] = { EXIT_CODE_DAMAGED, "picture_damaged", "{1} is damaged", "{2}; nothing was sent",
                              "safetalk send {3} --attach {4} --as-file" },
    [CLI_ATTACHMENT_DAMAGED] = { EXIT_CODE_DAMAGED, "attachment_damaged", "the attachment {1} is damaged", "{2}",
                                 "{3}" },
    [CLI_REGISTRATION_CLOSED] = { EXIT_CODE_NOT_ALLOWED, "registration_closed", "{1} takes no new accounts",
                                  "its registration is closed", "ask the operator" },
    [CLI_NOT_ALLOWED] = { EXIT_CODE_NOT_ALLOWED, "not_allowed", "{1} is not allowed", "{2}", "{3}" },

    [CLI_INTERRUPTED] = { EXIT_CODE_INTERRUPTED, "interrupted", "interrupted", "{1}", "{2}" },
    [CLI_TERMINATED] = { EXIT_CODE_TERMINATED, "terminated", "terminated", "{1}", "{2}" },
};

const struct cli_error_row *cli_error_row(enum cli_reason id)
{
    if (id <= CLI_OK || id >= CLI_REASON_COUNT)
        id = CLI_UNEXPECTED;
    return &ROWS[id];
}

void cli_error_clear(struct cli_error *error)
{
    memset(error, 0, sizeof *error);
    error->retry_after_s = -1;
}

/* Cuts `len` bytes back to the end of a whole UTF-8 character. */
static size_t whole_characters(const char *text, size_t len)
{
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

/* Copies as much of `text` as fits; returns the new end. */
static size_t put(char *out, size_t at, const char *text, size_t len)
{
    size_t room = CLI_ERROR_TEXT_BYTES - 1 - at;
    if (len > room)
        len = whole_characters(text, room);
    memcpy(out + at, text, len);
    return at + len;
}

static void fill(char out[static CLI_ERROR_TEXT_BYTES], const char *form, const char *const *args)
{
    size_t at = 0;
    while (*form != '\0') {
        size_t plain = strcspn(form, "{");
        at = put(out, at, form, plain);
        form += plain;
        if (*form == '\0')
            break;
        size_t number = (size_t)(form[1] - '1'); /* {1} to {4}: the table is ours */
        const char *arg = number < CLI_ERROR_ARGS && args[number] != NULL ? args[number] : "";
        at = put(out, at, arg, strlen(arg));
        form += 3;
    }
    out[at] = '\0';
}

enum exit_code cli_error_set(struct cli_error *error, enum cli_reason id, const char *const args[static CLI_ERROR_ARGS])
{
    const struct cli_error_row *row = cli_error_row(id);
    cli_error_clear(error);
    error->id = id;
    error->code = row->code;
    error->reason = row->reason;
    fill(error->what, row->what, args);
    fill(error->why, row->why, args);
    fill(error->next, row->next, args);
    return row->code;
}
