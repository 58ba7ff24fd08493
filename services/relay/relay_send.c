#include "services/relay/relay_internal.h"

enum { SAY_AGAIN_MS = 10 * 1000 };

bool relay_send_read(struct relay_core *core, const struct relay_item *item, void *msg_r)
{
    if (st_frame_read(&item->frame, msg_r) == ST_OK)
        return true;
    core->stats.refused++;
    relay_send_error(core, item, ST_CODE_MALFORMED, "the message breaks the protocol");
    return false;
}

enum st_err relay_send(struct relay_core *core, const struct service_peer *to, const struct st_hop *hop,
                       enum st_type type, uint64_t request, const void *msg)
{
    st_buf_clear(&core->frame);
    enum st_err err = st_frame_write(type, request, msg, &core->frame);
    if (err != ST_OK) {
        ST_LOG(core->deps.log, ST_LOG_ERROR, "frame_not_written", st_log_int("type", type), st_log_err("error", err));
        return err;
    }
    return core->deps.out.send(core->deps.out.ctx, to, hop, st_buf_view(&core->frame), st_view(NULL, 0));
}

struct st_hop relay_send_hop(const struct mailbox_key *key, uint64_t sid)
{
    struct st_hop hop = { .kind = ST_HOP_DEVICE, .dev = key->dev, .sid = sid };
    memcpy(hop.acct, key->acct, ST_ACCT_LEN);
    return hop;
}

/* The way back to whoever sent the frame. */
static struct st_hop way_back(const struct relay_item *item)
{
    struct st_hop hop = relay_send_hop(&item->who, item->sid);
    hop.kind = item->kind;
    return hop;
}

void relay_send_reply(struct relay_core *core, const struct relay_item *item, enum st_type type, const void *msg)
{
    struct st_hop hop = way_back(item);
    (void)relay_send(core, &item->from, &hop, type, item->frame.request, msg);
}

static void send_error(struct relay_core *core, const struct relay_item *item, enum st_code code, const char *sentence,
                       uint64_t retry_after_s)
{
    struct st_hop hop = way_back(item);
    st_buf_clear(&core->frame);
    if (st_error_write(item->frame.request, code, sentence, retry_after_s, &core->frame) == ST_OK)
        (void)core->deps.out.send(core->deps.out.ctx, &item->from, &hop, st_buf_view(&core->frame), st_view(NULL, 0));
}

void relay_send_error(struct relay_core *core, const struct relay_item *item, enum st_code code, const char *sentence)
{
    send_error(core, item, code, sentence, 0);
}

void relay_send_rate_limited(struct relay_core *core, const struct relay_item *item, uint64_t retry_after_s)
{
    send_error(core, item, ST_CODE_RATE_LIMITED, "too many requests of this kind", retry_after_s);
}

void relay_send_unavailable(struct relay_core *core, const struct relay_item *item)
{
    send_error(core, item, ST_CODE_UNAVAILABLE, "the server cannot reach its storage now", 0);
}

void relay_send_log_store(struct relay_core *core, const char *what, enum st_err err)
{
    int64_t now_ms = relay_mono_ms(core);
    core->stats.store_errors++;
    /* A store that is down fails every batch: say it now and then, not each time. */
    if (core->stats.store_errors > 1 && now_ms - core->error_said_ms < SAY_AGAIN_MS)
        return;
    core->error_said_ms = now_ms;
    ST_LOG(core->deps.log, ST_LOG_ERROR, "store_failed", st_log_text("call", what), st_log_err("error", err),
           st_log_uint("failures", core->stats.store_errors));
}

void relay_send_drop(struct relay_core *core, const struct service_peer *gateway, uint64_t sid, uint64_t attach,
                     enum st_bye_reason reason)
{
    struct st_hop hop = { .kind = ST_HOP_SERVICE };
    struct st_int_drop msg = { .sid = sid, .attach = attach, .reason = reason };
    /* A gateway that is gone has no session to drop. */
    (void)relay_send(core, gateway, &hop, ST_DROP, 0, &msg);
}
