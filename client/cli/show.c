#include "client/cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/devlist/st_devlist.h"
#include "lib/st_hex.h"

/* The texts of one attachment. */
struct part_text {
    char id[SHOW_ID_BYTES + 4];
    char name[STORE_FILE_NAME_MAX + 1];
    char mime[STORE_MIME_MAX + 1];
    char sha256[65];
    char path[STORE_PATH_MAX + 1];
};

struct show {
    struct session *session;
    char id[SHOW_ID_BYTES], other_id[SHOW_ID_BYTES];
    char chat[SHOW_NAME_BYTES], who[SHOW_NAME_BYTES];
    struct st_buf text;
    struct part_text part_texts[STORE_ATTACHMENTS_MAX];
    struct record_part parts[STORE_ATTACHMENTS_MAX];
    size_t part_count;
    struct store_contact contact;
};

struct show *show_new(struct session *session)
{
    struct show *show = calloc(1, sizeof *show);
    if (show == NULL)
        return NULL;
    show->session = session;
    st_buf_init(&show->text, STORE_TEXT_MAX + STORE_EVENT_BODY_MAX + 2);
    return show;
}

void show_free(struct show **show)
{
    if (*show == NULL)
        return;
    st_buf_wipe_free(&(*show)->text);
    free(*show);
    *show = NULL;
}

const char *show_state(enum store_state state)
{
    static const char *const words[] = {
        [STORE_STATE_QUEUED] = "queued",       [STORE_STATE_STORED] = "stored", [STORE_STATE_FAILED] = "failed",
        [STORE_STATE_DELIVERED] = "delivered", [STORE_STATE_READ] = "read",
    };
    return (size_t)state < sizeof words / sizeof words[0] ? words[state] : "unknown";
}

const char *show_trust(enum store_trust trust)
{
    static const char *const words[] = { "unverified", "verified", "changed" };
    return (size_t)trust < sizeof words / sizeof words[0] ? words[trust] : "unverified";
}

static const char *relation_word(enum store_relation relation)
{
    static const char *const words[] = { "none", "requested", "accepted", "blocked" };
    return (size_t)relation < sizeof words / sizeof words[0] ? words[relation] : "none";
}

static const char *attachment_word(enum store_attachment_state state)
{
    static const char *const words[] = { "remote", "partial", "local", "expired" };
    return (size_t)state < sizeof words / sizeof words[0] ? words[state] : "remote";
}

static const char *kind_word(enum store_message_kind kind)
{
    static const char *const words[] = { "text", "file", "unknown" };
    return (size_t)kind < sizeof words / sizeof words[0] ? words[kind] : "unknown";
}

/* @name, #group or me. */
static void chat_name(const struct store_chat *chat, char out[static SHOW_NAME_BYTES])
{
    const char *sigil = chat->kind == STORE_CHAT_PERSON ? "@" : chat->kind == STORE_CHAT_GROUP ? "#" : "";
    (void)snprintf(out, SHOW_NAME_BYTES, "%s%s", sigil, chat->kind == STORE_CHAT_SELF ? "me" : chat->name);
}

/* Keeps a text as a C string; what it points to is good until the next call on `show`. */
static const char *keep_text(struct show *show, struct st_view text)
{
    size_t at = show->text.len;
    if (st_buf_append(&show->text, text.p, text.len) != ST_OK || st_buf_append(&show->text, "", 1) != ST_OK)
        return NULL;
    return (const char *)show->text.p + at;
}

static void fill_part(struct part_text *text, struct record_part *part, const char *message_id,
                      const struct store_attachment *attachment)
{
    (void)snprintf(text->id, sizeof text->id, "%s.%" PRIu32, message_id, attachment->index);
    (void)snprintf(text->name, sizeof text->name, "%s", attachment->name);
    (void)snprintf(text->mime, sizeof text->mime, "%s", attachment->mime);
    (void)snprintf(text->path, sizeof text->path, "%s", attachment->path);
    st_hex_encode(text->sha256, attachment->sha256, sizeof attachment->sha256);
    *part = (struct record_part) { text->id,
                                   text->name,
                                   text->mime,
                                   (int64_t)attachment->plain_bytes,
                                   text->sha256,
                                   attachment_word(attachment->state),
                                   text->path[0] != '\0' ? text->path : NULL };
}

static enum st_err add_part(void *ctx, const struct store_attachment *attachment)
{
    struct show *show = ctx;
    size_t i = show->part_count;
    if (i == STORE_ATTACHMENTS_MAX)
        return ST_OK;
    fill_part(&show->part_texts[i], &show->parts[i], show->id, attachment);
    show->part_count++;
    return ST_OK;
}

/* Chat, sender and trust of a message into the texts of `show`. */
static enum st_err name_people(struct show *show, const struct store_message *message, enum store_trust *trust)
{
    struct store_chat chat;
    struct store *store = show->session->store;
    *trust = STORE_UNVERIFIED;
    enum st_err err = store_chat_get(store, message->chat, &chat);
    if (err != ST_OK)
        return err;
    chat_name(&chat, show->chat);
    if (message->direction == STORE_OUT)
        (void)snprintf(show->who, sizeof show->who, "%s", show->session->shown);
    else
        session_name_of(show->session, message->sender.acct, show->who);
    if (store_contact_get(store, chat.peer, &show->contact) == ST_OK)
        *trust = show->contact.trust;
    return ST_OK;
}

enum st_err show_message(struct show *show, const struct store_message *message, struct record *out)
{
    enum store_trust trust;
    record_init(out, RECORD_MESSAGE);
    st_buf_clear(&show->text);
    show->part_count = 0;
    st_hex_encode(show->id, message->id, sizeof message->id);
    enum st_err err = name_people(show, message, &trust);
    if (err == ST_OK && message->attachments > 0)
        err = store_attachment_each(show->session->store, message->row, add_part, show);
    if (err != ST_OK)
        return err;
    struct record_message *m = &out->as.message;
    m->id = show->id;
    m->chat = show->chat;
    m->from = show->who;
    m->direction = message->direction == STORE_OUT ? "out" : "in";
    m->seq = (int64_t)message->seq;
    m->sent_at = message->sent_at_ms;
    if (message->direction == STORE_IN)
        m->received_at = message->received_at_ms;
    m->kind = kind_word(message->kind);
    if (message->text.len > 0)
        m->text = keep_text(show, message->text);
    m->attachments.items = show->parts;
    m->attachments.count = show->part_count;
    m->state = show_state(message->state);
    m->trust = show_trust(trust);
    if (message->deleted)
        m->deleted = 1;
    return st_buf_error(&show->text);
}

static enum st_err keep_preview(void *ctx, const struct store_message *message)
{
    struct show *show = ctx;
    if (message->text.len > 0 && keep_text(show, message->text) == NULL)
        return st_buf_error(&show->text);
    return ST_OK;
}

enum st_err show_chat(struct show *show, const struct store_chat *chat, struct record *out)
{
    record_init(out, RECORD_CHAT);
    st_buf_clear(&show->text);
    chat_name(chat, show->chat);
    struct record_chat *c = &out->as.chat;
    c->chat = show->chat;
    c->unread = chat->unread;
    c->history = true;
    if (!chat->has_last)
        return ST_OK;
    st_hex_encode(show->id, chat->last_id, sizeof chat->last_id);
    c->last_id = show->id;
    c->last_at = chat->last_at_ms;
    struct store_message_query query = { .chat = chat->id, .last = 1 };
    enum st_err err = store_message_each(show->session->store, &query, keep_preview, show);
    if (err == ST_OK && show->text.len > 0)
        c->last_text = (const char *)show->text.p;
    return err;
}

/* When the message with this id was sent or received. */
struct when_of {
    int64_t chat;
    int64_t at_ms;
};

static enum st_err take_time(void *ctx, const struct store_message *message)
{
    struct when_of *when = ctx;
    if (message->chat == when->chat)
        when->at_ms = message->direction == STORE_IN ? message->received_at_ms : message->sent_at_ms;
    return ST_OK;
}

static int64_t time_of(struct show *show, int64_t chat, const char *id)
{
    struct when_of when = { chat, RECORD_NONE };
    if (store_message_find_prefix(show->session->store, st_view_text(id), 8, take_time, &when) != ST_OK)
        return RECORD_NONE;
    return when.at_ms;
}

enum st_err show_gap(struct show *show, const struct store_gap *gap, struct record *out)
{
    struct store_chat chat;
    record_init(out, RECORD_GAP);
    enum st_err err = store_chat_get(show->session->store, gap->chat, &chat);
    if (err != ST_OK)
        return err;
    chat_name(&chat, show->chat);
    session_name_of(show->session, gap->sender.acct, show->who);
    struct record_gap *g = &out->as.gap;
    g->chat = show->chat;
    g->from = show->who;
    g->count = (int64_t)(gap->last_seq - gap->first_seq + 1);
    if (gap->asked_at_ms != 0)
        g->asked_at = gap->asked_at_ms;
    if (gap->has_after) {
        st_hex_encode(show->id, gap->after_id, sizeof gap->after_id);
        g->after_id = show->id;
        g->after_at = time_of(show, gap->chat, show->id);
    }
    if (gap->has_before) {
        st_hex_encode(show->other_id, gap->before_id, sizeof gap->before_id);
        g->before_id = show->other_id;
        g->before_at = time_of(show, gap->chat, show->other_id);
    }
    return ST_OK;
}

static enum st_err show_message_event(struct show *show, const struct store_event *event, struct record *out)
{
    struct store_message message;
    struct st_buf text;
    st_buf_init(&text, STORE_TEXT_MAX);
    enum st_err err = store_message_get(show->session->store, event->ref, &message, &text);
    if (err == ST_OK)
        err = show_message(show, &message, out);
    st_buf_wipe_free(&text);
    return err;
}

/* Body: state(1) ‖ acct(16). */
static enum st_err show_receipt_event(struct show *show, const struct store_event *event, struct record *out)
{
    struct store_message message;
    struct store_chat chat;
    struct st_buf text;
    record_init(out, RECORD_RECEIPT);
    if (event->body.len != 1 + ST_ACCT_LEN)
        return ST_ENOTFOUND;
    st_buf_init(&text, STORE_TEXT_MAX);
    enum st_err err = store_message_get(show->session->store, event->ref, &message, &text);
    if (err == ST_OK)
        err = store_chat_get(show->session->store, message.chat, &chat);
    st_buf_wipe_free(&text);
    if (err != ST_OK)
        return err;
    st_hex_encode(show->id, message.id, sizeof message.id);
    chat_name(&chat, show->chat);
    session_name_of(show->session, event->body.p + 1, show->who);
    out->as.receipt = (struct record_receipt) { show->id, show->chat, show->who,
                                                show_state((enum store_state)event->body.p[0]), event->at_ms };
    return ST_OK;
}

static enum st_err show_gap_event(struct show *show, const struct store_event *event, struct record *out)
{
    struct store_gap gap;
    enum st_err err = store_gap_get(show->session->store, event->ref, &gap);
    return err == ST_OK ? show_gap(show, &gap, out) : err;
}

/* Body: kind ‖ 0 ‖ text. */
static enum st_err show_notice_event(struct show *show, const struct store_event *event, struct record *out)
{
    struct store_chat chat;
    record_init(out, RECORD_NOTICE);
    st_buf_clear(&show->text);
    const uint8_t *end = event->body.len > 0 ? memchr(event->body.p, '\0', event->body.len) : NULL;
    if (end == NULL)
        return ST_ENOTFOUND;
    size_t kind_len = (size_t)(end - event->body.p);
    size_t kind_at = show->text.len;
    if (keep_text(show, st_view(event->body.p, kind_len)) == NULL)
        return ST_ENOMEM;
    size_t text_at = show->text.len;
    if (keep_text(show, st_view(end + 1, event->body.len - kind_len - 1)) == NULL)
        return ST_ENOMEM;
    out->as.notice.kind = (const char *)show->text.p + kind_at;
    out->as.notice.text = (const char *)show->text.p + text_at;
    out->as.notice.at = event->at_ms;
    if (event->ref != 0 && store_chat_get(show->session->store, event->ref, &chat) == ST_OK) {
        chat_name(&chat, show->chat);
        out->as.notice.chat = show->chat;
    }
    return ST_OK;
}

enum st_err show_event(struct show *show, const struct store_event *event, struct record *out)
{
    static enum st_err (*const forms[])(struct show *, const struct store_event *, struct record *) = {
        [STORE_EVENT_MESSAGE] = show_message_event,
        [STORE_EVENT_RECEIPT] = show_receipt_event,
        [STORE_EVENT_GAP] = show_gap_event,
        [STORE_EVENT_NOTICE] = show_notice_event,
    };
    size_t type = (size_t)event->type;
    if (type >= sizeof forms / sizeof forms[0] || forms[type] == NULL)
        return ST_ENOTFOUND;
    enum st_err err = forms[type](show, event, out);
    if (err == ST_OK)
        out->event = (int64_t)event->number;
    return err;
}

enum st_err show_contact(struct show *show, const struct store_contact *contact, struct record *out)
{
    struct store_list list;
    record_init(out, RECORD_CONTACT);
    show->contact = *contact;
    (void)snprintf(show->who, sizeof show->who, "@%s", contact->name);
    st_hex_encode(show->id, contact->acct, sizeof contact->acct);
    struct record_contact *c = &out->as.contact;
    c->name = show->who;
    c->account_id = show->id;
    c->trust = show_trust(contact->trust);
    c->relation = relation_word(contact->relation);
    if (contact->nickname[0] != '\0')
        c->nickname = show->contact.nickname;
    if (contact->note[0] != '\0')
        c->note = show->contact.note;
    c->devices = 0;
    enum st_err err = store_list_get(show->session->store, contact->acct, &list);
    if (err == ST_ENOTFOUND)
        return ST_OK;
    struct st_devlist parsed;
    if (err == ST_OK && st_devlist_parse(st_view(list.bytes, list.len), &parsed) == ST_OK)
        c->devices = (int64_t)parsed.count;
    return err;
}

enum st_err show_attachment(struct show *show, const struct store_message *message,
                            const struct store_attachment *attachment, const char *path, struct record *out)
{
    enum store_trust trust;
    record_init(out, RECORD_ATTACHMENT);
    st_hex_encode(show->id, message->id, sizeof message->id);
    enum st_err err = name_people(show, message, &trust);
    fill_part(&show->part_texts[0], &show->parts[0], show->id, attachment);
    const struct record_part *part = &show->parts[0];
    out->as.attachment = (struct record_attachment) { part->id,    show->chat,   part->name,  part->mime,
                                                      part->bytes, part->sha256, part->state, path };
    return err;
}

void show_account(struct session *session, struct record *out, char account_id[static SHOW_ID_BYTES],
                  char device_id[static SHOW_ID_BYTES])
{
    struct client_status status;
    client_get_status(session->client, &status);
    record_init(out, RECORD_ACCOUNT);
    st_hex_encode(account_id, status.acct, sizeof status.acct);
    (void)snprintf(device_id, SHOW_ID_BYTES, "%08" PRIx32, status.dev);
    out->as.account.name = session->shown;
    out->as.account.server = session->place;
    out->as.account.account_id = account_id;
    out->as.account.device_id = device_id;
}
