#include "client/cli/record.h"

#include <string.h>

#define FIELD(kind, type, member, opt)                                                                                 \
    {                                                                                                                  \
#member, RECORD_FIELD_##kind, offsetof(struct record, as.type.member), (opt)                                   \
    }
#define ALWAYS(kind, type, member) FIELD(kind, type, member, false)
#define MAYBE(kind, type, member)  FIELD(kind, type, member, true)

static const struct record_field MESSAGE[] = {
    ALWAYS(TEXT, message, id),           ALWAYS(TEXT, message, chat),     ALWAYS(TEXT, message, from),
    ALWAYS(TEXT, message, direction),    ALWAYS(INT, message, seq),       ALWAYS(TIME, message, sent_at),
    MAYBE(TIME, message, received_at),   ALWAYS(TEXT, message, kind),     MAYBE(TEXT, message, text),
    ALWAYS(PARTS, message, attachments), ALWAYS(TEXT, message, state),    ALWAYS(TEXT, message, trust),
    MAYBE(TEXT, message, reply_to),      MAYBE(TIME, message, edited_at), MAYBE(MAYBE, message, deleted),
    MAYBE(TIME, message, expires_at),
};
static const struct record_field SENT[] = {
    ALWAYS(TEXT, sent, id),           ALWAYS(TEXT, sent, to),        ALWAYS(TEXT, sent, state),
    ALWAYS(PARTS, sent, attachments), ALWAYS(TIME, sent, queued_at), MAYBE(MAYBE, sent, duplicate),
    MAYBE(INT, sent, code),           MAYBE(TEXT, sent, reason),
};
static const struct record_field RECEIPT[] = {
    ALWAYS(TEXT, receipt, id),    ALWAYS(TEXT, receipt, chat), ALWAYS(TEXT, receipt, by),
    ALWAYS(TEXT, receipt, state), ALWAYS(TIME, receipt, at),
};
static const struct record_field GAP[] = {
    ALWAYS(TEXT, gap, chat),    ALWAYS(TEXT, gap, from),     ALWAYS(INT, gap, count),
    MAYBE(TEXT, gap, after_id), MAYBE(TEXT, gap, before_id), ALWAYS(TIME, gap, asked_at),
};
static const struct record_field NOTICE[] = {
    MAYBE(TEXT, notice, chat),
    ALWAYS(TEXT, notice, kind),
    ALWAYS(TEXT, notice, text),
    ALWAYS(TIME, notice, at),
};
static const struct record_field CHAT[] = {
    ALWAYS(TEXT, chat, chat),   ALWAYS(INT, chat, unread),      MAYBE(TEXT, chat, last_id),
    MAYBE(TIME, chat, last_at), MAYBE(TIME, chat, muted_until), MAYBE(INT, chat, retention_s),
    MAYBE(INT, chat, timer_s),  ALWAYS(BOOL, chat, history),    MAYBE(TEXT, chat, last_text),
};
static const struct record_field ACCOUNT[] = {
    ALWAYS(TEXT, account, name),
    ALWAYS(TEXT, account, server),
    MAYBE(TEXT, account, account_id),
    MAYBE(TEXT, account, device_id),
    { "default", RECORD_FIELD_BOOL, offsetof(struct record, as.account.is_default), false },
    ALWAYS(BOOL, account, locked),
};
static const struct record_field CONTACT[] = {
    ALWAYS(TEXT, contact, name),  ALWAYS(TEXT, contact, account_id), ALWAYS(INT, contact, devices),
    ALWAYS(TEXT, contact, trust), ALWAYS(TEXT, contact, relation),   MAYBE(TEXT, contact, nickname),
    MAYBE(TEXT, contact, note),
};
static const struct record_field SAFETY_NUMBER[] = {
    MAYBE(TEXT, safety_number, contact),
    ALWAYS(TEXT, safety_number, digits),
    ALWAYS(TEXT, safety_number, trust),
    MAYBE(TEXT, safety_number, result),
};
static const struct record_field STATUS[] = {
    ALWAYS(TEXT, status, account),   ALWAYS(TEXT, status, device_id),   ALWAYS(TEXT, status, server),
    ALWAYS(BOOL, status, connected), MAYBE(TIME, status, synced_at),    ALWAYS(INT, status, unread),
    ALWAYS(INT, status, outbox),     ALWAYS(BOOL, status, locked),      MAYBE(INT, status, holder_pid),
    ALWAYS(INT, status, prekeys),    ALWAYS(INT, status, no_opk_count), ALWAYS(POLICY, status, policy),
};
static const struct record_field OUTBOX[] = {
    ALWAYS(TEXT, outbox, id),         ALWAYS(TEXT, outbox, to),      ALWAYS(TEXT, outbox, state),
    ALWAYS(INT, outbox, copies),      ALWAYS(INT, outbox, attempts), ALWAYS(TIME, outbox, queued_at),
    MAYBE(TIME, outbox, next_try_at), MAYBE(TEXT, outbox, reason),
};
static const struct record_field ATTACHMENT[] = {
    ALWAYS(TEXT, attachment, id),    ALWAYS(TEXT, attachment, chat), ALWAYS(TEXT, attachment, name),
    ALWAYS(TEXT, attachment, mime),  ALWAYS(INT, attachment, bytes), ALWAYS(TEXT, attachment, sha256),
    ALWAYS(TEXT, attachment, state), MAYBE(TEXT, attachment, path),
};
static const struct record_field TRANSCRIPT[] = {
    ALWAYS(TEXT, transcript, file),   ALWAYS(TEXT, transcript, chat),   MAYBE(TEXT, transcript, id),
    MAYBE(INT, transcript, messages), MAYBE(TEXT, transcript, verdict),
};
static const struct record_field ERROR_FIELDS[] = {
    ALWAYS(INT, error, code),  ALWAYS(TEXT, error, reason),      ALWAYS(TEXT, error, message), ALWAYS(TEXT, error, why),
    ALWAYS(TEXT, error, next), MAYBE(INT, error, retry_after_s), MAYBE(TEXT, error, id),
};
static const struct record_field PROGRESS[] = {
    ALWAYS(TEXT, progress, id),
    ALWAYS(INT, progress, done_bytes),
    ALWAYS(INT, progress, total_bytes),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct record_type TYPES[RECORD_KINDS] = {
    [RECORD_MESSAGE] = { "message", MESSAGE, COUNT(MESSAGE), false },
    [RECORD_SENT] = { "sent", SENT, COUNT(SENT), false },
    [RECORD_RECEIPT] = { "receipt", RECEIPT, COUNT(RECEIPT), false },
    [RECORD_GAP] = { "gap", GAP, COUNT(GAP), false },
    [RECORD_NOTICE] = { "notice", NOTICE, COUNT(NOTICE), true },
    [RECORD_CHAT] = { "chat", CHAT, COUNT(CHAT), false },
    [RECORD_ACCOUNT] = { "account", ACCOUNT, COUNT(ACCOUNT), false },
    [RECORD_CONTACT] = { "contact", CONTACT, COUNT(CONTACT), false },
    [RECORD_SAFETY_NUMBER] = { "safety_number", SAFETY_NUMBER, COUNT(SAFETY_NUMBER), false },
    [RECORD_STATUS] = { "status", STATUS, COUNT(STATUS), false },
    [RECORD_OUTBOX] = { "outbox", OUTBOX, COUNT(OUTBOX), false },
    [RECORD_ATTACHMENT] = { "attachment", ATTACHMENT, COUNT(ATTACHMENT), false },
    [RECORD_TRANSCRIPT] = { "transcript", TRANSCRIPT, COUNT(TRANSCRIPT), false },
    [RECORD_ERROR] = { "error", ERROR_FIELDS, COUNT(ERROR_FIELDS), true },
    [RECORD_PROGRESS] = { "progress", PROGRESS, COUNT(PROGRESS), true },
};

static const struct record_field PART[] = {
    { "id", RECORD_FIELD_TEXT, offsetof(struct record_part, id), false },
    { "name", RECORD_FIELD_TEXT, offsetof(struct record_part, name), false },
    { "mime", RECORD_FIELD_TEXT, offsetof(struct record_part, mime), false },
    { "bytes", RECORD_FIELD_INT, offsetof(struct record_part, bytes), false },
    { "sha256", RECORD_FIELD_TEXT, offsetof(struct record_part, sha256), true },
    { "state", RECORD_FIELD_TEXT, offsetof(struct record_part, state), false },
    { "path", RECORD_FIELD_TEXT, offsetof(struct record_part, path), true },
};

static const struct record_field POLICY[] = {
    { "registration", RECORD_FIELD_TEXT, offsetof(struct record_policy, registration), false },
    { "retention_s", RECORD_FIELD_INT, offsetof(struct record_policy, retention_s), false },
    { "mailbox_bytes", RECORD_FIELD_INT, offsetof(struct record_policy, mailbox_bytes), false },
    { "blob_bytes", RECORD_FIELD_INT, offsetof(struct record_policy, blob_bytes), false },
};

const struct record_type *record_type(enum record_kind kind)
{
    return &TYPES[kind];
}

const struct record_field *record_part_fields(size_t *count)
{
    *count = COUNT(PART);
    return PART;
}

const struct record_field *record_policy_fields(size_t *count)
{
    *count = COUNT(POLICY);
    return POLICY;
}

static bool is_number(enum record_field_kind kind)
{
    return kind == RECORD_FIELD_INT || kind == RECORD_FIELD_TIME || kind == RECORD_FIELD_MAYBE;
}

void record_init(struct record *record, enum record_kind kind)
{
    memset(record, 0, sizeof *record);
    record->kind = kind;
    record->event = RECORD_NONE;
    const struct record_type *type = record_type(kind);
    for (size_t i = 0; i < type->count; i++)
        if (is_number(type->fields[i].kind))
            memcpy((char *)record + type->fields[i].offset, &record->event, sizeof record->event);
    if (kind == RECORD_GAP)
        record->as.gap.after_at = record->as.gap.before_at = RECORD_NONE;
}
