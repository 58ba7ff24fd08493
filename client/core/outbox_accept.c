#include "client/core/outbox.h"

#include <stdlib.h>

enum { GONE_MAX = 64 /* copies for a deleted account that are dropped at one time */ };

/* ---- answers ---- */

static int64_t backoff_ms(uint32_t attempts)
{
    int64_t wait = OUTBOX_RETRY_FIRST_MS;
    for (uint32_t i = 0; i < attempts && wait < OUTBOX_RETRY_LAST_MS; i++)
        wait *= 2;
    return wait < OUTBOX_RETRY_LAST_MS ? wait : OUTBOX_RETRY_LAST_MS;
}

void outbox_tell(struct client *client, const uint8_t id[static ST_MSG_ID_LEN], enum store_state state,
                 enum client_reason reason)
{
    struct client_event event = { .kind = CLIENT_EVENT_STATE, .state = state, .result = core_result(reason) };
    memcpy(event.id, id, sizeof event.id);
    client->out.event(client->out.ctx, &event);
}

struct accepted_item {
    uint8_t id[ST_MSG_ID_LEN];
    struct store_device to;
    enum st_copy_status status;
    enum store_copy_kind kind;
    bool known; /* it was in flight */
};

static enum st_err take_stored(struct client *client, const struct accepted_item *item,
                               const struct st_msg_accepted_item *msg)
{
    enum st_err err;
    if (item->kind != STORE_COPY_MESSAGE) {
        if (item->kind == STORE_COPY_RECEIPT) {
            err = store_receipt_accepted(client->store, item->id);
            if (err != ST_OK)
                return err;
        }
        err = store_outbox_drop(client->store, item->id, &item->to, NULL);
        return err == ST_ENOTFOUND ? ST_OK : err;
    }
    err = store_outbox_stored(client->store, item->id, &item->to, msg->epoch.p, msg->token.p);
    if (err == ST_ENOTFOUND)
        return ST_OK; /* its receipt was faster */
    if (err == ST_OK)
        err = store_epoch_put(client->store, item->to.acct, msg->epoch.p);
    int64_t row;
    if (err == ST_OK)
        err = store_message_find_own(client->store, item->id, &row);
    if (err == ST_OK)
        err = store_message_set_state(client->store, row, STORE_STATE_STORED, NULL, NULL);
    return err == ST_ENOTFOUND ? ST_OK : err;
}

struct refused {
    struct client *client;
    const struct accepted_item *item;
    const char *reason;
};

static enum st_err set_refused(void *ctx, const struct store_copy *copy)
{
    const struct refused *refused = ctx;
    if (copy->to.dev != refused->item->to.dev)
        return ST_OK;
    int64_t next = core_wall(refused->client) + backoff_ms(copy->attempts + 1);
    return store_outbox_tried(refused->client->store, copy->row, next, refused->reason);
}

static enum st_err take_refused(struct client *client, const struct accepted_item *item)
{
    static const char *const reasons[] = { [ST_COPY_STORED] = NULL,
                                           [ST_COPY_MAILBOX_FULL] = "mailbox_full",
                                           [ST_COPY_NO_SUCH_DEVICE] = "no_such_device",
                                           [ST_COPY_UNAVAILABLE] = "unavailable" };
    struct refused refused = { client, item, reasons[item->status] };
    struct store_outbox_query query = { .to = &item->to, .msg_id = item->id };
    enum st_err err = store_outbox_each(client->store, &query, set_refused, &refused);
    outbox_rewind(client, OUTBOX_RETRY_FIRST_MS);
    return err;
}

/* A copy's fate, in the open transaction. Unknown statuses cannot come: the reader has checked the range. */
static enum st_err take_item(struct client *client, struct accepted_item *item, const struct st_msg_accepted_item *msg)
{
    memcpy(item->id, msg->id.p, sizeof item->id);
    memcpy(item->to.acct, msg->to.p, sizeof item->to.acct);
    item->to.dev = (uint32_t)msg->dev;
    item->status = (enum st_copy_status)msg->status;
    struct flight *flight = outbox_find_flight(client->outbox, item->id, &item->to);
    item->known = flight != NULL;
    if (flight == NULL || flight->stale)
        return ST_OK; /* answered before, or asked on an older connection, or of other bytes */
    item->kind = flight->kind;
    if (item->status != ST_COPY_STORED)
        return take_refused(client, item);
    if (!ST_HAS(msg, 4) || !ST_HAS(msg, 5))
        return ST_OK; /* stored without a place: not to be believed, it is sent again */
    return take_stored(client, item, msg);
}

/* After the commit: forget the flights, tell the shell, ask for the list of whoever has another set of devices. */
static void conclude(struct client *client, const struct accepted_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct accepted_item *item = &items[i];
        struct flight *flight = outbox_find_flight(client->outbox, item->id, &item->to);
        if (!item->known || flight == NULL)
            continue;
        enum store_copy_kind kind = flight->stale ? STORE_COPY_CONTROL : flight->kind;
        outbox_land(client->outbox, flight);
        if (item->status == ST_COPY_NO_SUCH_DEVICE)
            lists_fetch(client, item->to.acct);
        if (kind != STORE_COPY_MESSAGE)
            continue;
        static const enum client_reason reasons[] = { [ST_COPY_STORED] = CLIENT_OK,
                                                      [ST_COPY_MAILBOX_FULL] = CLIENT_MAILBOX_FULL,
                                                      [ST_COPY_NO_SUCH_DEVICE] = CLIENT_NO_DEVICE,
                                                      [ST_COPY_UNAVAILABLE] = CLIENT_UNAVAILABLE };
        enum client_reason reason = reasons[item->status];
        outbox_tell(client, item->id, reason == CLIENT_OK ? STORE_STATE_STORED : STORE_STATE_QUEUED, reason);
    }
}

void outbox_accepted(struct client *client, const struct st_frame *frame)
{
    struct st_msg_accepted msg;
    if (st_frame_read(frame, &msg) != ST_OK)
        return;
    struct accepted_item *items = calloc(msg.items.count, sizeof *items);
    if (items == NULL)
        return;
    size_t count = 0;
    enum st_err err = tx_begin(client);
    struct st_msg_accepted_item item;
    while (err == ST_OK && st_records_next(&st_schema_accepted_item, &msg.items, &item))
        err = take_item(client, &items[count++], &item);
    if (store_in_transaction(client->store))
        err = tx_end(client, err);
    if (err == ST_OK)
        conclude(client, items, count);
    else
        core_warn(client, "the server's acceptance could not be stored; the copies are sent again");
    free(items);
    outbox_pump(client);
}

enum st_err outbox_receipt(struct client *client, const struct store_device *from,
                           const uint8_t id[static ST_MSG_ID_LEN], enum store_state state)
{
    int64_t row;
    bool changed = false;
    enum st_err err = store_message_find_own(client->store, id, &row);
    if (err == ST_ENOTFOUND)
        return ST_OK; /* not ours, or its chat is gone */
    if (err == ST_OK)
        err = store_outbox_drop(client->store, id, from, NULL);
    if (err == ST_OK || err == ST_ENOTFOUND)
        err = store_message_set_state(client->store, row, state, NULL, &changed);
    if (err == ST_OK && changed) {
        uint8_t body[1 + ST_ACCT_LEN] = { (uint8_t)state };
        memcpy(body + 1, from->acct, ST_ACCT_LEN);
        err = store_event_add(client->store, STORE_EVENT_RECEIPT, row, st_view(body, sizeof body), core_wall(client));
        outbox_tell(client, id, state, CLIENT_OK);
    }
    return err;
}

/* ---- accounts that are gone ---- */

struct gone {
    struct client *client;
    uint8_t ids[GONE_MAX][ST_MSG_ID_LEN]; /* of messages that failed by it */
    size_t count;
};

static enum st_err drop_copy(void *ctx, const struct store_copy *copy)
{
    struct gone *gone = ctx;
    struct store *store = gone->client->store;
    uint32_t left;
    int64_t row;
    uint8_t id[ST_MSG_ID_LEN];
    memcpy(id, copy->msg_id, sizeof id);
    bool message = copy->kind == STORE_COPY_MESSAGE;
    struct store_device to = copy->to;
    enum st_err err = store_outbox_drop(store, id, &to, &left);
    if (err == ST_OK && message && left == 0) {
        err = store_message_find_own(store, id, &row);
        if (err == ST_OK)
            err = store_message_set_state(store, row, STORE_STATE_FAILED, "no_such_user", NULL);
        if (err == ST_OK && gone->count < GONE_MAX)
            memcpy(gone->ids[gone->count++], id, sizeof id);
    }
    return err == ST_ENOTFOUND ? ST_OK : err;
}

void outbox_account_gone(struct client *client, const uint8_t acct[static ST_ACCT_LEN])
{
    struct gone gone = { .client = client };
    struct store_outbox_query query = { .acct = acct, .limit = GONE_MAX, .state = 1 + STORE_COPY_NEW };
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, store_outbox_each(client->store, &query, drop_copy, &gone));
    for (size_t i = 0; i < gone.count && err == ST_OK; i++)
        outbox_tell(client, gone.ids[i], STORE_STATE_FAILED, CLIENT_NO_SUCH_USER);
    if (err != ST_OK)
        core_warn(client, "messages to an account that is gone could not be marked as failed");
}
