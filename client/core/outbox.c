#include "client/core/core.h"

#include <stdlib.h>

enum {
    FLIGHTS_MAX = 128,     /* copies that were sent and are not answered */
    PAGE = 64,             /* copies read from the store at one time */
    RETRY_FIRST_MS = 1000, /* 1, 2, 4 … 30 s */
    RETRY_LAST_MS = 30000,
    FRAME_ROOM = ST_FRAME_MAX - 512, /* for copies in one message frame */
    BLOCKED_MAX = 32                 /* accounts whose copies wait for an upload */
};

/* A copy on its way. */
struct flight {
    bool in_use;
    uint8_t id[ST_MSG_ID_LEN];
    struct store_device to;
    enum store_copy_kind kind;
    int64_t again_ms; /* monotonic: when it is sent again without an answer */
    uint32_t tries;
};

struct outbox {
    struct flight flights[FLIGHTS_MAX];
    size_t flight_count;
    uint8_t own_epoch[ST_EPOCH_LEN];
    uint64_t cursor;    /* order of the last copy looked at */
    int64_t paused_ms;  /* nothing is sent before */
    int64_t recheck_ms; /* look from the beginning again */
    bool blocked;       /* something waits for an upload */
};

enum st_err outbox_new(struct client *client)
{
    client->outbox = calloc(1, sizeof *client->outbox);
    return client->outbox == NULL ? ST_ENOMEM : ST_OK;
}

void outbox_free(struct client *client)
{
    free(client->outbox);
    client->outbox = NULL;
}

/* Loads the epoch of our own mailbox as last seen, for copies that are queued while offline. */
void outbox_load(struct client *client)
{
    if (client->self.loaded && store_epoch_get(client->store, client->self.acct, client->outbox->own_epoch) != ST_OK)
        memset(client->outbox->own_epoch, 0, ST_EPOCH_LEN);
}

void outbox_own_epoch(const struct client *client, uint8_t out[static ST_EPOCH_LEN])
{
    memcpy(out, client->outbox->own_epoch, ST_EPOCH_LEN);
}

static struct flight *find_flight(struct outbox *outbox, const uint8_t *id, const struct store_device *to)
{
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        struct flight *flight = &outbox->flights[i];
        if (flight->in_use && flight->to.dev == to->dev && memcmp(flight->id, id, ST_MSG_ID_LEN) == 0 &&
            memcmp(flight->to.acct, to->acct, ST_ACCT_LEN) == 0)
            return flight;
    }
    return NULL;
}

static void land(struct outbox *outbox, struct flight *flight)
{
    flight->in_use = false;
    outbox->flight_count--;
}

static void take_off(struct client *client, const struct store_copy *copy)
{
    struct outbox *outbox = client->outbox;
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        struct flight *flight = &outbox->flights[i];
        if (flight->in_use)
            continue;
        *flight = (struct flight) {
            .in_use = true, .to = copy->to, .kind = copy->kind, .again_ms = core_mono(client) + client->config.answer_ms
        };
        memcpy(flight->id, copy->msg_id, sizeof flight->id);
        outbox->flight_count++;
        return;
    }
}

/* ---- one message frame ---- */

/* Copies of one message for the devices of one account, gathered until the next copy belongs to another frame. */
struct batch {
    struct client *client;
    uint8_t id[ST_MSG_ID_LEN];
    uint8_t to[ST_ACCT_LEN];
    struct st_msg_copy copies[ST_COPIES_MAX];
    struct store_copy heads[ST_COPIES_MAX]; /* without their bytes */
    struct st_buf bodies;
    size_t count;
    uint8_t blocked[BLOCKED_MAX][ST_ACCT_LEN]; /* accounts that wait for an upload */
    size_t blocked_count;
    size_t looked_at; /* copies seen in this page */
    bool full;        /* no more may be sent now */
};

static enum st_err send_batch(struct batch *batch)
{
    struct client *client = batch->client;
    if (batch->count == 0)
        return ST_OK;
    const uint8_t *at = batch->bodies.p;
    for (size_t i = 0; i < batch->count; i++) {
        batch->copies[i].body.p = at;
        at += batch->copies[i].body.len;
    }
    struct st_msg_message msg = { .to = st_view(batch->to, ST_ACCT_LEN),
                                  .id = st_view(batch->id, ST_MSG_ID_LEN),
                                  .copies = { .count = batch->count, .items = batch->copies } };
    enum st_err err = link_send(client, CLIENT_DEVICE, ST_MESSAGE, &msg);
    for (size_t i = 0; i < batch->count && err == ST_OK; i++)
        take_off(client, &batch->heads[i]);
    if (err != ST_OK) { /* the link cannot take it now: from the beginning again, soon */
        batch->full = true;
        client->outbox->cursor = 0;
        client->outbox->recheck_ms = core_earlier(client->outbox->recheck_ms, core_mono(client) + RETRY_FIRST_MS);
    }
    batch->count = 0;
    st_buf_clear(&batch->bodies);
    return ST_OK;
}

static bool is_blocked(const struct batch *batch, const uint8_t *acct)
{
    for (size_t i = 0; i < batch->blocked_count; i++) {
        if (memcmp(batch->blocked[i], acct, ST_ACCT_LEN) == 0)
            return true;
    }
    return batch->blocked_count == BLOCKED_MAX;
}

static enum st_err note_open_upload(void *ctx, const struct store_attachment *attachment)
{
    bool *open = ctx;
    if (attachment->upload && !attachment->finished)
        *open = true;
    return ST_OK;
}

/* Does this copy wait for an upload? What follows it to the same account waits too, to keep the order. */
static enum st_err check_uploads(struct batch *batch, const struct store_copy *copy)
{
    int64_t row;
    bool open = false;
    if (copy->kind != STORE_COPY_MESSAGE)
        return ST_OK;
    enum st_err err = store_message_find_own(batch->client->store, copy->msg_id, &row);
    if (err == ST_OK)
        err = store_attachment_each(batch->client->store, row, note_open_upload, &open);
    if (err == ST_ENOTFOUND)
        err = ST_OK;
    if (err == ST_OK && open && batch->blocked_count < BLOCKED_MAX) {
        memcpy(batch->blocked[batch->blocked_count++], copy->to.acct, ST_ACCT_LEN);
        batch->client->outbox->blocked = true;
    }
    return err;
}

static bool fits(const struct batch *batch, const struct store_copy *copy)
{
    return batch->count < ST_COPIES_MAX && batch->bodies.len + copy->envelope.len <= FRAME_ROOM &&
           memcmp(batch->id, copy->msg_id, ST_MSG_ID_LEN) == 0 && memcmp(batch->to, copy->to.acct, ST_ACCT_LEN) == 0;
}

static bool has_token(const struct store_copy *copy)
{
    static const uint8_t none[STORE_TOKEN_BYTES];
    return memcmp(copy->token, none, sizeof none) != 0;
}

static enum st_err add_to_batch(struct batch *batch, const struct store_copy *copy)
{
    if (batch->count > 0 && !fits(batch, copy)) {
        enum st_err err = send_batch(batch);
        if (err != ST_OK || batch->full)
            return err;
    }
    if (batch->count == 0) {
        memcpy(batch->id, copy->msg_id, sizeof batch->id);
        memcpy(batch->to, copy->to.acct, sizeof batch->to);
    }
    enum st_err err = st_buf_append(&batch->bodies, copy->envelope.p, copy->envelope.len);
    if (err != ST_OK)
        return err;
    struct store_copy *head = &batch->heads[batch->count];
    *head = *copy;
    head->envelope = st_view(NULL, 0);
    struct st_msg_copy *out = &batch->copies[batch->count++];
    *out = (struct st_msg_copy) { .dev = copy->to.dev, .body = st_view(NULL, copy->envelope.len) };
    if (has_token(copy)) {
        out->token = st_view(head->token, sizeof head->token);
        ST_SET(out, 3);
    }
    return ST_OK;
}

static enum st_err pump_copy(void *ctx, const struct store_copy *copy)
{
    struct batch *batch = ctx;
    struct outbox *outbox = batch->client->outbox;
    batch->looked_at++;
    if (batch->full || outbox->flight_count + batch->count >= FLIGHTS_MAX) {
        batch->full = true;
        return ST_OK;
    }
    outbox->cursor = copy->order;
    if (find_flight(outbox, copy->msg_id, &copy->to) != NULL || is_blocked(batch, copy->to.acct))
        return ST_OK;
    enum st_err err = check_uploads(batch, copy);
    if (err != ST_OK || is_blocked(batch, copy->to.acct))
        return err;
    return add_to_batch(batch, copy);
}

void outbox_pump(struct client *client)
{
    struct outbox *outbox = client->outbox;
    if (!client_is_online(client) || outbox->paused_ms > core_mono(client))
        return;
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return;
    batch->client = client;
    st_buf_init(&batch->bodies, ST_FRAME_MAX);
    if (outbox->blocked) { /* what waited for an upload stands before the cursor */
        outbox->cursor = 0;
        outbox->blocked = false;
    }
    enum st_err err = ST_OK;
    do {
        struct store_outbox_query query = {
            .due_ms = core_wall(client), .after_order = outbox->cursor, .limit = PAGE, .state = 1 + STORE_COPY_NEW
        };
        batch->looked_at = 0;
        err = store_outbox_each(client->store, &query, pump_copy, batch);
        if (err == ST_OK)
            err = send_batch(batch);
    } while (err == ST_OK && !batch->full && batch->looked_at == PAGE);
    if (err != ST_OK)
        core_warn(client, "the outbox could not be read");
    st_buf_free(&batch->bodies);
    free(batch);
}

/* ---- answers ---- */

static int64_t backoff_ms(uint32_t attempts)
{
    int64_t wait = RETRY_FIRST_MS;
    for (uint32_t i = 0; i < attempts && wait < RETRY_LAST_MS; i++)
        wait *= 2;
    return wait < RETRY_LAST_MS ? wait : RETRY_LAST_MS;
}

static void tell_state(struct client *client, const uint8_t *id, enum store_state state, enum client_reason reason)
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
    client->outbox->recheck_ms = core_earlier(client->outbox->recheck_ms, core_mono(client) + RETRY_FIRST_MS);
    return err;
}

/* A copy's fate, in the open transaction. Unknown statuses cannot come: the reader has checked the range. */
static enum st_err take_item(struct client *client, struct accepted_item *item, const struct st_msg_accepted_item *msg)
{
    memcpy(item->id, msg->id.p, sizeof item->id);
    memcpy(item->to.acct, msg->to.p, sizeof item->to.acct);
    item->to.dev = (uint32_t)msg->dev;
    item->status = (enum st_copy_status)msg->status;
    struct flight *flight = find_flight(client->outbox, item->id, &item->to);
    item->known = flight != NULL;
    if (flight == NULL)
        return ST_OK; /* answered before, or asked on an older connection */
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
        struct flight *flight = find_flight(client->outbox, item->id, &item->to);
        if (!item->known || flight == NULL)
            continue;
        enum store_copy_kind kind = flight->kind;
        land(client->outbox, flight);
        if (item->status == ST_COPY_NO_SUCH_DEVICE)
            lists_fetch(client, item->to.acct);
        if (kind != STORE_COPY_MESSAGE)
            continue;
        static const enum client_reason reasons[] = { [ST_COPY_STORED] = CLIENT_OK,
                                                      [ST_COPY_MAILBOX_FULL] = CLIENT_MAILBOX_FULL,
                                                      [ST_COPY_NO_SUCH_DEVICE] = CLIENT_NO_DEVICE,
                                                      [ST_COPY_UNAVAILABLE] = CLIENT_UNAVAILABLE };
        enum client_reason reason = reasons[item->status];
        tell_state(client, item->id, reason == CLIENT_OK ? STORE_STATE_STORED : STORE_STATE_QUEUED, reason);
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
        tell_state(client, id, state, CLIENT_OK);
    }
    return err;
}

/* ---- accounts that are gone ---- */

struct gone {
    struct client *client;
    uint8_t ids[PAGE][ST_MSG_ID_LEN]; /* of messages that failed by it */
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
        if (err == ST_OK && gone->count < PAGE)
            memcpy(gone->ids[gone->count++], id, sizeof id);
    }
    return err == ST_ENOTFOUND ? ST_OK : err;
}

void outbox_account_gone(struct client *client, const uint8_t acct[static ST_ACCT_LEN])
{
    struct gone gone = { .client = client };
    struct store_outbox_query query = { .acct = acct, .limit = PAGE, .state = 1 + STORE_COPY_NEW };
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, store_outbox_each(client->store, &query, drop_copy, &gone));
    for (size_t i = 0; i < gone.count && err == ST_OK; i++)
        tell_state(client, gone.ids[i], STORE_STATE_FAILED, CLIENT_NO_SUCH_USER);
    if (err != ST_OK)
        core_warn(client, "messages to an account that is gone could not be marked as failed");
}

/* ---- sending again ---- */

struct again {
    struct client *client;
    const uint8_t *own_epoch; /* NULL: keep the token, the recipient's epoch changed */
    size_t count;
};

static enum st_err set_again(void *ctx, const struct store_copy *copy)
{
    struct again *again = ctx;
    again->count++;
    return store_outbox_again(again->client->store, copy->row, core_wall(again->client), again->own_epoch);
}

static void send_again(struct client *client, const struct store_outbox_query *query, const uint8_t *own_epoch,
                       const uint8_t *acct, const uint8_t *epoch)
{
    struct again again = { client, own_epoch, 0 };
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = store_outbox_each(client->store, query, set_again, &again);
    if (err == ST_OK)
        err = store_epoch_put(client->store, acct, epoch);
    if (store_in_transaction(client->store))
        err = tx_end(client, err);
    if (err != ST_OK)
        core_warn(client, "a store epoch could not be noted; it is compared again later");
    if (again.count > 0)
        client->outbox->cursor = 0;
}

/* (1) The recipient's mailbox may have lost writes: the same bytes again, with the token, so that the relay looks. */
void outbox_epoch(struct client *client, const uint8_t acct[static ST_ACCT_LEN],
                  const uint8_t epoch[static ST_EPOCH_LEN])
{
    struct store_outbox_query query = {
        .acct = acct, .not_epoch = epoch, .kind = 1 + STORE_COPY_MESSAGE, .state = 1 + STORE_COPY_STORED
    };
    send_again(client, &query, NULL, acct, epoch);
}

/* (2) Our own mailbox may have lost receipts: the same bytes without the token; only a duplicate makes the recipient
 * answer again. */
void outbox_online(struct client *client, const uint8_t own_epoch[static ST_EPOCH_LEN])
{
    struct outbox *outbox = client->outbox;
    outbox_offline(client);
    outbox->cursor = 0;
    outbox->paused_ms = 0;
    outbox->recheck_ms = core_mono(client) + RETRY_FIRST_MS;
    struct store_outbox_query query = { .not_own_epoch = own_epoch,
                                        .kind = 1 + STORE_COPY_MESSAGE,
                                        .state = 1 + STORE_COPY_STORED };
    memcpy(outbox->own_epoch, own_epoch, sizeof outbox->own_epoch);
    send_again(client, &query, own_epoch, client->self.acct, own_epoch);
}

void outbox_offline(struct client *client)
{
    struct outbox *outbox = client->outbox;
    memset(outbox->flights, 0, sizeof outbox->flights);
    outbox->flight_count = 0;
    outbox->cursor = 0;
}

void outbox_pause(struct client *client, const struct client_result *failure)
{
    struct outbox *outbox = client->outbox;
    int64_t wait = failure->retry_after_s > 0 && failure->retry_after_s < 60 ? (int64_t)failure->retry_after_s * 1000
                                                                             : RETRY_FIRST_MS;
    outbox->paused_ms = core_mono(client) + wait;
    /* What was refused cannot be told from what is on its way: all of it is sent again, the relay knows duplicates. */
    memset(outbox->flights, 0, sizeof outbox->flights);
    outbox->flight_count = 0;
    outbox->cursor = 0;
    outbox->recheck_ms = outbox->paused_ms;
}

struct again_range {
    struct client *client;
    const struct store_device *to;
    uint64_t first, last;
};

static enum st_err again_if_in_range(void *ctx, const struct store_copy *copy)
{
    const struct again_range *range = ctx;
    int64_t row;
    struct store_message message;
    struct st_buf text;
    enum st_err err = store_message_find_own(range->client->store, copy->msg_id, &row);
    if (err != ST_OK)
        return err == ST_ENOTFOUND ? ST_OK : err;
    st_buf_init(&text, STORE_TEXT_MAX);
    err = store_message_get(range->client->store, row, &message, &text);
    st_buf_free(&text);
    if (err != ST_OK || message.seq < range->first || message.seq > range->last)
        return err;
    return store_outbox_again(range->client->store, copy->row, core_wall(range->client),
                              range->client->outbox->own_epoch);
}

enum st_err outbox_send_again(struct client *client, const struct store_device *to, uint64_t first, uint64_t last)
{
    struct again_range range = { client, to, first, last };
    struct store_outbox_query query = { .to = to, .kind = 1 + STORE_COPY_MESSAGE, .state = 1 + STORE_COPY_STORED };
    client->outbox->cursor = 0;
    client->outbox->recheck_ms = core_mono(client) + 1;
    return store_outbox_each(client->store, &query, again_if_in_range, &range);
}

static enum st_err encrypt_copy_again(void *ctx, const struct store_copy *copy)
{
    struct client *client = ctx;
    int64_t row;
    struct store_message message;
    struct st_buf text, body;
    enum st_err err = store_message_find_own(client->store, copy->msg_id, &row);
    if (err != ST_OK)
        return err == ST_ENOTFOUND ? ST_OK : err;
    st_buf_init(&text, STORE_TEXT_MAX);
    st_buf_init(&body, PAYLOAD_MAX);
    struct store_device to = copy->to;
    uint8_t id[ST_MSG_ID_LEN];
    memcpy(id, copy->msg_id, sizeof id);
    err = store_message_get(client->store, row, &message, &text);
    if (err == ST_OK)
        err = sender_compose(client, row, &body);
    if (err == ST_OK)
        err = store_outbox_drop(client->store, id, &to, NULL);
    struct peers_message out = { .type = PAYLOAD_TEXT,
                                 .id = id,
                                 .seq = message.seq,
                                 .sent_at_ms = message.sent_at_ms,
                                 .body = st_buf_view(&body),
                                 .kind = STORE_COPY_MESSAGE,
                                 .message_row = row };
    if (err == ST_OK)
        err = peers_send(client, &to, &out);
    st_buf_wipe_free(&text);
    st_buf_wipe_free(&body);
    return err;
}

enum st_err outbox_encrypt_again(struct client *client, const struct store_device *to,
                                 const uint8_t sid[static E2E_SID_BYTES])
{
    struct peer *peer;
    enum st_err err = peers_get(client, to, &peer);
    if (err != ST_OK)
        return err;
    const struct e2e_session *chosen = e2e_set_choose(&peer->set, (uint64_t)(core_wall(client) / 1000));
    if (chosen == NULL || memcmp(chosen->sid, sid, E2E_SID_BYTES) == 0)
        return ST_OK; /* nothing else is shared: the sender's next message opens a session */
    struct store_outbox_query query = { .to = to, .sid = sid, .kind = 1 + STORE_COPY_MESSAGE };
    client->outbox->cursor = 0;
    client->outbox->recheck_ms = core_mono(client) + 1;
    return store_outbox_each(client->store, &query, encrypt_copy_again, client);
}

/* ---- time ---- */

/* The cursor passes over copies that wait: for their next try, or for an upload. As long as any copy is new, the outbox
 * is read again from its beginning, at the latest after the longest wait. */
static void plan_recheck(struct client *client)
{
    int64_t at_ms;
    if (store_outbox_next_try(client->store, &at_ms) != ST_OK)
        return;
    int64_t wait = at_ms - core_wall(client);
    wait = wait < RETRY_FIRST_MS ? RETRY_FIRST_MS : wait > RETRY_LAST_MS ? RETRY_LAST_MS : wait;
    client->outbox->recheck_ms = core_earlier(client->outbox->recheck_ms, core_mono(client) + wait);
}

void outbox_tick(struct client *client)
{
    struct outbox *outbox = client->outbox;
    if (!client_is_online(client))
        return;
    int64_t now = core_mono(client);
    bool again = outbox->recheck_ms != TIMER_NEVER && outbox->recheck_ms <= now;
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        struct flight *flight = &outbox->flights[i];
        if (!flight->in_use || flight->again_ms > now)
            continue;
        land(outbox, flight); /* no answer: it is still "new" in the store and goes out again */
        again = true;
    }
    if (!again)
        return;
    outbox->recheck_ms = TIMER_NEVER;
    outbox->cursor = 0;
    plan_recheck(client);
    outbox_pump(client);
}

int64_t outbox_next_ms(const struct client *client)
{
    const struct outbox *outbox = client->outbox;
    if (!client_is_online(client))
        return TIMER_NEVER;
    int64_t next = outbox->recheck_ms;
    for (size_t i = 0; i < FLIGHTS_MAX && outbox->flight_count > 0; i++) {
        if (outbox->flights[i].in_use)
            next = core_earlier(next, outbox->flights[i].again_ms);
    }
    return next;
}

bool outbox_settled(const struct client *client)
{
    const struct outbox *outbox = client->outbox;
    int64_t at_ms;
    if (outbox->flight_count > 0)
        return false;
    if (store_outbox_next_try(client->store, &at_ms) != ST_OK)
        return true;
    return at_ms > core_wall(client) + RETRY_FIRST_MS; /* what was refused waits longer than anybody here */
}
