/* An account that a command works on: chosen, locked against other processes, opened with its password, and, if the
 * command wants it, connected. */
#ifndef SESSION_H
#define SESSION_H

#include "client/cli/account_lock.h"
#include "client/cli/cmd.h"
#include "client/cli/secret_input.h"
#include "client/shell/client_shell.h"

struct session {
    struct cmd *cmd; /* borrowed */
    struct target_account account;
    char shown[ST_NAME_LOGIN_MAX + 2];      /* @alice */
    char place[ST_ADDRESS_HOST_PORT_BYTES]; /* HOST:PORT */
    char folder[PATHS_MAX];
    struct account_lock lock;
    struct secret password; /* kept only where the command needs it again */
    struct store *store;
    struct client_shell *shell;
    struct client *client;
    bool online;
    enum client_reason offline; /* why it is not online, as last told */
    /* Told of every event after the session has looked at it; may be NULL. */
    void (*on_event)(void *ctx, const struct client_event *event);
    void *on_event_ctx;
};

/* Finds the account that flags, variables and configuration mean: the one that is named, or the only one. Errors fill
 * cmd->error. */
enum exit_code session_choose(struct cmd *cmd, struct paths_found *out);

/* Prepares an empty session for the account in `found`: names and folder only. */
void session_init(struct session *session, struct cmd *cmd, const struct paths_found *found);

/* Takes the account's lock. */
enum exit_code session_take_lock(struct session *session);

/* Opens the store with session->password and puts the engine over it. `new_ok`: an account that is not registered yet
 * is fine. */
enum exit_code session_start(struct session *session, bool new_ok);

/* All of it: choose, lock, ask for the password, open. */
enum exit_code session_open(struct session *session, struct cmd *cmd);

/* Ends what runs, closes, wipes, gives the lock back. Fine at any stage after session_init, and on zeroed memory with
 * lock.fd -1. */
void session_close(struct session *session);

/* Whether the link cannot come up whatever one waits: wrong server key, revoked, disabled. */
bool session_is_hopeless(const struct session *session);

/* Runs the engine until done() says so, `deadline_ms` (monotonic, negative: never) is over, a signal came, or the link
 * is hopeless (done is then looked at no more). */
enum client_shell_end session_run(struct session *session, bool (*done)(void *ctx), void *ctx, int64_t deadline_ms);

/* The monotonic time in `wait_ms` from now. */
int64_t session_deadline(const struct session *session, int64_t wait_ms);

/* Goes online and waits, at most --timeout. Errors: not reachable, and all that the server may say. */
enum exit_code session_connect(struct session *session);

/* The answer to one operation of the engine. */
struct session_op {
    bool done;
    struct client_result result;
};

/* To be handed to the engine as client_done_fn with a session_op as its ctx. */
void session_op_done(void *ctx, const struct client_result *result);

/* Runs until the operation has ended, or --timeout is over: then its result is what the link says. */
enum exit_code session_finish(struct session *session, struct session_op *op);

/* The exit code of a signal that came; `what_stays` is said. */
enum exit_code session_interrupted(struct session *session, const char *what_stays);

/* Fills cmd->error for a result that is not CLIENT_OK; `who` is the contact that it is about (@bob), or "". */
enum exit_code session_error(struct session *session, const struct client_result *result, const char *who);

/* Fills cmd->error for an error of the store. */
enum exit_code session_store_error(struct session *session, enum st_err err);

/* "@name" of an account id as we know it. */
void session_name_of(struct session *session, const uint8_t acct[static ST_ACCT_LEN],
                     char out[static ST_NAME_LOGIN_MAX + 2]);

#endif
