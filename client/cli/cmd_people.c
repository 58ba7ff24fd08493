/* Contacts and their keys: `contact lookup`, `key show`, `key verify`. */
#include "client/cli/cmd.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/session.h"
#include "client/cli/show.h"

static enum exit_code parse_person(struct cmd *cmd, const char *text, struct target *out)
{
    if (target_parse(out, text, true) == ST_OK)
        return EXIT_CODE_DONE;
    return CLI_ERROR(&cmd->error, CLI_BAD_NAME, text, "a person is @name: 3 to 32 of a-z 0-9 _ . -",
                     cmd->args.command->words);
}

static enum exit_code print_contact(struct session *session, const char *name)
{
    struct store_contact contact;
    struct record record;
    struct show *show = show_new(session);
    if (show == NULL)
        return session_store_error(session, ST_ENOMEM);
    enum st_err err = store_contact_find(session->store, name, &contact);
    if (err == ST_OK)
        err = show_contact(show, &contact, &record);
    enum exit_code code =
        err == ST_OK ? cmd_written(output_record(&session->cmd->out, &record)) : session_store_error(session, err);
    show_free(&show);
    return code;
}

enum exit_code cmd_contact_lookup(struct cmd *cmd)
{
    struct session session;
    struct target target;
    struct session_op op = { false, { 0 } };
    enum exit_code code = parse_person(cmd, cmd->args.arguments[0], &target);
    if (code != EXIT_CODE_DONE)
        return code;
    code = session_open(&session, cmd);
    if (code == EXIT_CODE_DONE)
        code = session_connect(&session);
    if (code == EXIT_CODE_DONE) {
        client_lookup(session.client, target.name, session_op_done, &op);
        code = session_finish(&session, &op);
        if (op.done && op.result.reason != CLIENT_OK)
            code = session_error(&session, &op.result, target.shown);
    }
    if (code == EXIT_CODE_DONE)
        code = print_contact(&session, target.name);
    session_close(&session);
    return code;
}

/* The number of a contact (or of the account itself) as a record; texts are the caller's. */
struct number {
    char digits[CLIENT_SAFETY_BYTES];
    struct record record;
};

static enum exit_code load_number(struct session *session, const struct target *target, struct number *out)
{
    struct store_contact contact;
    record_init(&out->record, RECORD_SAFETY_NUMBER);
    out->record.as.safety_number.digits = out->digits;
    out->record.as.safety_number.trust = "verified";
    enum st_err err = client_safety_number(session->client, target != NULL ? target->name : NULL, out->digits);
    if (err == ST_OK && target != NULL) {
        err = store_contact_find(session->store, target->name, &contact);
        out->record.as.safety_number.contact = target->shown;
        if (err == ST_OK)
            out->record.as.safety_number.trust = show_trust(contact.trust);
    }
    if (err == ST_OK)
        return EXIT_CODE_DONE;
    if (err != ST_ENOTFOUND || target == NULL)
        return session_store_error(session, err);
    struct client_result unknown;
    memset(&unknown, 0, sizeof unknown);
    unknown.reason = CLIENT_NO_SUCH_USER;
    return session_error(session, &unknown, target->shown);
}

enum exit_code cmd_key_show(struct cmd *cmd)
{
    struct session session;
    struct target target;
    struct number number;
    const char *who = cmd->args.arguments[0];
    enum exit_code code = who != NULL ? parse_person(cmd, who, &target) : EXIT_CODE_DONE;
    if (code != EXIT_CODE_DONE)
        return code;
    code = session_open(&session, cmd);
    if (code == EXIT_CODE_DONE)
        code = load_number(&session, who != NULL ? &target : NULL, &number);
    if (code == EXIT_CODE_DONE)
        code = cmd_written(output_record(&cmd->out, &number.record));
    session_close(&session);
    return code;
}

/* Compares what was given, or shows the number and asks. */
static enum exit_code compare(struct cmd *cmd, const struct target *target, struct number *number, bool *match)
{
    char theirs[TARGET_NUMBER_DIGITS + 1];
    char question[128];
    const char *given = cmd->args.arguments[1];
    *match = false;
    if (given != NULL) {
        if (target_parse_number(theirs, given) != ST_OK)
            return CLI_ERROR(&cmd->error, CLI_BAD_VALUE, "NUMBER", given, "60 digits, spaces are free", " key verify");
        *match = strcmp(theirs, number->digits) == 0;
        return EXIT_CODE_DONE;
    }
    enum exit_code code = cmd_written(output_record(&cmd->out, &number->record));
    (void)snprintf(question, sizeof question, "Does %s see the same number? (yes/no)", target->shown);
    return code == EXIT_CODE_DONE ? cmd_confirm(cmd, question, match) : code;
}

static enum exit_code verify(struct session *session, const struct target *target, struct number *number)
{
    struct cmd *cmd = session->cmd;
    bool match;
    enum exit_code code = compare(cmd, target, number, &match);
    if (code != EXIT_CODE_DONE || cmd_is_dry_run(cmd, "remember the result"))
        return code;
    if (match) {
        enum st_err err = client_set_verified(session->client, target->name);
        if (err != ST_OK)
            return session_store_error(session, err);
        number->record.as.safety_number.trust = "verified";
    }
    number->record.as.safety_number.result = match ? "match" : "mismatch";
    code = cmd_written(output_record(&cmd->out, &number->record));
    if (code != EXIT_CODE_DONE || match)
        return code;
    return CLI_ERROR(&cmd->error, CLI_NUMBER_DIFFERS, target->shown);
}

enum exit_code cmd_key_verify(struct cmd *cmd)
{
    struct session session;
    struct target target;
    struct number number;
    enum exit_code code = parse_person(cmd, cmd->args.arguments[0], &target);
    if (code != EXIT_CODE_DONE)
        return code;
    code = session_open(&session, cmd);
    if (code == EXIT_CODE_DONE)
        code = load_number(&session, &target, &number);
    if (code == EXIT_CODE_DONE)
        code = verify(&session, &target, &number);
    session_close(&session);
    return code;
}
