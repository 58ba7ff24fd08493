#include "proto/st_message_table.h"

#include "proto/st_field_macros.h"
#include "proto/st_internal.h"

static const struct st_field tk_item_fields[] = {
    FIELD(1, st_int_tk_item, tk, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    FIELD(2, st_int_tk_item, state, UINT, 0, 3),
    OPTION(3, st_int_tk_item, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    OPTION(4, st_int_tk_item, dev, UINT, 1, UINT32_MAX),
    OPTION(5, st_int_tk_item, list_seq, UINT, 0, ST_UINT_MAX),
    OPTION_BYTES_LIST(6, st_int_tk_item, devs, 4, 0, ST_DEVICES_MAX),
    OPTION(7, st_int_tk_item, opk_left, UINT, 0, ST_UINT_MAX),
};
const struct st_schema st_schema_tk_item = SCHEMA("tk_item", tk_item_fields, st_int_tk_item);

static const struct st_field alive_item_fields[] = {
    FIELD(1, st_int_alive_item, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_int_alive_item, dev, UINT, 1, UINT32_MAX),
    FIELD(3, st_int_alive_item, sid, UINT, 0, ST_UINT_MAX),
    FIELD(4, st_int_alive_item, attach, UINT, 0, ST_UINT_MAX),
    OPTION(5, st_int_alive_item, generation, BYTES, ST_GENERATION_LEN, ST_GENERATION_LEN),
};
const struct st_schema st_schema_alive_item = SCHEMA("alive_item", alive_item_fields, st_int_alive_item);

static const struct st_field alive_r_item_fields[] = {
    FIELD(1, st_int_alive_r_item, sid, UINT, 0, ST_UINT_MAX),
    FIELD(2, st_int_alive_r_item, attach, UINT, 0, ST_UINT_MAX),
    FIELD(3, st_int_alive_r_item, pending, UINT, 0, ST_UINT_MAX),
    FIELD(4, st_int_alive_r_item, replaced, UINT, 0, 1),
};
const struct st_schema st_schema_alive_r_item = SCHEMA("alive_r_item", alive_r_item_fields, st_int_alive_r_item);

static const struct st_field svc_ping_fields[] = {
    FIELD(1, st_int_svc_ping, boot, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema svc_ping = SCHEMA("svc_ping", svc_ping_fields, st_int_svc_ping);

static const struct st_field svc_pong_fields[] = {
    FIELD(1, st_int_svc_pong, boot, UINT, 0, ST_UINT_MAX),
    FIELD(2, st_int_svc_pong, draining, UINT, 0, 1),
    OPTION(3, st_int_svc_pong, registration, UINT, 1, 4),
};
static const struct st_schema svc_pong = SCHEMA("svc_pong", svc_pong_fields, st_int_svc_pong);

static const struct st_field tk_check_fields[] = {
    BYTES_LIST(1, st_int_tk_check, tks, ST_KEY_LEN, 1, ST_TK_CHECK_MAX),
};
static const struct st_schema tk_check = SCHEMA("tk_check", tk_check_fields, st_int_tk_check);

static const struct st_field tk_check_r_fields[] = {
    RECORDS(1, st_int_tk_check_r, items, 1, ST_TK_CHECK_MAX, &st_schema_tk_item),
};
static const struct st_schema tk_check_r = SCHEMA("tk_check_r", tk_check_r_fields, st_int_tk_check_r);

static const struct st_field revoke_fields[] = {
    FIELD(1, st_int_revoke, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_int_revoke, dev, UINT, 0, UINT32_MAX),
    FIELD(3, st_int_revoke, reason, UINT, 1, 4),
};
static const struct st_schema revoke = SCHEMA("revoke", revoke_fields, st_int_revoke);

static const struct st_field purge_req_fields[] = {
    FIELD(1, st_int_purge_req, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    BYTES_LIST(2, st_int_purge_req, devs, 4, 0, ST_ARRAY_ITEMS_MAX),
};
static const struct st_schema purge_req = SCHEMA("purge_req", purge_req_fields, st_int_purge_req);

static const struct st_field purged_fields[] = {
    FIELD(1, st_int_purged, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
};
static const struct st_schema purged = SCHEMA("purged", purged_fields, st_int_purged);

static const struct st_field boxes_set_fields[] = {
    FIELD(1, st_int_boxes_set, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_int_boxes_set, seq, UINT, 0, ST_UINT_MAX),
    BYTES_LIST(3, st_int_boxes_set, devs, 4, 0, ST_DEVICES_MAX),
};
static const struct st_schema boxes_set = SCHEMA("boxes_set", boxes_set_fields, st_int_boxes_set);

static const struct st_field boxes_set_r_fields[] = {
    FIELD(1, st_int_boxes_set_r, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_int_boxes_set_r, seq, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema boxes_set_r = SCHEMA("boxes_set_r", boxes_set_r_fields, st_int_boxes_set_r);

static const struct st_field purge_fields[] = {
    FIELD(1, st_int_purge, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    BYTES_LIST(2, st_int_purge, devs, 4, 0, ST_ARRAY_ITEMS_MAX),
};
static const struct st_schema purge = SCHEMA("purge", purge_fields, st_int_purge);

static const struct st_field purge_r_fields[] = {
    FIELD(1, st_int_purge_r, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
};
static const struct st_schema purge_r = SCHEMA("purge_r", purge_r_fields, st_int_purge_r);

static const struct st_field attach_fields[] = {
    OPTION(1, st_int_attach, generation, BYTES, ST_GENERATION_LEN, ST_GENERATION_LEN),
    FIELD(2, st_int_attach, list_seq, UINT, 0, ST_UINT_MAX),
    BYTES_LIST(3, st_int_attach, devs, 4, 0, ST_DEVICES_MAX),
};
static const struct st_schema attach = SCHEMA("attach", attach_fields, st_int_attach);

static const struct st_field attach_r_fields[] = {
    FIELD(1, st_int_attach_r, attach, UINT, 0, ST_UINT_MAX),
    FIELD(2, st_int_attach_r, epoch, BYTES, ST_EPOCH_LEN, ST_EPOCH_LEN),
    OPTION(3, st_int_attach_r, generation, BYTES, ST_GENERATION_LEN, ST_GENERATION_LEN),
    FIELD(4, st_int_attach_r, pending, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema attach_r = SCHEMA("attach_r", attach_r_fields, st_int_attach_r);

static const struct st_field detach_fields[] = {
    FIELD(1, st_int_detach, attach, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema detach = SCHEMA("detach", detach_fields, st_int_detach);

static const struct st_field alive_fields[] = {
    RECORDS(1, st_int_alive, items, 1, ST_ALIVE_MAX, &st_schema_alive_item),
};
static const struct st_schema alive = SCHEMA("alive", alive_fields, st_int_alive);

static const struct st_field alive_r_fields[] = {
    RECORDS(1, st_int_alive_r, items, 1, ST_ALIVE_MAX, &st_schema_alive_r_item),
};
static const struct st_schema alive_r = SCHEMA("alive_r", alive_r_fields, st_int_alive_r);

static const struct st_field wake_fields[] = {
    FIELD(1, st_int_wake, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_int_wake, dev, UINT, 1, UINT32_MAX),
};
static const struct st_schema wake = SCHEMA("wake", wake_fields, st_int_wake);

static const struct st_field drop_fields[] = {
    FIELD(1, st_int_drop, sid, UINT, 0, ST_UINT_MAX),
    FIELD(2, st_int_drop, attach, UINT, 0, ST_UINT_MAX),
    FIELD(3, st_int_drop, reason, UINT, 1, 4),
};
static const struct st_schema drop = SCHEMA("drop", drop_fields, st_int_drop);

static const struct st_field notify_fields[] = {
    FIELD(1, st_int_notify, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_int_notify, dev, UINT, 1, UINT32_MAX),
    FIELD(3, st_int_notify, kind, UINT, 1, 1),
    OPTION(4, st_int_notify, number, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema notify = SCHEMA("notify", notify_fields, st_int_notify);

const struct st_message_type st_internal_messages[] = {
    { ST_SVC_PING, "service", &svc_ping },
    { ST_SVC_PONG, "service", &svc_pong },
    { ST_TK_CHECK, "service", &tk_check },
    { ST_TK_CHECK_R, "service", &tk_check_r },
    { ST_REVOKE, "service", &revoke },
    { ST_PURGE_REQ, "service", &purge_req },
    { ST_PURGED, "service", &purged },
    { ST_BOXES_SET, "service", &boxes_set },
    { ST_BOXES_SET_R, "service", &boxes_set_r },
    { ST_PURGE, "service", &purge },
    { ST_PURGE_R, "service", &purge_r },
    { ST_ATTACH, "service", &attach },
    { ST_ATTACH_R, "service", &attach_r },
    { ST_DETACH, "service", &detach },
    { ST_ALIVE, "service", &alive },
    { ST_ALIVE_R, "service", &alive_r },
    { ST_WAKE, "service", &wake },
    { ST_DROP, "service", &drop },
    { ST_NOTIFY, "service", &notify },
};
const size_t st_internal_message_count = sizeof st_internal_messages / sizeof st_internal_messages[0];
