/* What is in the local store: `chats`, `read`, `status`, `outbox list`. */
#include "client/cli/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/session.h"
#include "client/cli/show.h"
#include "lib/st_hex.h"

enum { READ_LIMIT = 50, GAPS_MAX = 256 };

/* A list that is being printed. */
struct printing {
    struct session session;
    struct show *show;
    enum st_err written; /* what the output said last */
    size_t count;
    uint64_t last_order;
    struct store_gap *gaps; /* of the chat, by order */
    size_t gap_count;
    size_t gap_at;
    uint64_t first_order; /* of the messages that are shown; gaps before it are not */
};

static enum exit_code begin(struct printing *printing, struct cmd *cmd)
{
    memset(printing, 0, sizeof *printing);
    enum exit_code code = session_open(&printing->session, cmd);
    if (code != EXIT_CODE_DONE)
        return code;
    printing->show = show_new(&printing->session);
    return printing->show != NULL ? EXIT_CODE_DONE : session_store_error(&printing->session, ST_ENOMEM);
}

static void end(struct printing *printing)
{
    free(printing->gaps);
    show_free(&printing->show);
    session_close(&printing->session);
}

static enum st_err print(struct printing *printing, const struct record *record)
{
    printing->written = output_record(&printing->session.cmd->out, record);
    printing->count++;
    return printing->written;
}

/* The exit code of a list: of its store, or of the output. */
static enum exit_code list_code(struct printing *printing, enum st_err err)
{
    if (printing->written != ST_OK)
        return cmd_written(printing->written);
    return err == ST_OK ? EXIT_CODE_DONE : session_store_error(&printing->session, err);
}

/* ---- chats ---- */

static enum st_err print_chat(void *ctx, const struct store_chat *chat)
{
    struct printing *printing = ctx;
    struct record record;
    enum st_err err = show_chat(printing->show, chat, &record);
    return err == ST_OK ? print(printing, &record) : err;
}

enum exit_code cmd_chats(struct cmd *cmd)
{
    struct printing printing;
    enum exit_code code = begin(&printing, cmd);
    if (code == EXIT_CODE_DONE) {
        bool unread = args_has(&cmd->args, FLAG_UNREAD);
        code = list_code(&printing, store_chat_each(printing.session.store, unread, print_chat, &printing));
    }
    end(&printing);
    return code;
}

/* ---- read ---- */

static enum st_err keep_gap(void *ctx, const struct store_gap *gap)
{
    struct printing *printing = ctx;
    if (printing->gap_count < GAPS_MAX)
        printing->gaps[printing->gap_count++] = *gap;
    return ST_OK;
}

/* Prints the gaps that lie before the place `order`. */
static enum st_err print_gaps(struct printing *printing, uint64_t order)
{
    while (printing->gap_at < printing->gap_count && printing->gaps[printing->gap_at].order < order) {
        const struct store_gap *gap = &printing->gaps[printing->gap_at++];
        struct record record;
        if (gap->order < printing->first_order)
            continue;
        enum st_err err = show_gap(printing->show, gap, &record);
        if (err == ST_OK)
            err = print(printing, &record);
        if (err != ST_OK)
            return err;
    }
    return ST_OK;
}

static enum st_err print_message(void *ctx, const struct store_message *message)
{
    struct printing *printing = ctx;
    struct record record;
    if (printing->count == 0 && printing->gap_at == 0)
        printing->first_order = message->order;
    enum st_err err = print_gaps(printing, message->order);
    if (err == ST_OK)
        err = show_message(printing->show, message, &record);
    if (err == ST_OK)
        err = print(printing, &record);
    if (err == ST_OK)
        printing->last_order = message->order;
    return err;
}

static enum exit_code find_chat(struct printing *printing, struct store_chat *chat)
{
    struct cmd *cmd = printing->session.cmd;
    struct target target;
    static const enum store_chat_kind kinds[] = { STORE_CHAT_PERSON, STORE_CHAT_GROUP, STORE_CHAT_SELF };
    const char *typed = cmd->args.arguments[0];
    if (target_parse(&target, typed, false) != ST_OK && target_parse(&target, typed, true) != ST_OK)
        return CLI_ERROR(&cmd->error, CLI_BAD_NAME, typed, "a chat is @name, '#group' or me", "read");
    enum st_err err = store_chat_find_name(printing->session.store, kinds[target.kind], target.name, chat);
    if (err == ST_OK)
        return EXIT_CODE_DONE;
    if (err != ST_ENOTFOUND)
        return session_store_error(&printing->session, err);
    return CLI_ERROR(&cmd->error, CLI_NO_SUCH_CHAT, target.shown, "nothing was written or received in it");
}

static enum exit_code read_chat(struct printing *printing, const struct store_chat *chat)
{
    struct session *session = &printing->session;
    const struct args *args = &session->cmd->args;
    struct store_message_query query = { .chat = chat->id,
                                         .since_ms = args_number(args, FLAG_SINCE, 0),
                                         .before_ms = args_number(args, FLAG_BEFORE, 0),
                                         .last = (uint32_t)args_number(args, FLAG_LIMIT, READ_LIMIT) };
    printing->gaps = calloc(GAPS_MAX, sizeof *printing->gaps);
    if (printing->gaps == NULL)
        return session_store_error(session, ST_ENOMEM);
    output_page(&session->cmd->out);
    output_show_days(&session->cmd->out);
    enum st_err err = store_gap_each(session->store, chat->id, keep_gap, printing);
    if (err == ST_OK)
        err = store_message_each(session->store, &query, print_message, printing);
    /* A gap at the end belongs to what is shown, unless nothing of that time is. */
    if (err == ST_OK && query.before_ms == 0 && (printing->last_order > 0 || query.since_ms == 0))
        err = print_gaps(printing, UINT64_MAX);
    if (err == ST_OK && printing->last_order > 0 && !session->cmd->settings.dry_run)
        err = client_mark_read(session->client, chat->id, printing->last_order);
    return list_code(printing, err);
}

enum exit_code cmd_read(struct cmd *cmd)
{
    struct printing printing;
    struct store_chat chat;
    enum exit_code code = begin(&printing, cmd);
    if (code == EXIT_CODE_DONE)
        code = find_chat(&printing, &chat);
    if (code == EXIT_CODE_DONE)
        code = read_chat(&printing, &chat);
    if (code == EXIT_CODE_DONE && printing.count == 0 && args_has(&cmd->args, FLAG_FAIL_EMPTY))
        code = CLI_ERROR(&cmd->error, CLI_NOTHING, "safetalk chats");
    end(&printing);
    return code;
}

/* ---- status ---- */

static const char *registration_word(uint64_t registration)
{
    static const char *const words[] = { "unknown", "closed", "invite", "approve", "open" };
    return registration < sizeof words / sizeof words[0] ? words[registration] : words[0];
}

static enum st_err fill_status(struct session *session, struct record *record, char device[static SHOW_ID_BYTES])
{
    struct client_status status;
    struct store_outbox_counts outbox;
    uint64_t unread = 0;
    struct record_status *s = &record->as.status;
    record_init(record, RECORD_STATUS);
    client_get_status(session->client, &status);
    enum st_err err = store_message_count_unread(session->store, &unread);
    if (err == ST_OK)
        err = store_outbox_count(session->store, &outbox);
    if (err != ST_OK)
        return err;
    (void)snprintf(device, SHOW_ID_BYTES, "%08" PRIx32, status.dev);
    s->account = session->shown;
    s->device_id = device;
    s->server = session->place;
    s->connected = status.online;
    if (status.synced_at_ms != 0)
        s->synced_at = status.synced_at_ms;
    s->unread = (int64_t)unread;
    s->outbox = outbox.messages;
    s->prekeys = (int64_t)status.prekeys;
    s->no_opk_count = (int64_t)status.no_opk_count;
    s->policy = (struct record_policy) { registration_word(status.registration), (int64_t)status.retention_s,
                                         (int64_t)status.mailbox_bytes, (int64_t)status.blob_bytes };
    return ST_OK;
}

enum exit_code cmd_status(struct cmd *cmd)
{
    struct session session;
    struct record record;
    char device[SHOW_ID_BYTES];
    enum exit_code code = session_open(&session, cmd);
    if (code == EXIT_CODE_DONE) {
        enum st_err err = fill_status(&session, &record, device);
        code = err == ST_OK ? cmd_written(output_record(&cmd->out, &record)) : session_store_error(&session, err);
    }
    session_close(&session);
    return code;
}

/* ---- outbox list ---- */

static enum st_err print_item(void *ctx, const struct store_outbox_item *item)
{
    struct printing *printing = ctx;
    struct record record;
    char id[2 * STORE_MSG_ID_BYTES + 1];
    char to[SHOW_NAME_BYTES];
    record_init(&record, RECORD_OUTBOX);
    st_hex_encode(id, item->msg_id, sizeof item->msg_id);
    session_name_of(&printing->session, item->acct, to);
    struct record_outbox *o = &record.as.outbox;
    o->id = id;
    o->to = to;
    o->state = item->stored == item->copies ? "stored" : "queued";
    o->copies = item->copies;
    o->attempts = item->attempts;
    o->queued_at = item->queued_at_ms;
    if (item->next_try_at_ms != 0)
        o->next_try_at = item->next_try_at_ms;
    if (item->reason[0] != '\0')
        o->reason = item->reason;
    return print(printing, &record);
}

enum exit_code cmd_outbox_list(struct cmd *cmd)
{
    struct printing printing;
    enum exit_code code = begin(&printing, cmd);
    if (code == EXIT_CODE_DONE)
        code = list_code(&printing, store_outbox_each_item(printing.session.store, print_item, &printing));
    end(&printing);
    return code;
}
