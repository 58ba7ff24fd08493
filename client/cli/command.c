#include "client/cli/command.h"

#include <stdio.h>
#include <string.h>

static const struct flag FLAGS[FLAG_COUNT] = {
    [FLAG_ACCOUNT] = { 'a', "account", FLAG_KIND_ACCOUNT, "NAME[@HOST[:PORT]]", false,
                       "which account, if there are several" },
    [FLAG_SERVER] = { 0, "server", FLAG_KIND_ADDRESS, "ADDR", false,
                      "the server's address; for an account that is here already it must be that account's" },
    [FLAG_CONFIG] = { 'c', "config", FLAG_KIND_TEXT, "FILE", false, "the configuration, in place of the usual files" },
    [FLAG_DATA_DIR] = { 0, "data-dir", FLAG_KIND_TEXT, "DIR", false,
                        "the accounts' folder, in place of the usual one" },
    [FLAG_JSON] = { 0, "json", FLAG_KIND_SWITCH, NULL, false,
                    "one object a line: records on stdout; error, notice and progress on stderr" },
    [FLAG_PLAIN] = { 0, "plain", FLAG_KIND_SWITCH, NULL, false,
                     "one record a line: its type and fields, tab-separated; \\t \\n \\\\ are escaped" },
    [FLAG_COLOR] = { 0, "color", FLAG_KIND_COLOR, "auto/always/never", false, "colours; auto: on a terminal" },
    [FLAG_NO_COLOR] = { 0, "no-color", FLAG_KIND_SWITCH, NULL, false, "the same as --color never" },
    [FLAG_NO_PAGER] = { 0, "no-pager", FLAG_KIND_SWITCH, NULL, false, "never start a pager" },
    [FLAG_QUIET] = { 'q', "quiet", FLAG_KIND_SWITCH, NULL, false, "no notices" },
    [FLAG_VERBOSE] = { 'v', "verbose", FLAG_KIND_SWITCH, NULL, false, "more on stderr" },
    [FLAG_NO_INPUT] = { 0, "no-input", FLAG_KIND_SWITCH, NULL, false, "never prompt; what would ask ends with 12" },
    [FLAG_YES] = { 'y', "yes", FLAG_KIND_SWITCH, NULL, false, "agree to what asks" },
    [FLAG_CONFIRM] = { 0, "confirm", FLAG_KIND_TEXT, "NAME", false,
                       "agree by name, where an account or a history dies" },
    [FLAG_DRY_RUN] = { 0, "dry-run", FLAG_KIND_SWITCH, NULL, false, "only show what would be done" },
    [FLAG_PASSWORD_FILE] = { 0, "password-file", FLAG_KIND_TEXT, "FILE", false,
                             "the password is the first line of FILE (- is stdin); refused if others can read it" },
    [FLAG_PASSWORD_FD] = { 0, "password-fd", FLAG_KIND_FD, "N", false,
                           "the password is the first line read from descriptor N" },
    [FLAG_TIMEOUT] = { 0, "timeout", FLAG_KIND_DURATION, "D", false,
                       "longest wait for server, peer or event; default 15s" },
    [FLAG_LOCK_TIMEOUT] = { 0, "lock-timeout", FLAG_KIND_DURATION, "D", false,
                            "longest wait for another process of this account; default 5s" },
    [FLAG_LOG_FILE] = { 0, "log-file", FLAG_KIND_TEXT, "FILE", false, "where to log; names, addresses, ids scrubbed" },
    [FLAG_NO_SCRUB_LOG] = { 0, "no-scrub-log", FLAG_KIND_SWITCH, NULL, false, "log names, addresses and ids in full" },
    [FLAG_HELP] = { 'h', "help", FLAG_KIND_SWITCH, NULL, false, "help; `safetalk CMD --help` is `safetalk help CMD`" },
    [FLAG_VERSION] = { 'V', "version", FLAG_KIND_SWITCH, NULL, false, "the version" },

    [FLAG_MESSAGE] = { 'm', "message", FLAG_KIND_TEXT, "TEXT", false,
                       "the text; other users of this machine may see it in the list of processes" },
    [FLAG_STDIN] = { 0, "stdin", FLAG_KIND_SWITCH, NULL, false, "the text is what stdin gives" },
    [FLAG_ATTACH] = { 0, "attach", FLAG_KIND_TEXT, "FILE", true, "send this file too; may be repeated; - is stdin" },
    [FLAG_FILE_NAME] = { 0, "file-name", FLAG_KIND_TEXT, "N", false, "what the file of --attach - is called" },
    [FLAG_AS_FILE] = { 0, "as-file", FLAG_KIND_SWITCH, NULL, false, "send pictures as they are, unchecked" },
    [FLAG_FOLLOW] = { 0, "follow", FLAG_KIND_SWITCH, NULL, false, "stay, and print what comes" },
    [FLAG_FAIL_EMPTY] = { 0, "fail-empty", FLAG_KIND_SWITCH, NULL, false, "nothing there is 7" },
    [FLAG_UNREAD] = { 0, "unread", FLAG_KIND_SWITCH, NULL, false, "only chats with something unread" },
    [FLAG_LIMIT] = { 'n', "limit", FLAG_KIND_NUMBER, "N", false, "at most N, the newest" },
    [FLAG_SINCE] = { 0, "since", FLAG_KIND_WHEN, "WHEN", false, "nothing older" },
    [FLAG_BEFORE] = { 0, "before", FLAG_KIND_WHEN, "WHEN", false, "only what is older" },
    [FLAG_OUTPUT] = { 'o', "output", FLAG_KIND_TEXT, "FILE", false, "where to write; - is stdout" },
    [FLAG_FORCE] = { 0, "force", FLAG_KIND_SWITCH, NULL, false, "replace a file that exists" },
    [FLAG_INVITE] = { 0, "invite", FLAG_KIND_TEXT, "CODE", false, "the invite code; case, spaces, dashes are free" },
    [FLAG_EVERYWHERE] = { 0, "everywhere", FLAG_KIND_SWITCH, NULL, false, "end the sessions of all devices" },
    [FLAG_ERASE] = { 0, "erase", FLAG_KIND_SWITCH, NULL, false, "erase the keys and the history of this device too" },
    [FLAG_NEW_PASSWORD_FILE] = { 0, "new-password-file", FLAG_KIND_TEXT, "FILE", false,
                                 "the new password is the first line of FILE" },
    [FLAG_NEW_PASSWORD_FD] = { 0, "new-password-fd", FLAG_KIND_FD, "N", false,
                               "the new password is the first line read from descriptor N" },
    [FLAG_FORGE_MESSAGE] = { 0, "message", FLAG_KIND_MESSAGE, "ID", false, "which message of the transcript" },
    [FLAG_FORGE_TEXT] = { 'm', NULL, FLAG_KIND_TEXT, "TEXT", false, "what it is to say" },
};

const struct flag *command_flag(enum flag_id id)
{
    return &FLAGS[id];
}

const struct command *command_by_id(enum command_id id)
{
    size_t count;
    const struct command *table = command_table(&count);
    for (size_t i = 0; i < count; i++)
        if (table[i].id == id)
            return &table[i];
    return NULL;
}

const struct command *command_find(const char *first, const char *second)
{
    size_t count;
    const struct command *table = command_table(&count);
    size_t first_len = strlen(first);
    for (size_t i = 0; i < count; i++) {
        const char *words = table[i].words;
        if (strncmp(words, first, first_len) != 0)
            continue;
        if (words[first_len] == '\0' && second == NULL)
            return &table[i];
        if (words[first_len] == ' ' && second != NULL && strcmp(words + first_len + 1, second) == 0)
            return &table[i];
    }
    return NULL;
}

bool command_is_noun(const char *word)
{
    size_t count;
    const struct command *table = command_table(&count);
    size_t len = strlen(word);
    for (size_t i = 0; i < count; i++)
        if (strncmp(table[i].words, word, len) == 0 && table[i].words[len] == ' ')
            return true;
    return false;
}

bool command_takes(const struct command *command, enum flag_id id)
{
    if (command_flag_is_global(id))
        return true;
    for (size_t i = 0; command->flags[i] != FLAG_END; i++)
        if (command->flags[i] == id)
            return true;
    return false;
}

void command_arguments(const struct command *command, size_t *min, size_t *max)
{
    *min = 0;
    *max = 0;
    const char *at = command->arguments;
    while (*at != '\0') {
        size_t len = strcspn(at, " ");
        *min += at[0] == '[' ? 0 : 1;
        *max += 1;
        at += len + strspn(at + len, " ");
    }
}

void command_argument_name(char *out, size_t out_cap, const struct command *command, size_t at)
{
    const char *from = command->arguments;
    out[0] = '\0';
    for (size_t i = 0; i < at && *from != '\0'; i++) {
        size_t len = strcspn(from, " ");
        from += len + strspn(from + len, " ");
    }
    from += strspn(from, "[");
    (void)snprintf(out, out_cap, "%.*s", (int)strcspn(from, " ]"), from);
}

const char *command_flag_help(const struct command *command, enum flag_id id)
{
    if (id == FLAG_TIMEOUT && command->id == COMMAND_RECEIVE)
        return "once nothing waits any more, listen D longer; default 0";
    if (id == FLAG_LIMIT && command->id == COMMAND_READ)
        return "at most N messages, the newest; default 50";
    if (id == FLAG_OUTPUT && command->id == COMMAND_DENY_FORGE)
        return "where to write; default: X.forged.stx for X.stx";
    return FLAGS[id].help;
}
