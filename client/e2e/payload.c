#include "client/e2e/payload.h"

#include "proto/st_field_macros.h"

static const struct st_field payload_fields[] = {
    FIELD(1, payload, type, UINT, 1, UINT16_MAX),
    FIELD(2, payload, id, BYTES, ST_MSG_ID_LEN, ST_MSG_ID_LEN),
    FIELD(3, payload, seq, UINT, 0, ST_UINT_MAX),
    FIELD(4, payload, sent_at_ms, UINT, 0, ST_UINT_MAX),
    FIELD(5, payload, own_list_seq, UINT, 0, ST_UINT_MAX),
    FIELD(6, payload, own_list_hash, BYTES, PAYLOAD_HASH16_LEN, PAYLOAD_HASH16_LEN),
    FIELD(7, payload, peer_list_seq, UINT, 0, ST_UINT_MAX),
    FIELD(8, payload, peer_list_hash, BYTES, PAYLOAD_HASH16_LEN, PAYLOAD_HASH16_LEN),
    FIELD(9, payload, known_birth, BYTES, PAYLOAD_BIRTH_LEN, PAYLOAD_BIRTH_LEN),
    FIELD(10, payload, known_counter, UINT, 0, UINT32_MAX),
    BYTES_LIST(11, payload, known_sids, PAYLOAD_SID_LEN, 0, PAYLOAD_KNOWN_SIDS_MAX),
    OPTION(12, payload, chat, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(13, payload, body, BYTES, 1, PAYLOAD_MAX),
};
static const struct st_schema payload_schema = SCHEMA("payload", payload_fields, payload);

static const struct st_field attachment_fields[] = {
    FIELD(1, payload_attachment, blob, BYTES, ST_BLOB_ID_LEN, ST_BLOB_ID_LEN),
    FIELD(2, payload_attachment, key, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    FIELD(3, payload_attachment, digest, BYTES, ST_HASH_LEN, ST_HASH_LEN),
    FIELD(4, payload_attachment, sha256, BYTES, ST_HASH_LEN, ST_HASH_LEN),
    FIELD(5, payload_attachment, bytes, UINT, 0, ST_BLOB_BYTES_MAX),
    FIELD(6, payload_attachment, sealed_bytes, UINT, 1, ST_BLOB_BYTES_MAX),
    FIELD(7, payload_attachment, chunks, UINT, 1, ST_BLOB_CHUNKS_MAX),
    FIELD(8, payload_attachment, name, TEXT, 1, PAYLOAD_FILE_NAME_MAX),
    FIELD(9, payload_attachment, mime, TEXT, 1, PAYLOAD_MIME_MAX),
};
const struct st_schema payload_schema_attachment = SCHEMA("attachment", attachment_fields, payload_attachment);

static const struct st_field text_fields[] = {
    FIELD(1, payload_text, text, PROSE, 0, PAYLOAD_TEXT_MAX),
    OPTION_RECORDS(2, payload_text, attachments, 1, PAYLOAD_ATTACHMENTS_MAX, &payload_schema_attachment),
};
static const struct st_field receipt_fields[] = {
    FIELD(1, payload_receipt, state, UINT, 1, 2),
    BYTES_LIST(2, payload_receipt, ids, ST_MSG_ID_LEN, 1, PAYLOAD_RECEIPTS_MAX),
};
static const struct st_field nonce_fields[] = {
    FIELD(1, payload_nonce, nonce, BYTES, ST_NONCE_LEN, ST_NONCE_LEN),
};
static const struct st_field cannot_read_fields[] = {
    FIELD(1, payload_cannot_read, sid, BYTES, PAYLOAD_SID_LEN, PAYLOAD_SID_LEN),
};
static const struct st_field gap_fields[] = {
    FIELD(1, payload_gap, first, UINT, 1, ST_UINT_MAX),
    FIELD(2, payload_gap, last, UINT, 1, ST_UINT_MAX),
};
static const struct st_field blob_missing_fields[] = {
    FIELD(1, payload_blob_missing, blob, BYTES, ST_BLOB_ID_LEN, ST_BLOB_ID_LEN),
};

/* By payload type. */
static const struct st_schema bodies[] = {
    [PAYLOAD_TEXT] = SCHEMA("text", text_fields, payload_text),
    [PAYLOAD_RECEIPT] = SCHEMA("receipt", receipt_fields, payload_receipt),
    [PAYLOAD_START_CHAT] = SCHEMA("start_chat", nonce_fields, payload_nonce),
    [PAYLOAD_CONFIRM_CHAT] = SCHEMA("confirm_chat", nonce_fields, payload_nonce),
    [PAYLOAD_EMPTY] = SCHEMA_EMPTY("empty", payload_empty),
    [PAYLOAD_CANNOT_READ] = SCHEMA("cannot_read", cannot_read_fields, payload_cannot_read),
    [PAYLOAD_GAP] = SCHEMA("gap", gap_fields, payload_gap),
    [PAYLOAD_BLOB_MISSING] = SCHEMA("blob_missing", blob_missing_fields, payload_blob_missing),
};

static const struct st_schema *body_schema(uint64_t type)
{
    if (type == 0 || type >= sizeof bodies / sizeof bodies[0])
        return NULL;
    return &bodies[type];
}

enum st_err payload_write(const struct payload *payload, struct st_buf *out)
{
    size_t before = out->len;
    enum st_err err = st_schema_write(&payload_schema, payload, out);
    if (err == ST_OK && out->len - before > PAYLOAD_MAX)
        err = ST_ELIMIT;
    return err;
}

enum st_err payload_read(struct st_view bytes, struct payload *payload_r)
{
    return st_schema_read(&payload_schema, bytes, payload_r);
}

enum st_err payload_body_write(enum payload_type type, const void *body, struct st_buf *out)
{
    const struct st_schema *schema = body_schema(type);
    return schema == NULL ? ST_ENOTFOUND : st_schema_write(schema, body, out);
}

enum st_err payload_body_read(uint64_t type, struct st_view bytes, void *body_r)
{
    const struct st_schema *schema = body_schema(type);
    return schema == NULL ? ST_ENOTFOUND : st_schema_read(schema, bytes, body_r);
}

void payload_known_put(struct payload *payload, const struct e2e_known *known)
{
    payload->known_birth = st_view(known->birth, sizeof known->birth);
    payload->known_counter = known->counter;
    payload->known_sids = (struct st_records) { .count = known->count, .items = known->sids };
}

enum st_err payload_known_get(const struct payload *payload, struct e2e_known *known_r)
{
    memset(known_r, 0, sizeof *known_r);
    memcpy(known_r->birth, payload->known_birth.p, sizeof known_r->birth);
    known_r->counter = (uint32_t)payload->known_counter;
    struct st_records list = payload->known_sids;
    for (struct st_view sid; st_bytes_list_next(&list, &sid); known_r->count++) {
        bool rises = known_r->count == 0 || memcmp(known_r->sids[known_r->count - 1], sid.p, PAYLOAD_SID_LEN) < 0;
        if (!rises) {
            memset(known_r, 0, sizeof *known_r);
            return ST_EMALFORMED;
        }
        memcpy(known_r->sids[known_r->count], sid.p, PAYLOAD_SID_LEN);
    }
    return ST_OK;
}
