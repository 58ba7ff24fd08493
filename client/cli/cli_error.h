/* Every error that the program can show, as one table: exit code, reason (a stable word for scripts), and three
 * sentences: WHAT happened (a fact, no blame), Why (the measured cause) and Next (what to type). A terminal shows
 *
 *     safetalk: WHAT [code reason]
 *       Why:  …
 *       Next: …
 *
 * and --json the `error` record with the same words. The sentences have places {1} to {4} that the caller fills;
 * remote text among them is cleaned by whoever prints the error. */
#ifndef CLI_ERROR_H
#define CLI_ERROR_H

#include <stdint.h>

#include "client/cli/exit_code.h"

enum cli_reason {
    CLI_OK = 0,
    /* 1 */
    CLI_UNEXPECTED, /* {1} what was tried, {2} why it failed, {3} the command line */
    CLI_NO_MEMORY,  /* – */
    /* 2: the command line */
    CLI_UNKNOWN_COMMAND,    /* {1} typed, {2} nearest */
    CLI_VERB_MISSING,       /* {1} noun, {2} its verbs */
    CLI_UNKNOWN_FLAG,       /* {1} typed, {2} nearest, {3} command or "" */
    CLI_FLAG_BEFORE,        /* {1} flag, {2} command it may belong to */
    CLI_FLAG_VALUE_MISSING, /* {1} flag, {2} its value's name, {3} command */
    CLI_FLAG_NO_VALUE,      /* {1} flag, {2} command */
    CLI_FLAG_TWICE,         /* {1} flag, {2} command */
    CLI_FLAG_MISSING,       /* {1} command, {2} flag with its value */
    CLI_BAD_VALUE,          /* {1} flag or argument, {2} value, {3} what would be right, {4} command */
    CLI_ARGUMENT_MISSING,   /* {1} command, {2} argument */
    CLI_ARGUMENT_EXTRA,     /* {1} the argument, {2} command, {3} usage */
    CLI_FLAGS_EXCLUDE,      /* {1} and {2} the two flags, {3} command */
    CLI_NO_RECIPIENT,       /* – */
    CLI_BAD_NAME,           /* {1} typed, {2} what would be right, {3} command */
    CLI_BAD_ADDRESS,        /* {1} typed, {2} which part is wrong, {3} Next */
    CLI_NO_SERVER,          /* {1} Next */
    CLI_SERVER_DIFFERS,     /* {1} account, {2} its server, {3} Next */
    CLI_BAD_CONFIG,         /* {1} file, {2} line and cause, {3} what to edit */
    CLI_BAD_ENVIRONMENT,    /* {1} variable, {2} what would be right */
    CLI_ACCOUNT_NEEDED,     /* {1} the accounts, {2} Next */
    CLI_ID_AMBIGUOUS,       /* {1} prefix, {2} candidates, {3} Next */
    CLI_PART_NEEDED,        /* {1} message id, {2} count of attachments, {3} Next */
    CLI_FILE_READABLE,      /* {1} password file, {2} mode */
    CLI_PASSWORD_LENGTH,    /* {1} bytes it has, {2} Next */
    CLI_PASSWORD_TEXT,      /* {1} Next: not UTF-8, or control characters */
    CLI_PASSWORD_DIFFERS,   /* {1} Next */
    CLI_NO_TEXT,            /* {1} recipient */
    CLI_TEXT_LENGTH,        /* {1} bytes it has, {2} limit, {3} Next */
    CLI_TEXT_INVALID,       /* {1} Next */
    CLI_FORGE_LENGTH,       /* {1} message id, {2} limit in bytes */
    CLI_OUTPUT_EXISTS,      /* {1} file, {2} Next */
    CLI_FILE_TOO_LARGE,     /* {1} file, {2} its size */
    CLI_FILE_FORM,          /* {1} file, {2} what is wrong, {3} Next */
    CLI_NOT_CONFIRMED,      /* {1} what was not done, {2} Next */
    /* 3 to 6 */
    CLI_UNREACHABLE,      /* {1} host:port, {2} measured cause, {3} Next */
    CLI_KEY_CHANGED,      /* {1} @name */
    CLI_NOT_TRUSTED,      /* {1} @name, {2} cause, {3} Next */
    CLI_SERVER_BUSY,      /* {1} host:port, {2} the server's sentence, {3} Next */
    CLI_RATE_LIMITED,     /* {1} what, {2} when to retry, {3} Next */
    CLI_QUOTA,            /* {1} what is full, {2} figures, {3} Next */
    CLI_MAILBOX_FULL,     /* {1} @name */
    CLI_WRONG_PASSWORD,   /* {1} @name, {2} cause, {3} Next */
    CLI_DEVICE_REVOKED,   /* {1} @name, {2} name */
    CLI_ACCOUNT_DISABLED, /* {1} @name */
    /* 7 */
    CLI_NO_ACCOUNT,         /* – */
    CLI_NO_SUCH_ACCOUNT,    /* {1} @name, {2} accounts that there are */
    CLI_NOT_REGISTERED,     /* {1} @name, {2} name, {3} HOST:PORT */
    CLI_NO_SUCH_USER,       /* {1} @name, {2} "; you know @bob" or "", {3} name for Next */
    CLI_NO_SUCH_CHAT,       /* {1} chat, {2} cause */
    CLI_NO_SUCH_MESSAGE,    /* {1} id */
    CLI_NO_SUCH_ATTACHMENT, /* {1} id, {2} cause, {3} Next */
    CLI_NO_SUCH_FILE,       /* {1} file, {2} cause, {3} Next */
    CLI_NOTHING,            /* {1} Next: --fail-empty */
    /* 8, 9 */
    CLI_NUMBER_DIFFERS, /* {1} @name */
    CLI_TAG_INVALID,    /* {1} file, {2} how many */
    /* 10 to 12 */
    CLI_HELD,     /* {1} @name, {2} holder, {3} Next */
    CLI_QUEUED,   /* {1} @name, {2} measured cause */
    CLI_NO_INPUT, /* {1} what is needed, {2} why nobody can be asked, {3} Next */
    /* 13 to 15 */
    CLI_INVITE_MISTYPED,  /* {1} code, {2} Next */
    CLI_INVITE_UNKNOWN,   /* {1} Next */
    CLI_INVITE_USED,      /* {1} figures */
    CLI_INVITE_EXPIRED,   /* {1} when */
    CLI_INVITE_NEEDED,    /* {1} Next */
    CLI_NAME_TAKEN,       /* {1} name, {2} address in full, {3} invite code or CODE */
    CLI_ACCOUNT_EXISTS,   /* {1} @name */
    CLI_WRONG_SERVER_KEY, /* {1} host:port */
    /* 16 to 19 */
    CLI_DISK_FULL,           /* {1} room, {2} folder, {3} what that means, {4} Next */
    CLI_NOT_WRITABLE,        /* {1} file or folder, {2} cause, {3} Next */
    CLI_FOREIGN_DB,          /* {1} file */
    CLI_CORRUPT_DB,          /* {1} file, {2} cause */
    CLI_PICTURE_TRUNCATED,   /* {1} file, {2} cause, {3} recipient, {4} file quoted for the shell */
    CLI_PICTURE_DAMAGED,     /* the same four */
    CLI_ATTACHMENT_DAMAGED,  /* {1} id, {2} cause, {3} Next */
    CLI_REGISTRATION_CLOSED, /* {1} host:port */
    CLI_NOT_ALLOWED,         /* {1} what, {2} cause, {3} Next */
    /* 130, 143 */
    CLI_INTERRUPTED, /* {1} what stays, {2} Next */
    CLI_TERMINATED,  /* {1} what stays, {2} Next */
    CLI_REASON_COUNT
};

enum {
    CLI_ERROR_ARGS = 4,
    CLI_ERROR_TEXT_BYTES = 1536 /* each sentence with its NUL; longer ones are cut */
};

struct cli_error {
    enum cli_reason id; /* CLI_OK: no error */
    enum exit_code code;
    const char *reason; /* static */
    char what[CLI_ERROR_TEXT_BYTES];
    char why[CLI_ERROR_TEXT_BYTES];
    char next[CLI_ERROR_TEXT_BYTES];
    int64_t retry_after_s; /* -1: not said */
    char message_id[33];   /* the message it is about; "" if none */
};

/* A row of the table. */
struct cli_error_row {
    enum exit_code code;
    const char *reason;
    const char *what;
    const char *why;
    const char *next;
};

/* The row of a reason; never NULL for CLI_OK < id < CLI_REASON_COUNT. */
const struct cli_error_row *cli_error_row(enum cli_reason id);

/* No error yet. */
void cli_error_clear(struct cli_error *error);

/* Fills `error` from the table. NULL among the arguments counts as "". Returns the exit code. */
enum exit_code cli_error_set(struct cli_error *error, enum cli_reason id,
                             const char *const args[static CLI_ERROR_ARGS]);

/* CLI_ERROR(&error, CLI_NO_SUCH_USER, "@bbo", "; you know @bob", "bob") */
#define CLI_ERROR(error, id, ...) cli_error_set((error), (id), (const char *const[CLI_ERROR_ARGS]) { __VA_ARGS__ })

#endif
