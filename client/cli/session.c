#include "client/cli/session.h"

#include <stdio.h>
#include <string.h>

#include <signal.h>

#include "client/cli/interrupt.h"
#include "client/cli/password.h"
#include "client/cli/when.h"
#include "client/store/vault.h"
#include "lib/st_hex.h"

/* ---- which account ---- */

struct choice {
    const struct target_account *wanted; /* NULL: any */
    struct paths_found *found;
    size_t matches;
    size_t all;
    char names[CLI_ERROR_TEXT_BYTES / 2]; /* of all, for the error */
};

static bool fits(const struct target_account *wanted, const struct target_account *account)
{
    if (wanted == NULL)
        return true;
    if (strcmp(wanted->name, account->name) != 0)
        return false;
    return wanted->host[0] == '\0' || (strcmp(wanted->host, account->host) == 0 && wanted->port == account->port);
}

static enum st_err consider(void *ctx, const struct paths_found *found)
{
    struct choice *choice = ctx;
    char place[ST_ADDRESS_HOST_PORT_BYTES];
    size_t used = strlen(choice->names);
    st_address_format_host_port(place, found->account.host, found->account.port);
    (void)snprintf(choice->names + used, sizeof choice->names - used, "%s%s@%s", used > 0 ? ", " : "",
                   found->account.name, place);
    choice->all++;
    if (!fits(choice->wanted, &found->account))
        return ST_OK;
    /* One that is not registered yet counts only where there is no other. */
    bool better = choice->matches > 0 && choice->found->pending && !found->pending;
    if (choice->matches == 0 || better)
        *choice->found = *found;
    if (choice->matches == 0 || (!better && !found->pending))
        choice->matches++;
    return ST_OK;
}

static enum exit_code ambiguous(struct cmd *cmd, const struct choice *choice)
{
    char next[QUOTE_LINE_BYTES + 64];
    bool given = cmd->args.values[FLAG_ACCOUNT].origin == ARGS_FLAG;
    (void)snprintf(next, sizeof next, "%s -a NAME@HOST", given ? "the same with" : cmd->typed);
    return CLI_ERROR(&cmd->error, CLI_ACCOUNT_NEEDED, choice->names, next);
}

enum exit_code session_choose(struct cmd *cmd, struct paths_found *out)
{
    struct target_account wanted;
    struct choice choice = { NULL, out, 0, 0, "" };
    const char *name = cmd->settings.file.account;
    memset(out, 0, sizeof *out);
    if (name[0] != '\0') {
        if (target_parse_account(&wanted, name) != ST_OK)
            return CLI_ERROR(&cmd->error, CLI_BAD_NAME, name, "an account is NAME, NAME@HOST or NAME@HOST:PORT",
                             cmd->args.command->words);
        choice.wanted = &wanted;
    }
    enum st_err err = paths_each_account(&cmd->paths, consider, &choice);
    if (err != ST_OK)
        return cmd_file_error(cmd, cmd->paths.data, err, false);
    if (choice.matches == 1)
        return EXIT_CODE_DONE;
    if (choice.all == 0)
        return CLI_ERROR(&cmd->error, CLI_NO_ACCOUNT, "");
    if (choice.matches > 1)
        return ambiguous(cmd, &choice);
    char shown[ST_NAME_LOGIN_MAX + 2];
    (void)snprintf(shown, sizeof shown, "@%s", wanted.name);
    return CLI_ERROR(&cmd->error, CLI_NO_SUCH_ACCOUNT, shown, choice.names);
}

/* ---- opening ---- */

void session_init(struct session *session, struct cmd *cmd, const struct paths_found *found)
{
    memset(session, 0, sizeof *session);
    session->cmd = cmd;
    session->lock.fd = -1;
    session->account = found->account;
    memcpy(session->folder, found->folder, sizeof session->folder);
    (void)snprintf(session->shown, sizeof session->shown, "@%s", found->account.name);
    st_address_format_host_port(session->place, found->account.host, found->account.port);
}

static enum exit_code held(struct session *session, const struct account_lock_holder *holder)
{
    struct cmd *cmd = session->cmd;
    char who[256];
    char span[WHEN_TEXT_BYTES];
    char next[QUOTE_LINE_BYTES + 64];
    when_span(span, st_env_wall_ms(&cmd->env) - holder->since_ms);
    if (holder->pid != 0)
        (void)snprintf(who, sizeof who, "pid %lld, %s, %s", (long long)holder->pid,
                       holder->command[0] != '\0' ? holder->command : "unknown command", span);
    else
        (void)snprintf(who, sizeof who, "by another process");
    bool given = cmd->args.values[FLAG_LOCK_TIMEOUT].origin == ARGS_FLAG;
    (void)snprintf(next, sizeof next, "%s --lock-timeout 60", given ? "the same with" : cmd->typed);
    return CLI_ERROR(&cmd->error, CLI_HELD, session->shown, who, next);
}

enum exit_code session_take_lock(struct session *session)
{
    struct cmd *cmd = session->cmd;
    char line[ARGS_PUBLIC_BYTES];
    struct account_lock_holder holder;
    args_public_line(line, &cmd->args);
    enum st_err err = account_lock_take(&session->lock, session->folder, line, st_env_wall_ms(&cmd->env),
                                        cmd->settings.file.lock_timeout_ms, &holder);
    if (err == ST_EUNAVAILABLE)
        return held(session, &holder);
    return err == ST_OK ? EXIT_CODE_DONE : cmd_file_error(cmd, session->folder, err, true);
}

static void on_event(void *ctx, const struct client_event *event)
{
    struct session *session = ctx;
    if (event->kind == CLIENT_EVENT_ONLINE) {
        session->online = true;
        session->offline = CLIENT_OK;
    }
    if (event->kind == CLIENT_EVENT_OFFLINE) {
        session->online = false;
        session->offline = event->result.reason;
    }
    if (event->kind == CLIENT_EVENT_WARNING) {
        st_log_say(session->cmd->log, ST_LOG_WARN, "engine", "%s", event->text);
        if (session->cmd->settings.verbose)
            output_notice(&session->cmd->out, "warning", NULL, event->text);
    }
    if (session->on_event != NULL)
        session->on_event(session->on_event_ctx, event);
}

/* The server that --server names must be the account's own. */
static enum exit_code check_server(struct session *session)
{
    struct cmd *cmd = session->cmd;
    struct st_address named;
    struct st_address own;
    struct st_buf text;
    const char *server = cmd->settings.server;
    if (server == NULL || st_address_parse(&named, st_view_text(server), NULL) != ST_OK)
        return EXIT_CODE_DONE;
    st_buf_init(&text, ST_ADDRESS_TEXT_BYTES);
    enum st_err err = store_meta_get(session->store, STORE_META_SERVER, &text);
    bool same =
        err == ST_OK && st_address_parse(&own, st_buf_view(&text), NULL) == ST_OK && st_address_equal(&named, &own);
    st_buf_free(&text);
    if (same || err == ST_ENOTFOUND)
        return EXIT_CODE_DONE;
    if (err != ST_OK)
        return session_store_error(session, err);
    return CLI_ERROR(&cmd->error, CLI_SERVER_DIFFERS, session->shown, session->place,
                     "the same command without --server");
}

static enum exit_code vault_error(struct session *session, enum st_err err)
{
    struct cmd *cmd = session->cmd;
    if (err == ST_ENOTFOUND)
        return CLI_ERROR(&cmd->error, CLI_NOT_REGISTERED, session->shown, session->account.name, session->place);
    if (err == ST_EREFUSED)
        return CLI_ERROR(&cmd->error, CLI_WRONG_PASSWORD, session->shown, "the key slot did not open; nothing was sent",
                         cmd->typed);
    if (err == ST_EINTEGRITY)
        return CLI_ERROR(&cmd->error, CLI_CORRUPT_DB, "slots", "the file with the keys is damaged");
    return session_store_error(session, err);
}

static struct client_config engine_config(const struct cmd *cmd)
{
    static const enum client_requests requests[] = {
        [SETTINGS_REQUESTS_AUTO] = CLIENT_REQUESTS_AUTO,
        [SETTINGS_REQUESTS_ASK] = CLIENT_REQUESTS_ASK,
        [SETTINGS_REQUESTS_ACCEPT] = CLIENT_REQUESTS_ACCEPT,
    };
    struct client_config config = client_config_default();
    config.requests = requests[cmd->settings.file.requests];
    config.expose_spread_ms = cmd->settings.file.expose_within_ms;
    config.strict_handshake = cmd->settings.file.strict_handshake;
    return config;
}

enum exit_code session_start(struct session *session, bool new_ok)
{
    struct cmd *cmd = session->cmd;
    struct client_config config = engine_config(cmd);
    struct client_status status;
    char blobs[PATHS_MAX];
    enum st_err err =
        vault_open(&session->store, session->folder, secret_view(&session->password), STORE_READ_WRITE, &cmd->env);
    if (err != ST_OK)
        return vault_error(session, err);
    enum exit_code code = check_server(session);
    if (code != EXIT_CODE_DONE)
        return code;
    err = paths_join(blobs, session->folder, "blobs");
    struct client_shell_options options = { session->store, blobs, &config, cmd->wake_fd, on_event, session };
    if (err == ST_OK)
        err = client_shell_new(&session->shell, &options);
    if (err != ST_OK)
        return session_store_error(session, err);
    session->client = client_shell_client(session->shell);
    client_get_status(session->client, &status);
    if (!status.registered && !new_ok)
        return CLI_ERROR(&cmd->error, CLI_NOT_REGISTERED, session->shown, session->account.name, session->place);
    return EXIT_CODE_DONE;
}

enum exit_code session_open(struct session *session, struct cmd *cmd)
{
    struct paths_found found;
    memset(session, 0, sizeof *session);
    session->lock.fd = -1;
    enum exit_code code = session_choose(cmd, &found);
    if (code != EXIT_CODE_DONE)
        return code;
    session_init(session, cmd, &found);
    code = session_take_lock(session);
    if (code == EXIT_CODE_DONE)
        code = password_of(cmd, session->account.name, &session->password);
    if (code == EXIT_CODE_DONE)
        code = session_start(session, false);
    return code;
}

void session_close(struct session *session)
{
    client_shell_free(&session->shell);
    session->client = NULL;
    store_close(&session->store);
    secret_free(&session->password);
    account_lock_release(&session->lock);
}

/* ---- running ---- */

bool session_is_hopeless(const struct session *session)
{
    return session->offline == CLIENT_WRONG_SERVER_KEY || session->offline == CLIENT_DEVICE_REVOKED ||
           session->offline == CLIENT_ACCOUNT_DISABLED;
}

struct run {
    struct session *session;
    bool (*done)(void *ctx);
    void *ctx;
};

static bool run_done(void *ctx)
{
    struct run *run = ctx;
    return run->done(run->ctx) || session_is_hopeless(run->session);
}

int64_t session_deadline(const struct session *session, int64_t wait_ms)
{
    return st_env_mono_ms(&session->cmd->env) + wait_ms;
}

enum client_shell_end session_run(struct session *session, bool (*done)(void *ctx), void *ctx, int64_t deadline_ms)
{
    struct run run = { session, done, ctx };
    if (interrupt_signal() != 0)
        return CLIENT_SHELL_WOKEN;
    return client_shell_run(session->shell, run_done, &run, deadline_ms);
}

static bool is_online(void *ctx)
{
    struct session *session = ctx;
    return client_is_online(session->client);
}

enum exit_code session_connect(struct session *session)
{
    client_go_online(session->client);
    int64_t deadline_ms = session_deadline(session, session->cmd->settings.file.timeout_ms);
    enum client_shell_end end = session_run(session, is_online, session, deadline_ms);
    if (is_online(session))
        return EXIT_CODE_DONE;
    if (end == CLIENT_SHELL_WOKEN)
        return session_interrupted(session, "nothing was changed");
    struct client_result result;
    memset(&result, 0, sizeof result);
    result.reason = client_link_reason(session->client);
    if (result.reason == CLIENT_OK)
        result.reason = session->offline != CLIENT_OK ? session->offline : CLIENT_UNREACHABLE;
    return session_error(session, &result, "");
}

void session_op_done(void *ctx, const struct client_result *result)
{
    struct session_op *op = ctx;
    op->result = *result;
    op->done = true;
}

static bool op_is_done(void *ctx)
{
    const struct session_op *op = ctx;
    return op->done;
}

enum exit_code session_finish(struct session *session, struct session_op *op)
{
    int64_t deadline_ms = session_deadline(session, session->cmd->settings.file.timeout_ms);
    enum client_shell_end end = session_run(session, op_is_done, op, deadline_ms);
    if (op->done)
        return op->result.reason == CLIENT_OK ? EXIT_CODE_DONE : session_error(session, &op->result, "");
    if (end == CLIENT_SHELL_WOKEN)
        return session_interrupted(session, "what was asked of the server may have happened");
    enum client_reason link = client_link_reason(session->client);
    op->result.reason = session_is_hopeless(session) ? session->offline : link != CLIENT_OK ? link : CLIENT_UNREACHABLE;
    return session_error(session, &op->result, "");
}

enum exit_code session_interrupted(struct session *session, const char *what_stays)
{
    struct cmd *cmd = session->cmd;
    bool term = interrupt_signal() == SIGTERM;
    return CLI_ERROR(&cmd->error, term ? CLI_TERMINATED : CLI_INTERRUPTED, what_stays, cmd->typed);
}

void session_name_of(struct session *session, const uint8_t acct[static ST_ACCT_LEN],
                     char out[static ST_NAME_LOGIN_MAX + 2])
{
    struct store_contact contact;
    if (store_contact_get(session->store, acct, &contact) == ST_OK) {
        (void)snprintf(out, ST_NAME_LOGIN_MAX + 2, "@%s", contact.name);
        return;
    }
    /* Nobody that we know by name: `?` is in no login name. */
    char hex[9];
    st_hex_encode(hex, acct, 4);
    (void)snprintf(out, ST_NAME_LOGIN_MAX + 2, "@?%s", hex);
}
