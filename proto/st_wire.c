#include "proto/st_wire.h"

#include "proto/st_message_table.h"
#include "proto/st_messages.h"

enum st_err st_frame_open(struct st_view frame, size_t frame_max, struct st_frame *frame_r)
{
    memset(frame_r, 0, sizeof *frame_r);
    if (frame.len > frame_max)
        return ST_ELIMIT;
    if (frame.len < ST_HEADER_LEN)
        return ST_EMALFORMED;
    if (frame.p[0] != ST_WIRE_VERSION)
        return ST_EREFUSED;
    if (st_get_u16(frame.p + 2) != 0)
        return ST_EMALFORMED;
    frame_r->type = frame.p[1];
    frame_r->request = st_get_u64(frame.p + 4);
    frame_r->body = st_view(frame.p + ST_HEADER_LEN, frame.len - ST_HEADER_LEN);
    return ST_OK;
}

const struct st_message_type *st_message_types(size_t *count_r)
{
    *count_r = st_client_message_count;
    return st_client_messages;
}

const struct st_message_type *st_service_message_types(size_t *count_r)
{
    *count_r = st_internal_message_count;
    return st_internal_messages;
}

static const struct st_message_type *find(const struct st_message_type *table, size_t count, uint8_t type)
{
    size_t low = 0;
    while (low < count) {
        size_t mid = low + (count - low) / 2;
        if (table[mid].type == type)
            return &table[mid];
        if (table[mid].type < type)
            low = mid + 1;
        else
            count = mid;
    }
    return NULL;
}

const struct st_message_type *st_message_type(uint8_t type)
{
    if (type >= 128)
        return find(st_internal_messages, st_internal_message_count, type);
    return find(st_client_messages, st_client_message_count, type);
}

enum st_err st_frame_read(const struct st_frame *frame, void *msg_r)
{
    const struct st_message_type *row = st_message_type(frame->type);
    if (row == NULL)
        return ST_EMALFORMED;
    return st_schema_read(row->schema, frame->body, msg_r);
}

enum st_err st_frame_write(enum st_type type, uint64_t request, const void *msg, struct st_buf *out)
{
    const struct st_message_type *row = st_message_type((uint8_t)type);
    if (row == NULL)
        return ST_EMALFORMED;
    uint8_t *header = st_buf_extend(out, ST_HEADER_LEN);
    if (header == NULL)
        return st_buf_error(out);
    header[0] = ST_WIRE_VERSION;
    header[1] = (uint8_t)type;
    st_put_u16(header + 2, 0);
    st_put_u64(header + 4, request);
    return st_schema_write(row->schema, msg, out);
}

enum st_err st_error_write(uint64_t request, enum st_code code, const char *sentence, uint64_t retry_after_s,
                           struct st_buf *out)
{
    struct st_msg_error msg = { .code = code, .sentence = st_view_text(sentence), .retry_after_s = retry_after_s };
    if (msg.sentence.len > ST_SENTENCE_MAX)
        msg.sentence.len = ST_SENTENCE_MAX;
    if (retry_after_s > 0)
        ST_SET(&msg, 3);
    return st_frame_write(ST_ERROR, request, &msg, out);
}

const char *st_code_name(uint64_t code)
{
    static const char *const names[] = {
        [ST_CODE_MALFORMED] = "malformed",
        [ST_CODE_UNKNOWN_TYPE] = "unknown_type",
        [ST_CODE_WRONG_VERSION] = "wrong_version",
        [ST_CODE_WRONG_STATE] = "wrong_state",
        [ST_CODE_NOT_ALLOWED] = "not_allowed",
        [ST_CODE_RATE_LIMITED] = "rate_limited",
        [ST_CODE_UNAVAILABLE] = "unavailable",
        [ST_CODE_LOGIN_FAILED] = "login_failed",
        [ST_CODE_ACCOUNT_DISABLED] = "account_disabled",
        [ST_CODE_DEVICE_REVOKED] = "device_revoked",
        [ST_CODE_NAME_TAKEN] = "name_taken",
        [ST_CODE_INVITE_REQUIRED] = "invite_required",
        [ST_CODE_INVITE_UNKNOWN] = "invite_unknown",
        [ST_CODE_INVITE_USED] = "invite_used",
        [ST_CODE_INVITE_EXPIRED] = "invite_expired",
        [ST_CODE_REGISTRATION_CLOSED] = "registration_closed",
        [ST_CODE_NOT_FOUND] = "not_found",
        [ST_CODE_CONFLICT] = "conflict",
        [ST_CODE_LIST_REJECTED] = "list_rejected",
        [ST_CODE_QUOTA] = "quota",
        [ST_CODE_TOO_LARGE] = "too_large",
    };
    if (code >= sizeof names / sizeof names[0] || names[code] == NULL)
        return "unknown";
    return names[code];
}
