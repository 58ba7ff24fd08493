#include "client/core/core.h"

#include "lib/st_wipe.h"

/* What each type of payload does, in the transaction that takes it. A body that does not read is shown as unreadable:
 * its sender is authenticated, so it is a fault of a program and not of a stranger. */

typedef enum st_err (*deliver_fn)(struct client *client, const struct inbox_message *message);

static enum st_err open_chat(struct client *client, const struct inbox_message *message, int64_t *chat_r)
{
    const uint8_t *acct = message->from.acct;
    if (memcmp(acct, client->self.acct, ST_ACCT_LEN) == 0 && ST_HAS(message->payload, 12))
        acct = message->payload->chat.p; /* a copy of what another device of ours sent */
    struct store_contact contact;
    enum st_err err = store_contact_get(client->store, acct, &contact);
    if (err != ST_OK)
        return err;
    return store_chat_open(client->store, STORE_CHAT_PERSON, acct, contact.name, core_wall(client), chat_r);
}

static enum st_err notice_here(struct client *client, const struct inbox_message *message, const char *kind,
                               const char *text)
{
    int64_t chat = 0;
    if (open_chat(client, message, &chat) != ST_OK)
        chat = 0;
    return lists_notice(client, chat, kind, text);
}

static enum st_err unreadable(struct client *client, const struct inbox_message *message)
{
    return notice_here(client, message, "unreadable", "A message came that cannot be read.");
}

/* ---- messages that people see ---- */

static enum st_err keep_attachments(struct client *client, int64_t row, struct st_records attachments)
{
    struct payload_attachment item;
    enum st_err err = ST_OK;
    for (uint32_t index = 1; err == ST_OK && st_records_next(&payload_schema_attachment, &attachments, &item);
         index++) {
        struct store_attachment attachment = { .message = row,
                                               .index = index,
                                               .plain_bytes = item.bytes,
                                               .blob_bytes = item.sealed_bytes,
                                               .chunks = (uint32_t)item.chunks,
                                               .state = STORE_ATTACHMENT_REMOTE };
        memcpy(attachment.blob_id, item.blob.p, sizeof attachment.blob_id);
        memcpy(attachment.key, item.key.p, sizeof attachment.key);
        memcpy(attachment.digest, item.digest.p, sizeof attachment.digest);
        memcpy(attachment.sha256, item.sha256.p, sizeof attachment.sha256);
        memcpy(attachment.name, item.name.p, item.name.len);
        memcpy(attachment.mime, item.mime.p, item.mime.len);
        err = store_attachment_add(client->store, &attachment);
        ST_WIPE(attachment.key);
    }
    return err;
}

static enum st_err keep_for_deniability(struct client *client, const struct inbox_message *message, int64_t row)
{
    const struct e2e_received *received = message->received;
    struct peer *peer;
    enum st_err err = peers_get(client, &message->from, &peer);
    if (err != ST_OK)
        return err;
    const struct e2e_session *session = e2e_set_find(&peer->set, received->sid);
    if (session == NULL)
        return ST_OK;
    struct store_wire wire = { .message = row,
                               .peer = message->from,
                               .incoming = true,
                               .envelope = message->envelope,
                               .payload = message->plain };
    memcpy(wire.hash, received->exposed_hash, sizeof wire.hash);
    memcpy(wire.th, session->ratchet.th, sizeof wire.th);
    /* A peer that uses a number twice gets no second entry; that is its own loss. */
    err = store_wire_add(client->store, &wire);
    if (err == ST_EEXISTS)
        return ST_OK;
    if (err != ST_OK || !message->accepted)
        return err;
    struct store_exposure exposure = { .due_at_ms = core_wall(client) + client->config.expose_after_ms };
    memcpy(exposure.hash, received->exposed_hash, sizeof exposure.hash);
    memcpy(exposure.mac_key, received->mac_key, sizeof exposure.mac_key);
    err = store_expose_add(client->store, &exposure);
    ST_WIPE(exposure);
    return err == ST_EEXISTS ? ST_OK : err;
}

static enum st_err owe_receipt(struct client *client, const struct inbox_message *message)
{
    if (!message->accepted)
        return ST_OK; /* a receipt would tell a stranger that somebody is there */
    struct store_receipt receipt = { .to = message->from, .kind = STORE_RECEIPT_DELIVERED };
    memcpy(receipt.msg_id, message->payload->id.p, sizeof receipt.msg_id);
    return store_receipt_owe(client->store, &receipt);
}

static enum st_err count_request(struct client *client, const struct inbox_message *message)
{
    struct store_contact contact;
    enum st_err err = store_contact_get(client->store, message->from.acct, &contact);
    if (err != ST_OK || message->accepted || contact.relation == STORE_BLOCKED)
        return err;
    contact.relation = STORE_REQUESTED;
    contact.request_count++;
    return store_contact_put(client->store, &contact);
}

/* Keeps a message, then shows it when its turn has come. */
static enum st_err keep_message(struct client *client, const struct inbox_message *message,
                                enum store_message_kind kind, struct st_view text, struct st_records attachments)
{
    const struct payload *payload = message->payload;
    bool own = memcmp(message->from.acct, client->self.acct, ST_ACCT_LEN) == 0;
    int64_t chat, row;
    enum st_err err = open_chat(client, message, &chat);
    if (err == ST_ENOTFOUND)
        return unreadable(client, message); /* it names a chat that nobody has */
    if (err != ST_OK)
        return err;
    struct store_message stored = { .chat = chat,
                                    .sender = message->from,
                                    .direction = own ? STORE_OUT : STORE_IN,
                                    .kind = kind,
                                    .seq = payload->seq,
                                    .sent_at_ms = (int64_t)payload->sent_at_ms,
                                    .received_at_ms = core_wall(client),
                                    .state = own ? STORE_STATE_STORED : STORE_STATE_DELIVERED,
                                    .text = text };
    memcpy(stored.id, payload->id.p, sizeof stored.id);
    err = store_message_add(client->store, &stored, &row);
    if (err == ST_EEXISTS)
        return owe_receipt(client, message);
    if (err == ST_OK)
        err = keep_attachments(client, row, attachments);
    if (err == ST_OK)
        err = keep_for_deniability(client, message, row);
    if (err == ST_OK)
        err = owe_receipt(client, message);
    if (err == ST_OK && !own)
        err = count_request(client, message);
    return err == ST_OK ? order_place(client, chat, &message->from, payload->seq, row) : err;
}

static enum st_err deliver_text(struct client *client, const struct inbox_message *message)
{
    struct payload_text body;
    struct store_contact contact;
    if (payload_body_read(PAYLOAD_TEXT, message->payload->body, &body) != ST_OK || message->payload->seq == 0)
        return unreadable(client, message);
    enum st_err err = store_contact_get(client->store, message->from.acct, &contact);
    if (err == ST_OK && contact.relation == STORE_BLOCKED)
        return ST_OK;
    if (err != ST_OK && err != ST_ENOTFOUND)
        return err;
    enum store_message_kind kind = body.attachments.count > 0 && body.text.len == 0 ? STORE_KIND_FILE : STORE_KIND_TEXT;
    return keep_message(client, message, kind, body.text, body.attachments);
}

static enum st_err deliver_unknown(struct client *client, const struct inbox_message *message)
{
    struct st_records none = { 0, NULL, { NULL, 0 } };
    if (message->payload->seq == 0)
        return ST_OK; /* nothing for people */
    return keep_message(client, message, STORE_KIND_UNKNOWN, st_view(NULL, 0), none);
}

/* ---- what programs say to each other ---- */

static enum st_err deliver_receipt(struct client *client, const struct inbox_message *message)
{
    struct payload_receipt body;
    if (payload_body_read(PAYLOAD_RECEIPT, message->payload->body, &body) != ST_OK)
        return unreadable(client, message);
    enum store_state state = body.state == STORE_RECEIPT_READ ? STORE_STATE_READ : STORE_STATE_DELIVERED;
    struct st_view id;
    enum st_err err = ST_OK;
    while (err == ST_OK && st_bytes_list_next(&body.ids, &id))
        err = outbox_receipt(client, &message->from, id.p, state);
    return err;
}

static enum st_err deliver_start_chat(struct client *client, const struct inbox_message *message)
{
    struct payload_nonce body;
    if (payload_body_read(PAYLOAD_START_CHAT, message->payload->body, &body) != ST_OK)
        return unreadable(client, message);
    if (!message->accepted)
        return ST_OK;
    enum st_err err = peers_send_control(client, &message->from, PAYLOAD_CONFIRM_CHAT, &body);
    return err == ST_ENOTFOUND || err == ST_ELIMIT ? ST_OK : err;
}

static enum st_err deliver_confirm_chat(struct client *client, const struct inbox_message *message)
{
    sender_confirmed(client, &message->from);
    return ST_OK;
}

static enum st_err deliver_empty(struct client *client, const struct inbox_message *message)
{
    (void)client;
    (void)message;
    return ST_OK;
}

static enum st_err deliver_cannot_read(struct client *client, const struct inbox_message *message)
{
    struct payload_cannot_read body;
    struct st_devlist list;
    if (payload_body_read(PAYLOAD_CANNOT_READ, message->payload->body, &body) != ST_OK)
        return unreadable(client, message);
    /* Only to a device that is still listed under the same account key (CRYPTO 4). */
    enum st_err err = lists_get(client, message->from.acct, &list);
    if (err != ST_OK || st_devlist_find(&list, message->from.dev) == NULL)
        return err == ST_ENOTFOUND ? ST_OK : err;
    err = outbox_encrypt_again(client, &message->from, body.sid.p);
    if (err == ST_ENOTFOUND || err == ST_ELIMIT)
        err = ST_OK;
    if (err == ST_OK)
        err = notice_here(client, message, "session_renewed", "The session was renewed.");
    return err;
}

static enum st_err deliver_gap(struct client *client, const struct inbox_message *message)
{
    struct payload_gap body;
    if (payload_body_read(PAYLOAD_GAP, message->payload->body, &body) != ST_OK)
        return unreadable(client, message);
    return outbox_send_again(client, &message->from, body.first, body.last);
}

static enum st_err deliver_blob_missing(struct client *client, const struct inbox_message *message)
{
    struct payload_blob_missing body;
    if (payload_body_read(PAYLOAD_BLOB_MISSING, message->payload->body, &body) != ST_OK)
        return unreadable(client, message);
    return message->accepted ? blobs_send_again(client, body.blob.p) : ST_OK;
}

static const deliver_fn handlers[] = {
    [PAYLOAD_TEXT] = deliver_text,
    [PAYLOAD_RECEIPT] = deliver_receipt,
    [PAYLOAD_START_CHAT] = deliver_start_chat,
    [PAYLOAD_CONFIRM_CHAT] = deliver_confirm_chat,
    [PAYLOAD_EMPTY] = deliver_empty,
    [PAYLOAD_CANNOT_READ] = deliver_cannot_read,
    [PAYLOAD_GAP] = deliver_gap,
    [PAYLOAD_BLOB_MISSING] = deliver_blob_missing,
};

/* A session that began without a one-time prekey is answered at once, so that the ratchet turns; never to strangers. */
static enum st_err turn_ratchet(struct client *client, const struct inbox_message *message)
{
    struct payload_empty body = { 0 };
    uint64_t count = 0;
    if (!message->received->opened || !message->received->no_opk)
        return ST_OK;
    enum st_err err = store_meta_get_u64(client->store, STORE_META_NO_OPK_COUNT, &count);
    if (err == ST_OK)
        err = store_meta_put_u64(client->store, STORE_META_NO_OPK_COUNT, count + 1);
    if (err == ST_OK && message->accepted)
        err = peers_send_control(client, &message->from, PAYLOAD_EMPTY, &body);
    return err == ST_ENOTFOUND || err == ST_ELIMIT ? ST_OK : err;
}

enum st_err deliver_payload(struct client *client, const struct inbox_message *message)
{
    uint64_t type = message->payload->type;
    bool known = type < sizeof handlers / sizeof handlers[0] && handlers[type] != NULL;
    enum st_err err = known ? handlers[type](client, message) : deliver_unknown(client, message);
    return err == ST_OK ? turn_ratchet(client, message) : err;
}
