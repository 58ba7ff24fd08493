/* The one table of commands. Reading the command line, help, the man page and the choice of the function that runs
 * all come from it. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "client/cli/exit_code.h"

/* Every flag of the program; FLAG_END closes lists. */
enum flag_id {
    FLAG_END = 0,
    /* global */
    FLAG_ACCOUNT,
    FLAG_SERVER,
    FLAG_CONFIG,
    FLAG_DATA_DIR,
    FLAG_JSON,
    FLAG_PLAIN,
    FLAG_COLOR,
    FLAG_NO_COLOR,
    FLAG_NO_PAGER,
    FLAG_QUIET,
    FLAG_VERBOSE,
    FLAG_NO_INPUT,
    FLAG_YES,
    FLAG_CONFIRM,
    FLAG_DRY_RUN,
    FLAG_PASSWORD_FILE,
    FLAG_PASSWORD_FD,
    FLAG_TIMEOUT,
    FLAG_LOCK_TIMEOUT,
    FLAG_LOG_FILE,
    FLAG_NO_SCRUB_LOG,
    FLAG_HELP,
    FLAG_VERSION,
    FLAG_GLOBAL_LAST = FLAG_VERSION,
    /* of commands */
    FLAG_MESSAGE,
    FLAG_STDIN,
    FLAG_ATTACH,
    FLAG_FILE_NAME,
    FLAG_AS_FILE,
    FLAG_FOLLOW,
    FLAG_FAIL_EMPTY,
    FLAG_UNREAD,
    FLAG_LIMIT,
    FLAG_SINCE,
    FLAG_BEFORE,
    FLAG_OUTPUT,
    FLAG_FORCE,
    FLAG_INVITE,
    FLAG_EVERYWHERE,
    FLAG_ERASE,
    FLAG_NEW_PASSWORD_FILE,
    FLAG_NEW_PASSWORD_FD,
    FLAG_FORGE_MESSAGE,
    FLAG_FORGE_TEXT,
    FLAG_COUNT
};

/* What a flag's value must look like; checked before anything runs. */
enum flag_kind {
    FLAG_KIND_SWITCH,   /* no value */
    FLAG_KIND_TEXT,     /* anything */
    FLAG_KIND_ACCOUNT,  /* NAME[@HOST[:PORT]] */
    FLAG_KIND_ADDRESS,  /* safetalk://… */
    FLAG_KIND_DURATION, /* D */
    FLAG_KIND_WHEN,     /* WHEN */
    FLAG_KIND_NUMBER,   /* 1 to 1,000,000 */
    FLAG_KIND_FD,       /* an open file descriptor's number */
    FLAG_KIND_COLOR,    /* auto, always, never */
    FLAG_KIND_MESSAGE   /* a message id or its beginning */
};

struct flag {
    char letter;      /* 0: no short form */
    const char *name; /* NULL: no long form */
    enum flag_kind kind;
    const char *value; /* what help calls its value; NULL for switches */
    bool repeats;      /* may be given several times */
    const char *help;  /* one line */
};

/* The flag with this id, FLAG_END < id < FLAG_COUNT. */
const struct flag *command_flag(enum flag_id id);

static inline bool command_flag_is_global(enum flag_id id)
{
    return id > FLAG_END && id <= FLAG_GLOBAL_LAST;
}

enum command_id {
    COMMAND_NONE = 0,
    COMMAND_SEND,
    COMMAND_RECEIVE,
    COMMAND_CHATS,
    COMMAND_READ,
    COMMAND_STATUS,
    COMMAND_OUTBOX_LIST,
    COMMAND_HELP,
    COMMAND_ACCOUNT_CREATE,
    COMMAND_ACCOUNT_LOGIN,
    COMMAND_ACCOUNT_LOGOUT,
    COMMAND_ACCOUNT_PASSWD,
    COMMAND_ACCOUNT_DELETE,
    COMMAND_ACCOUNT_LIST,
    COMMAND_CONTACT_LOOKUP,
    COMMAND_KEY_SHOW,
    COMMAND_KEY_VERIFY,
    COMMAND_ATTACHMENT_GET,
    COMMAND_DENY_TRANSCRIPT,
    COMMAND_DENY_FORGE,
    COMMAND_DENY_CHECK,
    COMMAND_COUNT
};

enum { COMMAND_WORDS_MAX = 2, COMMAND_FLAGS_MAX = 8, COMMAND_ARGUMENTS_MAX = 3 };

struct command {
    enum command_id id;
    const char *words;     /* "send", "account create" */
    const char *arguments; /* "TO", "CONTACT [NUMBER]"; [ ] marks what may be left out */
    enum flag_id flags[COMMAND_FLAGS_MAX + 1];
    enum flag_id required[2]; /* flags that must be given */
    exit_code_set codes;
    const char *records;  /* what it prints, as --json names it; "" for none */
    const char *summary;  /* one line */
    const char *details;  /* paragraphs, a newline between them */
    const char *examples; /* a line each */
};

/* The commands in the order of help; `*count` of them. */
const struct command *command_table(size_t *count);

/* The command with this id. */
const struct command *command_by_id(enum command_id id);

/* The command of these words (`second` may be NULL), or NULL. */
const struct command *command_find(const char *first, const char *second);

/* Whether commands of two words begin with this one. */
bool command_is_noun(const char *word);

/* Whether the command takes this flag, global ones included. */
bool command_takes(const struct command *command, enum flag_id id);

/* How many arguments it takes at least and at most. */
void command_arguments(const struct command *command, size_t *min, size_t *max);

/* The name of the argument number `at` (from 0), without brackets, into `out`. "" if there is none. */
void command_argument_name(char *out, size_t out_cap, const struct command *command, size_t at);

/* Where the help of a flag differs from its own in this command (--timeout of `receive`), else its own. */
const char *command_flag_help(const struct command *command, enum flag_id id);

#endif
