#include "services/gateway/gateway_send.h"

#include "proto/st_messages.h"

void gateway_send_client(struct gateway_core *core, struct gateway_link *link, struct st_view frame)
{
    if (link->gone)
        return;
    enum st_err err = core->out.client(core->out.ctx, link->socket, st_view(link->rid, link->rid_len), frame);
    if (err == ST_OK) {
        core->stats.to_clients++;
        return;
    }
    if (err == ST_EUNAVAILABLE) {
        core->stats.full++;
        return;
    }
    core->stats.unreachable++;
    link->gone = true;
    if (st_heap_node_is_set(&link->timer.node))
        gateway_timer_move(core, &link->timer, gateway_now(core));
}

void gateway_send_message(struct gateway_core *core, struct gateway_link *link, enum st_type type, uint64_t request,
                          const void *msg)
{
    st_buf_clear(&core->scratch);
    if (st_frame_write(type, request, msg, &core->scratch) == ST_OK)
        gateway_send_client(core, link, st_buf_view(&core->scratch));
    else
        ST_LOG(core->log, ST_LOG_ERROR, "frame_not_written", st_log_uint("type", (uint64_t)type));
}

static const char *sentence_of(enum st_code code)
{
    static const char *const sentences[] = {
        [ST_CODE_MALFORMED] = "this frame breaks the protocol",
        [ST_CODE_UNKNOWN_TYPE] = "this server does not know this type of message",
        [ST_CODE_WRONG_VERSION] = "this server speaks protocol version 1",
        [ST_CODE_WRONG_STATE] = "not now: say hello, or begin the login, first",
        [ST_CODE_NOT_ALLOWED] = "not allowed here",
        [ST_CODE_RATE_LIMITED] = "too many requests",
        [ST_CODE_UNAVAILABLE] = "a part of the server gives no answer",
        [ST_CODE_ACCOUNT_DISABLED] = "this account is disabled",
        [ST_CODE_DEVICE_REVOKED] = "this device was removed or logged out",
    };
    size_t count = sizeof sentences / sizeof sentences[0];
    return (size_t)code < count && sentences[code] != NULL ? sentences[code] : "refused";
}

void gateway_send_error(struct gateway_core *core, struct gateway_link *link, uint64_t request, enum st_code code,
                        uint64_t retry_after_s)
{
    st_buf_clear(&core->scratch);
    if (st_error_write(request, code, sentence_of(code), retry_after_s, &core->scratch) == ST_OK)
        gateway_send_client(core, link, st_buf_view(&core->scratch));
}

void gateway_send_bye(struct gateway_core *core, struct gateway_link *link, enum st_bye_reason reason,
                      int64_t reconnect_ms)
{
    struct st_msg_bye bye = { .reason = (uint64_t)reason, .reconnect_after_ms = (uint64_t)reconnect_ms };
    gateway_send_message(core, link, ST_BYE, 0, &bye);
}

enum st_err gateway_send_service(struct gateway_core *core, unsigned peer, const struct st_hop *hop,
                                 struct st_view frame)
{
    if (peer >= GATEWAY_PEERS_MAX || !core->peers[peer].used)
        return ST_ENOTFOUND;
    enum st_err err = core->out.service(core->out.ctx, peer, hop, frame);
    if (err == ST_OK)
        core->stats.to_services++;
    return err;
}

enum st_err gateway_send_internal(struct gateway_core *core, unsigned peer, const struct st_hop *hop, enum st_type type,
                                  uint64_t request, const void *msg)
{
    static const struct st_hop from_gateway = { .kind = ST_HOP_SERVICE };
    st_buf_clear(&core->scratch);
    enum st_err err = st_frame_write(type, request, msg, &core->scratch);
    if (err != ST_OK)
        return err;
    return gateway_send_service(core, peer, hop != NULL ? hop : &from_gateway, st_buf_view(&core->scratch));
}

void gateway_send_note(struct gateway_core *core, unsigned peer, const struct st_hop *hop, enum st_type type,
                       const void *msg)
{
    if (gateway_send_internal(core, peer, hop, type, ++core->next_request, msg) != ST_OK)
        core->stats.notes_lost++;
}
