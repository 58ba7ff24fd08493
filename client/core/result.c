#include "client/core/core.h"

struct client_result core_result(enum client_reason reason)
{
    struct client_result result = { .reason = reason };
    return result;
}

struct client_result core_store_result(enum st_err err)
{
    struct client_result result = { .reason = err == ST_OK ? CLIENT_OK : CLIENT_STORE, .store = err };
    return result;
}

struct client_result core_error_result(const struct st_frame *frame)
{
    static const enum client_reason reasons[] = {
        [ST_CODE_MALFORMED] = CLIENT_PROTOCOL,
        [ST_CODE_UNKNOWN_TYPE] = CLIENT_PROTOCOL,
        [ST_CODE_WRONG_VERSION] = CLIENT_PROTOCOL,
        [ST_CODE_WRONG_STATE] = CLIENT_PROTOCOL,
        [ST_CODE_NOT_ALLOWED] = CLIENT_NOT_ALLOWED,
        [ST_CODE_RATE_LIMITED] = CLIENT_RATE_LIMITED,
        [ST_CODE_UNAVAILABLE] = CLIENT_UNAVAILABLE,
        [ST_CODE_LOGIN_FAILED] = CLIENT_WRONG_PASSWORD,
        [ST_CODE_ACCOUNT_DISABLED] = CLIENT_ACCOUNT_DISABLED,
        [ST_CODE_DEVICE_REVOKED] = CLIENT_DEVICE_REVOKED,
        [ST_CODE_NAME_TAKEN] = CLIENT_NAME_TAKEN,
        [ST_CODE_INVITE_REQUIRED] = CLIENT_INVITE_REQUIRED,
        [ST_CODE_INVITE_UNKNOWN] = CLIENT_INVITE_UNKNOWN,
        [ST_CODE_INVITE_USED] = CLIENT_INVITE_USED,
        [ST_CODE_INVITE_EXPIRED] = CLIENT_INVITE_EXPIRED,
        [ST_CODE_REGISTRATION_CLOSED] = CLIENT_REGISTRATION_CLOSED,
        [ST_CODE_NOT_FOUND] = CLIENT_NOT_FOUND,
        [ST_CODE_CONFLICT] = CLIENT_UNAVAILABLE,
        [ST_CODE_LIST_REJECTED] = CLIENT_LIST_UNTRUSTED,
        [ST_CODE_QUOTA] = CLIENT_QUOTA,
        [ST_CODE_TOO_LARGE] = CLIENT_TOO_LARGE,
    };
    struct st_msg_error msg;
    if (st_frame_read(frame, &msg) != ST_OK)
        return core_result(CLIENT_PROTOCOL);
    struct client_result result = { .reason = CLIENT_PROTOCOL, .retry_after_s = msg.retry_after_s };
    if (msg.code < sizeof reasons / sizeof reasons[0] && reasons[msg.code] != CLIENT_OK)
        result.reason = reasons[msg.code];
    memcpy(result.detail, msg.sentence.p, msg.sentence.len);
    return result;
}

void core_warn(struct client *client, const char *text)
{
    struct client_event event = { .kind = CLIENT_EVENT_WARNING, .text = text };
    client->out.event(client->out.ctx, &event);
}
