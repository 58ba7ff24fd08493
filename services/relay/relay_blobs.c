#include "services/relay/relay_internal.h"

enum { CHUNK_PLAIN = 65536 }; /* bytes of plaintext in every chunk but the last */

/* All chunks but the last are full, or the quota would be counted by a size that has nothing to do with what is
 * stored: n chunks hold more than n - 1 full ones and no more than n of the longest. */
static bool is_honest(const struct st_msg_put_blob *msg)
{
    return msg->size > (msg->chunks - 1) * CHUNK_PLAIN && msg->size <= msg->chunks * ST_BLOB_CHUNK_MAX;
}

/* Counts it against the quota. False: answered with the reason. */
static bool count_blob(struct relay_core *core, const struct relay_item *item, const struct st_msg_put_blob *msg)
{
    struct mailbox_blob_add add = { .size = msg->size,
                                    .chunks = (uint32_t)msg->chunks,
                                    .now_ms = relay_wall_ms(core),
                                    .account_bytes_max = core->options.blob_bytes_max };
    add.expires_ms = add.now_ms + core->options.retention_ms;
    memcpy(add.acct, item->who.acct, ST_ACCT_LEN);
    memcpy(add.blob, msg->blob.p, ST_BLOB_ID_LEN);
    enum st_err err = mailbox_blob_add(&core->deps.mailbox, &add, 1);
    if (err != ST_OK)
        relay_send_log_store(core, "blob_add", err);
    if (err == ST_OK && add.fate == MAILBOX_BLOB_OK)
        return true;
    if (err == ST_OK && add.fate == MAILBOX_BLOB_QUOTA)
        relay_send_error(core, item, ST_CODE_QUOTA, "the account's room for attachments is used up");
    else if (err == ST_OK && add.fate == MAILBOX_BLOB_CONFLICT)
        relay_send_error(core, item, ST_CODE_CONFLICT, "this attachment was begun with another size");
    else
        relay_send_unavailable(core, item);
    return false;
}

static void uncount_blob(struct relay_core *core, const struct relay_item *item, const uint8_t *blob)
{
    struct mailbox_blob_drop drop;
    memcpy(drop.acct, item->who.acct, ST_ACCT_LEN);
    memcpy(drop.blob, blob, ST_BLOB_ID_LEN);
    enum st_err err = mailbox_blob_drop(&core->deps.mailbox, &drop, 1);
    if (err != ST_OK)
        relay_send_log_store(core, "blob_drop", err);
}

void relay_blobs_take_begin(struct relay_core *core, const struct relay_item *item)
{
    struct st_msg_put_blob msg;
    uint8_t there[ST_BLOB_BITMAP_MAX] = { 0 };
    if (!relay_send_read(core, item, &msg))
        return;
    if (!is_honest(&msg)) {
        core->stats.refused++;
        relay_send_error(core, item, ST_CODE_MALFORMED, "size and number of chunks do not fit");
        return;
    }
    if (!count_blob(core, item, &msg))
        return;
    struct blob_info info = { .size = msg.size, .chunks = (uint32_t)msg.chunks };
    memcpy(info.owner, item->who.acct, ST_ACCT_LEN);
    enum st_err err = blob_begin(&core->deps.blob, msg.blob.p, &info, there);
    if (err == ST_ECONFLICT) {
        uncount_blob(core, item, msg.blob.p);
        relay_send_error(core, item, ST_CODE_CONFLICT, "this attachment belongs to another account");
        return;
    }
    if (err != ST_OK) {
        relay_send_log_store(core, "blob_begin", err);
        relay_send_unavailable(core, item);
        return;
    }
    struct st_msg_put_blob_r answer = { .blob = msg.blob,
                                        .there = st_view(there, blob_bitmap_len((uint32_t)msg.chunks)) };
    relay_send_reply(core, item, ST_PUT_BLOB_R, &answer);
}

void relay_blobs_take_chunk(struct relay_core *core, const struct relay_item *item)
{
    struct st_msg_put_chunk msg;
    if (!relay_send_read(core, item, &msg))
        return;
    /* Only who has counted it against his quota may fill it. */
    struct mailbox_blob_get get = { .found = false };
    memcpy(get.acct, item->who.acct, ST_ACCT_LEN);
    memcpy(get.blob, msg.blob.p, ST_BLOB_ID_LEN);
    enum st_err err = mailbox_blob_get(&core->deps.mailbox, &get, 1);
    if (err == ST_OK && (!get.found || msg.index >= get.chunks)) {
        core->stats.refused++;
        relay_send_error(core, item, ST_CODE_NOT_FOUND, "no such attachment was begun, or it has no such chunk");
        return;
    }
    if (err == ST_OK)
        err = blob_put(&core->deps.blob, msg.blob.p, (uint32_t)msg.index, msg.data);
    if (err == ST_ENOTFOUND) {
        relay_send_error(core, item, ST_CODE_NOT_FOUND, "the attachment has expired; begin again");
        return;
    }
    if (err != ST_OK) {
        relay_send_log_store(core, "blob_put", err);
        relay_send_unavailable(core, item);
        return;
    }
    struct st_msg_put_chunk_r answer = { .blob = msg.blob, .index = msg.index };
    relay_send_reply(core, item, ST_PUT_CHUNK_R, &answer);
}

void relay_blobs_take_get(struct relay_core *core, const struct relay_item *item)
{
    struct st_msg_get_blob msg;
    struct blob_info info;
    if (!relay_send_read(core, item, &msg))
        return;
    st_buf_clear(&core->chunk);
    enum st_err err = blob_info(&core->deps.blob, msg.blob.p, &info);
    if (err == ST_OK && msg.index >= info.chunks)
        err = ST_ENOTFOUND;
    if (err == ST_OK)
        err = blob_get(&core->deps.blob, msg.blob.p, (uint32_t)msg.index, &core->chunk);
    if (err == ST_OK && core->chunk.len == 0)
        err = ST_EFOREIGN;
    if (err == ST_ENOTFOUND) {
        relay_send_error(core, item, ST_CODE_NOT_FOUND, "no such attachment or chunk");
        return;
    }
    if (err != ST_OK) {
        relay_send_log_store(core, "blob_get", err);
        relay_send_unavailable(core, item);
        return;
    }
    struct st_msg_get_blob_r answer = { .blob = msg.blob,
                                        .index = msg.index,
                                        .size = info.size,
                                        .chunks = info.chunks,
                                        .data = st_buf_view(&core->chunk) };
    relay_send_reply(core, item, ST_GET_BLOB_R, &answer);
}
