#include "client/core/core.h"

#include <stdlib.h>

/* Receipts are owed durably from the transaction that takes a message until the relay has accepted the receipt; many go
 * into one payload. A receipt has no receipt of its own. */

struct owed {
    uint8_t ids[PAYLOAD_RECEIPTS_MAX][ST_MSG_ID_LEN];
    size_t count;
    enum store_receipt_kind kind; /* of the first; others wait for the next payload */
};

static enum st_err add_owed(void *ctx, const struct store_receipt *receipt)
{
    struct owed *owed = ctx;
    if (owed->count == 0)
        owed->kind = receipt->kind;
    if (receipt->kind == owed->kind && owed->count < PAYLOAD_RECEIPTS_MAX)
        memcpy(owed->ids[owed->count++], receipt->msg_id, ST_MSG_ID_LEN);
    return ST_OK;
}

static enum st_err bind_all(struct client *client, const struct store_device *to, const struct owed *owed,
                            const uint8_t *carrier)
{
    for (size_t i = 0; i < owed->count; i++) {
        struct store_receipt receipt = { .to = *to, .kind = owed->kind };
        memcpy(receipt.msg_id, owed->ids[i], sizeof receipt.msg_id);
        enum st_err err = store_receipt_bind(client->store, &receipt, carrier);
        if (err != ST_OK)
            return err;
    }
    return ST_OK;
}

/* One payload of receipts for one device, in the open transaction. *sent_r: there was something to send. */
static enum st_err send_some(struct client *client, const struct store_device *to, bool *sent_r)
{
    struct owed *owed = calloc(1, sizeof *owed);
    *sent_r = false;
    if (owed == NULL)
        return ST_ENOMEM;
    struct st_buf body;
    st_buf_init(&body, PAYLOAD_MAX);
    uint8_t carrier[ST_MSG_ID_LEN];
    st_env_random(client->env, carrier, sizeof carrier);
    enum st_err err = store_receipt_each(client->store, to, PAYLOAD_RECEIPTS_MAX, add_owed, owed);
    if (err == ST_OK && owed->count > 0) {
        struct payload_receipt msg = { .state = owed->kind, .ids = { .count = owed->count, .items = owed->ids } };
        err = payload_body_write(PAYLOAD_RECEIPT, &msg, &body);
        struct peers_message out = { .type = PAYLOAD_RECEIPT,
                                     .id = carrier,
                                     .sent_at_ms = core_wall(client),
                                     .body = st_buf_view(&body),
                                     .kind = STORE_COPY_RECEIPT };
        if (err == ST_OK)
            err = peers_send(client, to, &out);
        if (err == ST_OK)
            err = bind_all(client, to, owed, carrier);
        *sent_r = err == ST_OK;
    }
    st_buf_free(&body);
    free(owed);
    return err;
}

struct waiting_peers {
    struct client *client;
    bool any;
};

static enum st_err send_to_peer(void *ctx, const struct store_device *to, uint32_t count)
{
    struct waiting_peers *waiting = ctx;
    bool sent = true;
    enum st_err err = ST_OK;
    (void)count;
    while (err == ST_OK && sent) {
        err = send_some(waiting->client, to, &sent);
        waiting->any |= sent;
    }
    return err == ST_ENOTFOUND || err == ST_ELIMIT ? ST_OK : err; /* no session to send on: they stay owed */
}

static enum st_err note_peer(void *ctx, const struct store_device *to, uint32_t count)
{
    struct waiting_peers *waiting = ctx;
    struct peer *peer;
    (void)count;
    if (peers_get(waiting->client, to, &peer) == ST_OK &&
        e2e_set_choose(&peer->set, (uint64_t)(core_wall(waiting->client) / 1000)) != NULL)
        waiting->any = true;
    return ST_OK;
}

bool receipts_settled(struct client *client)
{
    struct waiting_peers waiting = { client, false };
    return store_receipt_each_peer(client->store, note_peer, &waiting) == ST_OK && !waiting.any;
}

void receipts_pump(struct client *client)
{
    if (!client_is_online(client))
        return;
    struct waiting_peers waiting = { client, false };
    if (store_receipt_each_peer(client->store, note_peer, &waiting) != ST_OK || !waiting.any)
        return;
    waiting.any = false;
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, store_receipt_each_peer(client->store, send_to_peer, &waiting));
    if (err != ST_OK)
        core_warn(client, "receipts could not be sent; they stay owed");
    else if (waiting.any)
        outbox_pump(client);
}
