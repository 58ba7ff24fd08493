/* Accounts: create, login, logout, passwd, delete, list. */
#include "client/cli/cmd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/password.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/store/vault.h"
#include "lib/st_file.h"
#include "lib/st_invite.h"

/* Prints the account with a sentence for people. */
static enum exit_code print_account(struct session *session, const char *sentence)
{
    struct record record;
    char account_id[SHOW_ID_BYTES];
    char device_id[SHOW_ID_BYTES];
    show_account(session, &record, account_id, device_id);
    record.sentence = sentence;
    return cmd_written(output_record(&session->cmd->out, &record));
}

/* ---- create ---- */

struct creation {
    struct st_address address;
    struct st_invite invite;
    bool has_invite;
    bool resumes; /* a registration that was cut short */
};

static enum exit_code mistyped_invite(struct cmd *cmd, const char *name, const char *invite)
{
    char next[QUOTE_LINE_BYTES] = "safetalk account create";
    if (quote_append(next, sizeof next, name) != 0 || quote_append(next, sizeof next, "--server") != 0 ||
        quote_append(next, sizeof next, cmd->settings.server) != 0 ||
        quote_append(next, sizeof next, "--invite") != 0 || quote_append(next, sizeof next, "CODE") != 0)
        (void)snprintf(next, sizeof next, "safetalk account create %s --server ADDR --invite CODE", name);
    return CLI_ERROR(&cmd->error, CLI_INVITE_MISTYPED, invite, next);
}

/* Everything that can be judged before anything is asked or sent. */
static enum exit_code check_creation(struct cmd *cmd, struct creation *out, struct paths_found *found)
{
    const char *name = cmd->args.arguments[0];
    const char *invite = args_text(&cmd->args, FLAG_INVITE);
    char next[QUOTE_LINE_BYTES + 64];
    const char *why;
    memset(out, 0, sizeof *out);
    memset(found, 0, sizeof *found);
    if (name[0] == '@')
        name++;
    if (!st_name_is_login(st_view_text(name)))
        return CLI_ERROR(&cmd->error, CLI_BAD_NAME, name, "a name has 3 to 32 of a-z 0-9 _ . -", "account create");
    (void)snprintf(next, sizeof next, "%s --server ADDR", cmd->typed);
    if (cmd->settings.server == NULL)
        return CLI_ERROR(&cmd->error, CLI_NO_SERVER, next);
    if (st_address_parse(&out->address, st_view_text(cmd->settings.server), &why) != ST_OK)
        return CLI_ERROR(&cmd->error, CLI_BAD_ADDRESS, cmd->settings.server, why, "copy the whole line, in quotes");
    out->has_invite = invite != NULL;
    if (invite != NULL && st_invite_parse(&out->invite, st_view_text(invite)) != ST_OK)
        return mistyped_invite(cmd, name, invite);
    memcpy(found->account.name, name, strlen(name));
    memcpy(found->account.host, out->address.host, sizeof found->account.host);
    found->account.port = out->address.port;
    enum st_err err = paths_account(found->folder, &cmd->paths, name, out->address.host, out->address.port);
    return err == ST_OK ? EXIT_CODE_DONE : cmd_file_error(cmd, cmd->paths.data, err, true);
}

static bool has_file(const struct session *session, const char *name)
{
    char path[PATHS_MAX];
    return paths_join(path, session->folder, name) == ST_OK && access(path, F_OK) == 0;
}

/* Makes the folder and takes the lock; finds out whether there is an account already. */
static enum exit_code prepare_folder(struct session *session, struct creation *creation)
{
    struct cmd *cmd = session->cmd;
    enum st_err err = st_file_make_folder(cmd->paths.data);
    if (err == ST_OK)
        err = st_file_make_folder(session->folder);
    if (err != ST_OK)
        return cmd_file_error(cmd, err == ST_EREFUSED ? session->folder : cmd->paths.data, err, true);
    enum exit_code code = session_take_lock(session);
    if (code != EXIT_CODE_DONE)
        return code;
    creation->resumes = has_file(session, "slots");
    if (creation->resumes && !has_file(session, PATHS_PENDING))
        return CLI_ERROR(&cmd->error, CLI_ACCOUNT_EXISTS, session->shown);
    return EXIT_CODE_DONE;
}

static enum exit_code make_vault(struct session *session)
{
    struct cmd *cmd = session->cmd;
    struct slots_cost cost = slots_cost_default();
    struct store *store = NULL;
    char path[PATHS_MAX];
    enum exit_code code = password_new(cmd, false, &session->password);
    if (code != EXIT_CODE_DONE)
        return code;
    enum st_err err = paths_join(path, session->folder, PATHS_PENDING);
    if (err == ST_OK)
        err = st_file_write(path, st_view_text(""), 0600);
    if (err != ST_OK)
        return cmd_file_error(cmd, session->folder, err, true);
    err = vault_create(&store, session->folder, secret_view(&session->password), &cost, &cmd->env);
    store_close(&store);
    return err == ST_OK ? EXIT_CODE_DONE : session_store_error(session, err);
}

/* Removes what was made for an account that is not to be. */
static void remove_account(struct session *session)
{
    static const char *const rest[] = { PATHS_PENDING, "lock" };
    char path[PATHS_MAX];
    client_shell_free(&session->shell);
    session->client = NULL;
    store_close(&session->store);
    bool gone = vault_erase(session->folder) == ST_OK;
    for (size_t i = 0; gone && i < sizeof rest / sizeof rest[0]; i++)
        if (paths_join(path, session->folder, rest[i]) == ST_OK)
            (void)unlink(path); /* may be absent */
    if (!gone || (rmdir(session->folder) != 0 && access(session->folder, F_OK) == 0))
        output_notice(&session->cmd->out, "warning", NULL, "the account's folder could not be removed");
}

/* Whether the server has refused for good. After a lost answer the keys may be registered, and stay. */
static bool is_refusal(enum client_reason reason)
{
    return reason == CLIENT_NAME_TAKEN || reason == CLIENT_INVITE_REQUIRED || reason == CLIENT_INVITE_UNKNOWN ||
           reason == CLIENT_INVITE_USED || reason == CLIENT_INVITE_EXPIRED || reason == CLIENT_REGISTRATION_CLOSED ||
           reason == CLIENT_NOT_ALLOWED || reason == CLIENT_WRONG_SERVER_KEY;
}

/* The keys of a first attempt are of no use. Those of an earlier one that was cut short stay: the server may have
 * registered them then, and its answer was lost. */
static void end_refused(struct session *session, const struct creation *creation)
{
    if (creation->resumes)
        output_notice(&session->cmd->out, "keys_kept", NULL,
                      "The keys of the first attempt stay on this machine: they may be registered.");
    else
        remove_account(session);
}

static enum exit_code register_account(struct session *session, const struct creation *creation)
{
    struct session_op op = { false, { 0 } };
    char path[PATHS_MAX];
    struct client_registration registration = { creation->address, session->account.name,
                                                creation->has_invite ? creation->invite.code : NULL, "first device",
                                                secret_view(&session->password) };
    client_register(session->client, &registration, session_op_done, &op);
    enum exit_code code = session_finish(session, &op);
    if (code != EXIT_CODE_DONE && is_refusal(op.result.reason))
        end_refused(session, creation);
    if (code != EXIT_CODE_DONE)
        return code;
    enum st_err err = paths_join(path, session->folder, PATHS_PENDING);
    if (err == ST_OK && unlink(path) != 0)
        err = ST_EIO;
    return err == ST_OK ? EXIT_CODE_DONE : cmd_file_error(session->cmd, session->folder, err, true);
}

static enum exit_code create(struct session *session, struct creation *creation)
{
    struct cmd *cmd = session->cmd;
    char sentence[128];
    enum exit_code code = prepare_folder(session, creation);
    if (code == EXIT_CODE_DONE)
        code = creation->resumes ? password_of(cmd, session->account.name, &session->password) : make_vault(session);
    if (code == EXIT_CODE_DONE)
        code = session_start(session, true);
    if (code != EXIT_CODE_DONE)
        return code;
    code = register_account(session, creation);
    if (code != EXIT_CODE_DONE)
        return code;
    (void)snprintf(sentence, sizeof sentence, "%s is registered. The keys are on this machine only.", session->shown);
    code = print_account(session, sentence);
    output_hint(&cmd->out, "Next: safetalk send @NAME -m 'hello'");
    return code;
}

enum exit_code cmd_account_create(struct cmd *cmd)
{
    struct session session;
    struct creation creation;
    struct paths_found found;
    char what[128];
    enum exit_code code = check_creation(cmd, &creation, &found);
    if (code != EXIT_CODE_DONE)
        return code;
    session_init(&session, cmd, &found);
    (void)snprintf(what, sizeof what, "register %s at %.80s", session.shown, session.place);
    if (cmd_is_dry_run(cmd, what))
        return EXIT_CODE_DONE;
    code = create(&session, &creation);
    session_close(&session);
    return code;
}

/* ---- login, logout, passwd, delete ---- */

enum exit_code cmd_account_login(struct cmd *cmd)
{
    struct session session;
    struct session_op op = { false, { 0 } };
    char sentence[64];
    /* The name on the command line is the account. */
    (void)snprintf(cmd->settings.file.account, sizeof cmd->settings.file.account, "%s", cmd->args.arguments[0]);
    enum exit_code code = session_open(&session, cmd);
    if (code == EXIT_CODE_DONE && !cmd_is_dry_run(cmd, "log in again")) {
        client_login(session.client, secret_view(&session.password), session_op_done, &op);
        code = session_finish(&session, &op);
        (void)snprintf(sentence, sizeof sentence, "%s is logged in.", session.shown);
        if (code == EXIT_CODE_DONE)
            code = print_account(&session, sentence);
    }
    session_close(&session);
    return code;
}

/* Ends the session at the server. What the server does not know any more has no session there. */
static enum exit_code end_session(struct session *session, bool erase)
{
    struct session_op op = { false, { 0 } };
    enum exit_code code = session_connect(session);
    if (code == EXIT_CODE_DONE) {
        client_logout(session->client, args_has(&session->cmd->args, FLAG_EVERYWHERE), session_op_done, &op);
        code = session_finish(session, &op);
    }
    if (erase && code != EXIT_CODE_DONE && session->cmd->error.id == CLI_DEVICE_REVOKED) {
        cli_error_clear(&session->cmd->error);
        code = EXIT_CODE_DONE;
    }
    return code;
}

static enum exit_code log_out(struct session *session)
{
    char sentence[96];
    bool erase = args_has(&session->cmd->args, FLAG_ERASE);
    enum exit_code code = end_session(session, erase);
    if (code != EXIT_CODE_DONE)
        return code;
    (void)snprintf(sentence, sizeof sentence, "%s is logged out. %s", session->shown,
                   erase ? "Its keys and history here are erased." : "The history stays on this machine.");
    code = print_account(session, sentence);
    if (erase)
        remove_account(session);
    return code;
}

enum exit_code cmd_account_logout(struct cmd *cmd)
{
    struct session session;
    char question[192];
    bool erase = args_has(&cmd->args, FLAG_ERASE);
    enum exit_code code = session_open(&session, cmd);
    (void)snprintf(question, sizeof question,
                   "Keys and history of %s on this machine will be gone. Type its name:", session.shown);
    if (code == EXIT_CODE_DONE && !cmd_is_dry_run(cmd, erase ? "log out and erase keys and history" : "log out")) {
        if (erase)
            code = cmd_confirm_name(cmd, session.account.name, question, "nothing was erased");
        if (code == EXIT_CODE_DONE)
            code = log_out(&session);
    }
    session_close(&session);
    return code;
}

static enum exit_code change_password(struct session *session, struct secret *fresh)
{
    struct session_op op = { false, { 0 } };
    struct slots_cost cost = slots_cost_default();
    char sentence[96];
    enum exit_code code = session_connect(session);
    if (code == EXIT_CODE_DONE) {
        client_set_password(session->client, secret_view(fresh), session_op_done, &op);
        code = session_finish(session, &op);
    }
    if (code != EXIT_CODE_DONE)
        return code;
    enum st_err err = vault_change_password(session->folder, secret_view(&session->password), secret_view(fresh), &cost,
                                            &session->cmd->env);
    if (err != ST_OK)
        return session_store_error(session, err);
    (void)snprintf(sentence, sizeof sentence, "%s has a new password.", session->shown);
    return print_account(session, sentence);
}

enum exit_code cmd_account_passwd(struct cmd *cmd)
{
    struct session session;
    struct secret fresh = { NULL, 0 };
    enum exit_code code = session_open(&session, cmd);
    if (code == EXIT_CODE_DONE && !cmd_is_dry_run(cmd, "change the password at the server and here")) {
        code = password_new(cmd, true, &fresh);
        if (code == EXIT_CODE_DONE)
            code = change_password(&session, &fresh);
    }
    secret_free(&fresh);
    session_close(&session);
    return code;
}

static enum exit_code delete_account(struct session *session)
{
    struct session_op op = { false, { 0 } };
    char sentence[96];
    enum exit_code code = session_connect(session);
    if (code == EXIT_CODE_DONE) {
        client_delete_account(session->client, secret_view(&session->password), session_op_done, &op);
        code = session_finish(session, &op);
    }
    if (code != EXIT_CODE_DONE)
        return code;
    (void)snprintf(sentence, sizeof sentence, "%s is deleted, at the server and here.", session->shown);
    code = print_account(session, sentence);
    remove_account(session);
    return code;
}

enum exit_code cmd_account_delete(struct cmd *cmd)
{
    struct session session;
    char question[192];
    enum exit_code code = session_open(&session, cmd);
    (void)snprintf(question, sizeof question,
                   "%s will be gone for ever, and nobody can have the name. Type it:", session.shown);
    if (code == EXIT_CODE_DONE && !cmd_is_dry_run(cmd, "delete the account, at the server and here")) {
        code = cmd_confirm_name(cmd, session.account.name, question, "nothing was deleted");
        if (code == EXIT_CODE_DONE)
            code = delete_account(&session);
    }
    session_close(&session);
    return code;
}

/* ---- list ---- */

struct listing {
    struct cmd *cmd;
    struct target_account wanted; /* the configured default; name[0] is 0 without one */
    size_t all;                   /* how many there are */
    enum st_err written;
};

static enum st_err count_account(void *ctx, const struct paths_found *found)
{
    struct listing *listing = ctx;
    if (!found->pending)
        listing->all++;
    return ST_OK;
}

static bool is_default(const struct listing *listing, const struct target_account *account)
{
    const struct target_account *wanted = &listing->wanted;
    if (wanted->name[0] == '\0')
        return listing->all == 1;
    return strcmp(wanted->name, account->name) == 0 &&
           (wanted->host[0] == '\0' || (strcmp(wanted->host, account->host) == 0 && wanted->port == account->port));
}

static enum st_err list_account(void *ctx, const struct paths_found *found)
{
    struct listing *listing = ctx;
    struct record record;
    char name[ST_NAME_LOGIN_MAX + 2];
    char place[ST_ADDRESS_HOST_PORT_BYTES];
    (void)snprintf(name, sizeof name, "@%s", found->account.name);
    st_address_format_host_port(place, found->account.host, found->account.port);
    record_init(&record, RECORD_ACCOUNT);
    record.as.account.name = name;
    record.as.account.server = place;
    record.as.account.is_default = !found->pending && is_default(listing, &found->account);
    record.as.account.note = found->pending ? "not registered" : NULL;
    record.as.account.locked = true; /* nobody holds its keys without a daemon */
    listing->written = output_record(&listing->cmd->out, &record);
    return listing->written;
}

enum exit_code cmd_account_list(struct cmd *cmd)
{
    struct listing listing = { cmd, { "", "", 0 }, 0, ST_OK };
    if (cmd->settings.file.account[0] != '\0' &&
        target_parse_account(&listing.wanted, cmd->settings.file.account) != ST_OK)
        listing.wanted.name[0] = '\0';
    enum st_err err = paths_each_account(&cmd->paths, count_account, &listing);
    if (err == ST_OK)
        err = paths_each_account(&cmd->paths, list_account, &listing);
    if (listing.written != ST_OK)
        return cmd_written(listing.written);
    return err == ST_OK ? EXIT_CODE_DONE : cmd_file_error(cmd, cmd->paths.data, err, false);
}
