#include "services/relay/relay_internal.h"

/* The device numbers of a list side by side; NULL without memory. */
static uint32_t *join_devs(struct relay_core *core, struct st_records devs)
{
    uint32_t *numbers = relay_arena_take(&core->arena, (devs.count + 1) * sizeof *numbers);
    struct st_view dev;
    for (uint32_t *to = numbers; to != NULL && st_bytes_list_next(&devs, &dev); to++)
        *to = st_get_u32(dev.p);
    return numbers;
}

/* ---- boxes_set ---- */

void relay_boxes_take(struct relay_core *core, const struct relay_item *item)
{
    struct st_int_boxes_set msg;
    if (!relay_send_read(core, item, &msg))
        return;
    const uint32_t *devs = join_devs(core, msg.devs);
    if (devs == NULL) {
        relay_send_unavailable(core, item);
        return;
    }
    relay_gather_add(core, item, RELAY_GATHER_MAX, relay_boxes_finish);
    struct mailbox_boxes *requests = core->gathered.requests;
    struct mailbox_boxes *request = &requests[core->gathered.count - 1];
    memset(request, 0, sizeof *request);
    memcpy(request->acct, msg.acct.p, ST_ACCT_LEN);
    request->seq = msg.seq;
    request->devs = devs;
    request->dev_count = msg.devs.count;
}

void relay_boxes_finish(struct relay_core *core)
{
    struct mailbox_boxes *requests = core->gathered.requests;
    size_t count = core->gathered.count;
    core->gathered.count = 0;
    if (count == 0)
        return;
    enum st_err err = mailbox_boxes_set(&core->deps.mailbox, requests, count);
    if (err != ST_OK)
        relay_send_log_store(core, "boxes_set", err);
    for (size_t i = 0; i < count; i++) {
        struct st_int_boxes_set_r msg = { .acct = st_view(requests[i].acct, ST_ACCT_LEN), .seq = requests[i].seq_r };
        if (err == ST_OK)
            relay_send_reply(core, core->gathered.items[i], ST_BOXES_SET_R, &msg);
        else
            relay_send_unavailable(core, core->gathered.items[i]);
    }
}

/* ---- purge ---- */

/* Erases the account's attachments, at most RELAY_PURGE_BLOBS_MAX of them. ST_EUNAVAILABLE: more are left. */
static enum st_err erase_blobs(struct relay_core *core, const uint8_t *acct)
{
    uint8_t ids[64][ST_BLOB_ID_LEN];
    struct mailbox_blob_list list = { .blobs = ids, .blob_max = 64 };
    memcpy(list.acct, acct, ST_ACCT_LEN);
    for (size_t erased = 0; erased < RELAY_PURGE_BLOBS_MAX; erased += list.blob_count) {
        struct mailbox_blob_drop drops[64];
        enum st_err err = mailbox_blob_list(&core->deps.mailbox, &list);
        for (size_t i = 0; err == ST_OK && i < list.blob_count; i++) {
            memcpy(drops[i].acct, acct, ST_ACCT_LEN);
            memcpy(drops[i].blob, ids[i], ST_BLOB_ID_LEN);
            err = blob_erase(&core->deps.blob, ids[i]);
        }
        /* The row goes after the file: a crash in between leaves nothing that nobody knows of. */
        if (err == ST_OK && list.blob_count > 0)
            err = mailbox_blob_drop(&core->deps.mailbox, drops, list.blob_count);
        if (err != ST_OK || list.blob_count < list.blob_max)
            return err;
    }
    return ST_EUNAVAILABLE;
}

void relay_boxes_take_purge(struct relay_core *core, const struct relay_item *item)
{
    struct st_int_purge msg;
    if (!relay_send_read(core, item, &msg))
        return;
    const int64_t memory_ms = (int64_t)RELAY_PURGE_MEMORY_DAYS * 24 * 3600 * 1000;
    struct mailbox_purge purge = { .devs = join_devs(core, msg.devs),
                                   .dev_count = msg.devs.count,
                                   .until_ms = relay_wall_ms(core) + memory_ms };
    memcpy(purge.acct, msg.acct.p, ST_ACCT_LEN);
    enum st_err err = purge.devs == NULL ? ST_ENOMEM : erase_blobs(core, purge.acct);
    if (err == ST_OK)
        err = mailbox_purge(&core->deps.mailbox, &purge, 1);
    if (err != ST_OK) {
        relay_send_log_store(core, "purge", err);
        relay_send_unavailable(core, item);
        return;
    }
    for (size_t i = 0; i < purge.dev_count; i++) {
        struct mailbox_key key = mailbox_key(purge.acct, purge.devs[i]);
        struct relay_session *session = relay_session_get(core, &key);
        if (session == NULL)
            continue;
        relay_send_drop(core, &session->gateway, session->sid, session->attach, ST_BYE_REVOKED);
        relay_session_close(core, session, false);
    }
    struct st_int_purge_r answer = { .acct = msg.acct };
    relay_send_reply(core, item, ST_PURGE_R, &answer);
}
