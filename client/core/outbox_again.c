#include "client/core/outbox.h"

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
    outbox_rewind(client, OUTBOX_RETRY_FIRST_MS);
    struct store_outbox_query query = { .not_own_epoch = own_epoch,
                                        .kind = 1 + STORE_COPY_MESSAGE,
                                        .state = 1 + STORE_COPY_STORED };
    memcpy(outbox->own_epoch, own_epoch, sizeof outbox->own_epoch);
    send_again(client, &query, own_epoch, client->self.acct, own_epoch);
}

void outbox_offline(struct client *client)
{
    struct outbox *outbox = client->outbox;
    outbox_land_all(outbox);
    outbox->cursor = 0;
}

void outbox_pause(struct client *client, const struct client_result *failure)
{
    struct outbox *outbox = client->outbox;
    int64_t wait = failure->retry_after_s > 0 && failure->retry_after_s < 60 ? (int64_t)failure->retry_after_s * 1000
                                                                             : OUTBOX_RETRY_FIRST_MS;
    outbox->paused_ms = core_mono(client) + wait;
    /* What was refused cannot be told from what is on its way. What is answered meanwhile is done; the rest goes again
     * once the pause is over. */
    for (size_t i = 0; i < OUTBOX_FLIGHTS_MAX; i++) {
        if (outbox->flights[i].in_use && outbox->flights[i].again_ms > outbox->paused_ms)
            outbox->flights[i].again_ms = outbox->paused_ms;
    }
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
    outbox_rewind(client, 1);
    return store_outbox_each(client->store, &query, again_if_in_range, &range);
}
