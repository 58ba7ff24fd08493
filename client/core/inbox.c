#include "client/core/core.h"

#include <stdlib.h>

#include "lib/st_wipe.h"

enum {
    HELD_MAX = 256,        /* copies held un-acked in memory */
    HELD_PER_ACCOUNT = 64, /* of one sender; beyond that they stay in the mailbox unread */
    RETRY_EVERY_MS = 5000,
    HOLD_MAX_MS = 600000, /* a copy that cannot be read for so long is given up, and that is said */
    LOST_EVERY_MS = 60000 /* a device is told of a lost session at most so often */
};

/* A copy that cannot be read yet. It is not acked, so the server keeps it too. */
struct held {
    bool in_use;
    uint8_t token[ST_TOKEN_LEN];
    uint8_t id[ST_MSG_ID_LEN];
    struct store_device from;
    int64_t since_ms; /* monotonic */
    uint8_t *body;    /* owned */
    size_t body_len;
};

struct inbox {
    struct held held[HELD_MAX];
    size_t held_count;
    int64_t retry_ms; /* TIMER_NEVER: nothing is held */
    struct st_buf plain;
    struct st_buf tokens; /* of one push: what will be acked after the commit */
    bool read_any;        /* in the running transaction: held copies may be readable now */
    bool want_list;       /* of the sender of the copy that was just read */
};

/* One copy on its way in; borrowed. */
struct copy {
    struct st_view token;
    struct st_view id;
    struct store_device from;
    struct st_view body;
};

enum fate { FATE_ACK, FATE_HOLD };

enum st_err inbox_new(struct client *client)
{
    client->inbox = calloc(1, sizeof *client->inbox);
    if (client->inbox == NULL)
        return ST_ENOMEM;
    st_buf_init(&client->inbox->plain, E2E_PAD_MAX);
    st_buf_init(&client->inbox->tokens, ST_ACK_TOKENS_MAX * ST_TOKEN_LEN);
    return ST_OK;
}

static void let_go(struct inbox *inbox, struct held *held)
{
    free(held->body);
    memset(held, 0, sizeof *held);
    inbox->held_count--;
}

void inbox_offline(struct client *client)
{
    struct inbox *inbox = client->inbox;
    for (size_t i = 0; i < HELD_MAX; i++) {
        if (inbox->held[i].in_use)
            let_go(inbox, &inbox->held[i]);
    }
    inbox->retry_ms = TIMER_NEVER;
}

void inbox_free(struct client *client)
{
    if (client->inbox == NULL)
        return;
    inbox_offline(client);
    st_buf_wipe_free(&client->inbox->plain);
    st_buf_free(&client->inbox->tokens);
    free(client->inbox);
    client->inbox = NULL;
}

size_t inbox_held(const struct client *client)
{
    return client->inbox->held_count;
}

/* ---- holding ---- */

static struct held *find_held(struct inbox *inbox, struct st_view token)
{
    for (size_t i = 0; i < HELD_MAX; i++) {
        if (inbox->held[i].in_use && memcmp(inbox->held[i].token, token.p, ST_TOKEN_LEN) == 0)
            return &inbox->held[i];
    }
    return NULL;
}

static void hold(struct client *client, const struct copy *copy)
{
    struct inbox *inbox = client->inbox;
    struct held *unused = NULL;
    size_t of_account = 0;
    for (size_t i = 0; i < HELD_MAX; i++) {
        struct held *held = &inbox->held[i];
        if (!held->in_use)
            unused = held;
        else if (memcmp(held->from.acct, copy->from.acct, ST_ACCT_LEN) == 0)
            of_account++;
    }
    if (unused == NULL || of_account >= HELD_PER_ACCOUNT || find_held(inbox, copy->token) != NULL)
        return; /* it stays in the mailbox and comes again */
    uint8_t *body = malloc(copy->body.len);
    if (body == NULL)
        return;
    memcpy(body, copy->body.p, copy->body.len);
    *unused = (struct held) {
        .in_use = true, .from = copy->from, .since_ms = core_mono(client), .body = body, .body_len = copy->body.len
    };
    memcpy(unused->token, copy->token.p, sizeof unused->token);
    memcpy(unused->id, copy->id.p, sizeof unused->id);
    inbox->held_count++;
    inbox->retry_ms = core_earlier(inbox->retry_ms, core_mono(client) + RETRY_EVERY_MS);
}

/* ---- one copy ---- */

/* The sender's identity in its verified list. *missing_r: there is no list, or the device is not in it. */
static enum st_err find_sender(struct client *client, const struct store_device *from, struct e2e_ident *ident_r,
                               bool *missing_r)
{
    struct st_devlist list;
    uint8_t ak[ST_KEY_LEN];
    *missing_r = true;
    enum st_err err = lists_get(client, from->acct, &list);
    if (err == ST_OK)
        err = lists_account_key(client, from->acct, ak);
    if (err == ST_OK)
        err = e2e_identity_of_listed(&list, ak, from->dev, ident_r);
    if (err == ST_OK)
        *missing_r = false;
    return err == ST_ENOTFOUND ? ST_OK : err;
}

static bool is_accepted(struct client *client, const uint8_t *acct)
{
    struct store_contact contact;
    if (memcmp(acct, client->self.acct, ST_ACCT_LEN) == 0)
        return true;
    if (store_contact_get(client->store, acct, &contact) != ST_OK || contact.relation == STORE_BLOCKED)
        return false;
    return contact.relation == STORE_ACCEPTED || !sync_ask_strangers(client);
}

static enum st_err do_effects(struct client *client, const struct store_device *from,
                              const struct e2e_received *received)
{
    if (!received->opened)
        return ST_OK;
    enum st_err err = ST_OK;
    if (received->opk_used != 0)
        err = store_opk_delete(client->store, received->opk_used);
    if (err == ST_OK)
        err = store_ek_add(client->store, received->spk_id, received->ek_hash);
    (void)from;
    return err;
}

static void take_known(struct client *client, const struct store_device *from, const struct payload *payload,
                       const uint8_t *sid)
{
    struct e2e_known known = { .counter = (uint32_t)payload->known_counter };
    memcpy(known.birth, payload->known_birth.p, sizeof known.birth);
    struct st_records sids = payload->known_sids;
    struct st_view item;
    while (known.count < E2E_SESSIONS_MAX && st_bytes_list_next(&sids, &item))
        memcpy(known.sids[known.count++], item.p, E2E_SID_BYTES);
    struct peer *peer;
    if (peers_get(client, from, &peer) == ST_OK)
        e2e_set_apply_known(&peer->set, sid, &known, (uint64_t)(core_wall(client) / 1000));
}

static enum st_err note_unreadable(struct client *client, const struct store_device *from)
{
    struct store_chat chat;
    int64_t id = store_chat_find(client->store, STORE_CHAT_PERSON, from->acct, &chat) == ST_OK ? chat.id : 0;
    return lists_notice(client, id, "unreadable", "A message came that cannot be read.");
}

/* A payload that was decrypted: what it says of sessions and lists, then its type's own work. */
static enum st_err take_payload(struct client *client, const struct copy *copy, const struct e2e_received *received)
{
    struct payload payload;
    struct st_view plain = st_buf_view(&client->inbox->plain);
    if (received->verdict == E2E_UNREADABLE || payload_read(plain, &payload) != ST_OK)
        return note_unreadable(client, &copy->from);
    take_known(client, &copy->from, &payload, received->sid);
    struct peer *peer;
    enum st_err err = peers_get(client, &copy->from, &peer);
    if (err != ST_OK)
        return err;
    peer->heard_ms = core_mono(client);
    err = claims_take(client, &copy->from, &payload, &client->inbox->want_list);
    if (err != ST_OK)
        return err;
    struct inbox_message message = { .from = copy->from,
                                     .payload = &payload,
                                     .received = received,
                                     .envelope = copy->body,
                                     .plain = plain,
                                     .accepted = is_accepted(client, copy->from.acct) };
    return deliver_payload(client, &message);
}

/* A duplicate of a message whose receipt may have been lost is answered with a new receipt. */
static enum st_err take_replay(struct client *client, const struct copy *copy)
{
    struct store_chat chat;
    int64_t row;
    if (!is_accepted(client, copy->from.acct))
        return ST_OK;
    enum st_err err = store_chat_find(client->store, STORE_CHAT_PERSON, copy->from.acct, &chat);
    if (err == ST_OK)
        err = store_message_find(client->store, chat.id, copy->from.acct, copy->id.p, &row);
    if (err != ST_OK)
        return err == ST_ENOTFOUND ? ST_OK : err;
    struct store_receipt receipt = { .to = copy->from, .kind = STORE_RECEIPT_DELIVERED };
    memcpy(receipt.msg_id, copy->id.p, sizeof receipt.msg_id);
    return store_receipt_owe(client->store, &receipt);
}

/* A session of the sender's that we do not hold: say so, where a session is shared or one may be begun. */
static enum st_err take_lost_session(struct client *client, const struct copy *copy,
                                     const struct e2e_received *received)
{
    struct peer *peer;
    enum st_err err = peers_get(client, &copy->from, &peer);
    if (err != ST_OK || !is_accepted(client, copy->from.acct))
        return err;
    if (e2e_set_shared(&peer->set) != NULL) {
        struct payload_cannot_read body = { .sid = st_view(received->sid, E2E_SID_BYTES) };
        int64_t now = core_mono(client);
        if (peer->told_lost_ms != 0 && now - peer->told_lost_ms < LOST_EVERY_MS)
            return ST_OK;
        peer->told_lost_ms = now;
        err = peers_send_control(client, &copy->from, PAYLOAD_CANNOT_READ, &body);
        return err == ST_ELIMIT ? ST_OK : err;
    }
    if (e2e_set_take_renewal(&peer->set, (uint64_t)(core_wall(client) / 1000))) {
        peer->dirty = true;
        sender_renew(client, &copy->from, received->sid);
    }
    return ST_OK;
}

static enum st_err take_verdict(struct client *client, const struct copy *copy, const struct e2e_received *received,
                                bool listed)
{
    switch (received->verdict) {
    case E2E_READ:
    case E2E_UNREADABLE: {
        enum st_err err = do_effects(client, &copy->from, received);
        return err == ST_OK ? take_payload(client, copy, received) : err;
    }
    case E2E_REPLAY:
        return take_replay(client, copy);
    case E2E_UNKNOWN_SESSION:
    case E2E_UNKNOWN_PREKEY:
    case E2E_KNOWN_EK:
        return listed ? take_lost_session(client, copy, received) : ST_OK;
    default:
        core_warn(client, e2e_verdict_text(received->verdict));
        return ST_OK;
    }
}

/* Reads one copy in the open transaction. */
static enum st_err read_copy(struct client *client, const struct copy *copy, enum fate *fate_r)
{
    struct inbox *inbox = client->inbox;
    struct peer *peer;
    struct e2e_ident listed;
    bool missing;
    *fate_r = FATE_ACK;
    inbox->want_list = false;
    enum st_err err = find_sender(client, &copy->from, &listed, &missing);
    if (err == ST_OK)
        err = peers_get(client, &copy->from, &peer);
    if (err != ST_OK)
        return err;
    struct e2e_prekeys prekeys = prekeys_access(client);
    struct e2e_incoming incoming = { .self = &client->self.self,
                                     .from_acct = copy->from.acct,
                                     .from_dev = copy->from.dev,
                                     .listed = missing ? NULL : &listed,
                                     .prekeys = &prekeys,
                                     .account_budget = peers_budget(client, copy->from.acct),
                                     .envelope = copy->body,
                                     .now_s = (uint64_t)(core_wall(client) / 1000) };
    struct e2e_received received;
    st_buf_clear(&inbox->plain);
    err = e2e_decrypt(&peer->set, &incoming, &inbox->plain, &received);
    if (err == ST_OK && e2e_verdict_is_held(received.verdict)) {
        *fate_r = FATE_HOLD;
        inbox->want_list = received.verdict == E2E_LIST_MISSING;
    } else if (err == ST_OK) {
        bool read = received.verdict == E2E_READ || received.verdict == E2E_UNREADABLE;
        peer->dirty |= read;
        inbox->read_any |= read;
        err = take_verdict(client, copy, &received, !missing);
    }
    ST_WIPE(received);
    if (inbox->plain.p != NULL)
        st_wipe(inbox->plain.p, inbox->plain.len);
    return err;
}

/* ---- one push ---- */

static void send_ack(struct client *client)
{
    struct inbox *inbox = client->inbox;
    size_t count = inbox->tokens.len / ST_TOKEN_LEN;
    if (count == 0)
        return;
    uint8_t generation[ST_GENERATION_LEN];
    struct st_msg_ack msg = { .tokens = { .count = count, .items = inbox->tokens.p } };
    if (sync_generation(client, generation)) {
        msg.generation = st_view(generation, sizeof generation);
        ST_SET(&msg, 2);
    }
    /* An ack that is lost costs a duplicate, no more. */
    if (link_send(client, CLIENT_DEVICE, ST_ACK, &msg) != ST_OK)
        core_warn(client, "an ack could not be sent; the messages come again and are known");
    st_buf_clear(&inbox->tokens);
}

static void after_commit(struct client *client)
{
    struct client_event event = { .kind = CLIENT_EVENT_SHOWN };
    send_ack(client);
    order_wake(client);
    client->out.event(client->out.ctx, &event);
    receipts_pump(client);
    outbox_pump(client);
}

/* Takes one copy in the open transaction; what is to be acked goes to the list of tokens. */
static enum st_err take_copy(struct client *client, const struct copy *copy, enum fate *fate_r)
{
    struct inbox *inbox = client->inbox;
    enum st_err err = read_copy(client, copy, fate_r);
    if (err == ST_OK && *fate_r == FATE_ACK)
        err = st_buf_append(&inbox->tokens, copy->token.p, copy->token.len);
    return err;
}

/* Accounts whose lists are wanted after the transaction. */
struct wanted {
    uint8_t accts[ST_PUSH_ITEMS_MAX][ST_ACCT_LEN];
    size_t count;
};

static void want_list(struct client *client, struct wanted *wanted, const uint8_t *acct)
{
    if (!client->inbox->want_list || wanted->count == ST_PUSH_ITEMS_MAX)
        return;
    memcpy(wanted->accts[wanted->count++], acct, ST_ACCT_LEN);
}

static void fetch_wanted(struct client *client, const struct wanted *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        lists_fetch(client, wanted->accts[i]);
}

/* The store failed while messages came in: nothing was acked, so nothing is lost. Going on would only spin. */
static void inbox_failed(struct client *client, enum st_err err)
{
    struct client_event event = { .kind = CLIENT_EVENT_OFFLINE, .result = core_store_result(err) };
    client_go_offline(client);
    client->links[CLIENT_DEVICE].reason = CLIENT_STORE;
    client->out.event(client->out.ctx, &event);
}

/* Copies that were held in this push, to be kept once the transaction is through. */
static enum st_err take_items(struct client *client, struct st_records items, struct wanted *wanted, uint8_t *held)
{
    struct st_msg_push_item item;
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && st_records_next(&st_schema_push_item, &items, &item); i++) {
        struct copy copy = { item.token, item.id, { .dev = (uint32_t)item.from_dev }, item.body };
        enum fate fate;
        memcpy(copy.from.acct, item.from.p, ST_ACCT_LEN);
        err = take_copy(client, &copy, &fate);
        held[i] = fate == FATE_HOLD;
        if (err == ST_OK)
            want_list(client, wanted, copy.from.acct);
    }
    return err;
}

static void hold_items(struct client *client, struct st_records items, const uint8_t *held)
{
    struct st_msg_push_item item;
    for (size_t i = 0; st_records_next(&st_schema_push_item, &items, &item); i++) {
        struct copy copy = { item.token, item.id, { .dev = (uint32_t)item.from_dev }, item.body };
        memcpy(copy.from.acct, item.from.p, ST_ACCT_LEN);
        if (held[i])
            hold(client, &copy);
    }
}

void inbox_push(struct client *client, const struct st_frame *frame)
{
    struct inbox *inbox = client->inbox;
    struct st_msg_push msg;
    if (!client_is_online(client) || st_frame_read(frame, &msg) != ST_OK)
        return;
    sync_push_seen(client);
    struct wanted wanted = { .count = 0 };
    uint8_t held[ST_PUSH_ITEMS_MAX] = { 0 };
    inbox->read_any = false;
    st_buf_clear(&inbox->tokens);
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, take_items(client, msg.items, &wanted, held));
    if (err != ST_OK) {
        st_buf_clear(&inbox->tokens);
        inbox_failed(client, err);
        return;
    }
    hold_items(client, msg.items, held);
    bool read_any = inbox->read_any;
    after_commit(client);
    fetch_wanted(client, &wanted);
    if (read_any && inbox->held_count > 0)
        inbox_retry(client, NULL);
}

/* ---- held copies ---- */

/* Tries one held copy in a transaction of its own. True: something was read. */
static bool retry_one(struct client *client, struct held *held)
{
    struct inbox *inbox = client->inbox;
    struct copy copy = { st_view(held->token, ST_TOKEN_LEN), st_view(held->id, ST_MSG_ID_LEN), held->from,
                         st_view(held->body, held->body_len) };
    enum fate fate = FATE_HOLD;
    inbox->read_any = false;
    st_buf_clear(&inbox->tokens);
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, take_copy(client, &copy, &fate));
    if (err != ST_OK) {
        st_buf_clear(&inbox->tokens);
        inbox_failed(client, err);
        return false;
    }
    if (fate == FATE_HOLD)
        return false;
    bool read_any = inbox->read_any;
    let_go(inbox, held);
    after_commit(client);
    return read_any;
}

void inbox_retry(struct client *client, const uint8_t *acct)
{
    struct inbox *inbox = client->inbox;
    bool again = inbox->held_count > 0 && client_is_online(client);
    while (again) {
        again = false;
        for (size_t i = 0; i < HELD_MAX; i++) {
            struct held *held = &inbox->held[i];
            if (held->in_use && (acct == NULL || memcmp(held->from.acct, acct, ST_ACCT_LEN) == 0))
                again |= retry_one(client, held);
        }
    }
    inbox->retry_ms = inbox->held_count > 0 ? core_mono(client) + RETRY_EVERY_MS : TIMER_NEVER;
}

/* Gives up one held copy: acked and said, or it would take the place of everybody's mail. */
static void give_up_one(struct client *client, struct held *held)
{
    struct inbox *inbox = client->inbox;
    struct store_device from = held->from;
    st_buf_clear(&inbox->tokens);
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, note_unreadable(client, &from));
    if (err == ST_OK)
        err = st_buf_append(&inbox->tokens, held->token, sizeof held->token);
    if (err != ST_OK) {
        inbox_failed(client, err);
        return;
    }
    let_go(inbox, held);
    after_commit(client);
}

void inbox_account_gone(struct client *client, const uint8_t acct[static ST_ACCT_LEN])
{
    struct inbox *inbox = client->inbox;
    for (size_t i = 0; i < HELD_MAX; i++) {
        if (inbox->held[i].in_use && memcmp(inbox->held[i].from.acct, acct, ST_ACCT_LEN) == 0)
            give_up_one(client, &inbox->held[i]);
    }
}

void inbox_tick(struct client *client)
{
    struct inbox *inbox = client->inbox;
    int64_t now = core_mono(client);
    if (inbox->retry_ms == TIMER_NEVER || inbox->retry_ms > now)
        return;
    for (size_t i = 0; i < HELD_MAX; i++) {
        if (inbox->held[i].in_use && now - inbox->held[i].since_ms > HOLD_MAX_MS)
            give_up_one(client, &inbox->held[i]);
    }
    for (size_t i = 0; i < HELD_MAX; i++) {
        if (inbox->held[i].in_use)
            lists_fetch(client, inbox->held[i].from.acct);
    }
    inbox_retry(client, NULL);
}

int64_t inbox_next_ms(const struct client *client)
{
    return client->inbox->retry_ms;
}
