#include "services/relay/relay_internal.h"

void relay_ask_take_ping(struct relay_core *core, const struct relay_item *item)
{
    struct st_int_svc_ping msg;
    if (!relay_send_read(core, item, &msg))
        return;
    struct st_int_svc_pong pong = { .boot = core->boot, .draining = core->draining };
    relay_send_reply(core, item, ST_SVC_PONG, &pong);
}

void relay_ask_take_epochs(struct relay_core *core, const struct relay_item *item)
{
    uint8_t accts[ST_EPOCHS_MAX * ST_ACCT_LEN] = { 0 };
    uint8_t epochs[ST_EPOCHS_MAX * ST_EPOCH_LEN];
    struct st_msg_epochs msg;
    if (!relay_send_read(core, item, &msg))
        return;
    size_t count = msg.accts.count;
    struct st_view acct;
    for (uint8_t *to = accts; st_bytes_list_next(&msg.accts, &acct); to += ST_ACCT_LEN)
        memcpy(to, acct.p, ST_ACCT_LEN);
    enum st_err err = mailbox_epochs(&core->deps.mailbox, accts, count, epochs);
    if (err != ST_OK) {
        relay_send_log_store(core, "epochs", err);
        relay_send_unavailable(core, item);
        return;
    }
    struct st_msg_epochs_r answer = { .epochs = { .count = count, .items = epochs } };
    relay_send_reply(core, item, ST_EPOCHS_R, &answer);
}

/* Something that an online device should hear, and that may be lost: it goes to the gateway that has the device,
 * whichever relay that is attached to. */
void relay_ask_take_notify(struct relay_core *core, const struct relay_item *item)
{
    struct st_int_notify msg;
    if (!relay_send_read(core, item, &msg))
        return;
    struct mailbox_presence_get get = { .key = mailbox_key(msg.acct.p, (uint32_t)msg.dev) };
    enum st_err err = mailbox_presence_get(&core->deps.mailbox, &get, 1);
    if (err != ST_OK)
        relay_send_log_store(core, "presence_get", err);
    if (err != ST_OK || !get.present)
        return;
    struct st_msg_chat_started started = { .opk_left = msg.number };
    if (ST_HAS(&msg, 4))
        ST_SET(&started, 1);
    struct st_hop hop = relay_send_hop(&get.key, get.presence.sid);
    if (relay_send(core, &get.presence.gateway, &hop, ST_CHAT_STARTED, 0, &started) != ST_ENOTFOUND)
        return;
    core->stats.stale_presences++;
    relay_session_clear_presence(core, &get.key, &get.presence);
}
