#include "client/core/outbox.h"

/* A copy without bytes waits for a session to be encrypted in. It is one that the session it had can bring no longer:
 * the store was put back, so that its place in the ratchet may be used. */

static const uint8_t no_sid[E2E_SID_BYTES];

/* The copy leaves the outbox, and a flight that may still be answered is not the answer to what comes instead. */
static enum st_err take_out(struct client *client, const struct store_copy *copy)
{
    struct flight *flight = outbox_find_flight(client->outbox, copy->msg_id, &copy->to);
    if (flight != NULL)
        flight->stale = true;
    return store_outbox_drop(client->store, copy->msg_id, &copy->to, NULL);
}

/* Encrypts one message of ours anew for the device of the copy. ST_ENOTFOUND: there is no session to send on. */
static enum st_err encrypt_again(void *ctx, const struct store_copy *copy)
{
    struct client *client = ctx;
    int64_t row;
    struct store_message message;
    struct store_copy old = *copy; /* its row goes */
    struct st_buf text, body;
    enum st_err err = store_message_find_own(client->store, old.msg_id, &row);
    if (err != ST_OK)
        return err == ST_ENOTFOUND ? ST_OK : err;
    st_buf_init(&text, STORE_TEXT_MAX);
    st_buf_init(&body, PAYLOAD_MAX);
    err = store_message_get(client->store, row, &message, &text);
    if (err == ST_OK)
        err = sender_compose(client, row, &body);
    if (err == ST_OK)
        err = take_out(client, &old);
    struct peers_message out = { .type = PAYLOAD_TEXT,
                                 .id = old.msg_id,
                                 .seq = message.seq,
                                 .sent_at_ms = message.sent_at_ms,
                                 .body = st_buf_view(&body),
                                 .kind = STORE_COPY_MESSAGE,
                                 .message_row = row };
    if (err == ST_OK)
        err = peers_send(client, &old.to, &out);
    st_buf_wipe_free(&text);
    st_buf_wipe_free(&body);
    return err;
}

/* ---- sessions that the other side has lost ---- */

static enum st_err send_again(void *ctx, const struct store_copy *copy)
{
    struct client *client = ctx;
    return store_outbox_again(client->store, copy->row, core_wall(client), NULL);
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
    /* A relay that still held the old bytes has taken what was encrypted anew for a repetition of them. Now that they
     * were read and thrown away, it keeps the new ones. */
    struct store_outbox_query stored = { .to = to, .kind = 1 + STORE_COPY_MESSAGE, .state = 1 + STORE_COPY_STORED };
    struct store_outbox_query lost = { .to = to, .sid = sid, .kind = 1 + STORE_COPY_MESSAGE };
    outbox_rewind(client, 1);
    err = store_outbox_each(client->store, &stored, send_again, client);
    return err == ST_OK ? store_outbox_each(client->store, &lost, encrypt_again, client) : err;
}

/* ---- sessions that this side has lost ---- */

static enum st_err begin_anew(void *ctx, const struct store_copy *copy)
{
    struct client *client = ctx;
    struct store_copy anew = { .to = copy->to,
                               .kind = STORE_COPY_MESSAGE,
                               .queued_at_ms = copy->queued_at_ms,
                               .next_try_at_ms = core_wall(client),
                               .envelope = st_view_text("") };
    int64_t row;
    if (copy->envelope.len == 0)
        return ST_OK;
    memcpy(anew.msg_id, copy->msg_id, sizeof anew.msg_id);
    memcpy(anew.own_epoch, copy->own_epoch, sizeof anew.own_epoch);
    enum store_copy_kind kind = copy->kind;
    enum st_err err = kind == STORE_COPY_RECEIPT ? store_receipt_free(client->store, anew.msg_id) : ST_OK;
    if (err == ST_OK)
        err = take_out(client, copy);
    return err == ST_OK && kind == STORE_COPY_MESSAGE ? store_outbox_add(client->store, &anew, &row) : err;
}

enum st_err outbox_begin_anew(struct client *client)
{
    struct store_outbox_query all = { .limit = 0 };
    outbox_rewind(client, 1);
    return store_outbox_each(client->store, &all, begin_anew, client);
}

/* What is being encrypted in one transaction, and for whom a session is missing. */
struct sealing {
    struct client *client;
    bool sealed;
};

static enum st_err seal_one(void *ctx, const struct store_copy *copy)
{
    struct sealing *sealing = ctx;
    struct client *client = sealing->client;
    struct store_device to = copy->to;
    struct peer *peer;
    enum st_err err = peers_get(client, &to, &peer);
    if (err != ST_OK)
        return err;
    if (e2e_set_choose(&peer->set, (uint64_t)(core_wall(client) / 1000)) == NULL) {
        sender_renew(client, &to, NULL);
        return ST_OK;
    }
    err = encrypt_again(client, copy);
    sealing->sealed |= err == ST_OK;
    return err == ST_ELIMIT ? ST_OK : err; /* a chain that is full: the next message opens a session */
}

bool outbox_seal(struct client *client)
{
    struct sealing sealing = { client, false };
    struct store_outbox_query waiting = { .sid = no_sid, .kind = 1 + STORE_COPY_MESSAGE };
    client->outbox->unsealed = false;
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, store_outbox_each(client->store, &waiting, seal_one, &sealing));
    if (err != ST_OK)
        core_warn(client, "messages could not be encrypted anew; they stay in the outbox");
    return err == ST_OK && sealing.sealed;
}
