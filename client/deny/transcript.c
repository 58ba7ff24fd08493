#include "client/deny/transcript.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "client/deny/transcript_line.h"
#include "client/e2e/e2e_envelope.h"
#include "client/e2e/e2e_padding.h"
#include "client/e2e/payload.h"

/* ---- writing ---- */

struct writing {
    struct store *store;
    struct st_buf *out;
    const char *own_name;
    const char *peer_name;
    struct transcript_line *line;
    uint64_t count;
};

/* The text of a payload; empty where there is none. */
static struct st_view payload_text_of(struct st_view bytes)
{
    struct payload payload;
    struct payload_text body;
    if (payload_read(bytes, &payload) != ST_OK || payload.type != PAYLOAD_TEXT ||
        payload_body_read(PAYLOAD_TEXT, payload.body, &body) != ST_OK)
        return st_view(NULL, 0);
    return body.text;
}

static enum st_err write_message(void *ctx, const struct store_wire *wire)
{
    struct writing *writing = ctx;
    struct transcript_line *line = writing->line;
    struct payload payload;
    if (payload_read(wire->payload, &payload) != ST_OK)
        return ST_EFOREIGN;
    sodium_bin2hex(line->id, sizeof line->id, payload.id.p, payload.id.len);
    snprintf(line->from, sizeof line->from, "@%s", wire->incoming ? writing->peer_name : writing->own_name);
    line->sent_at_ms = (int64_t)payload.sent_at_ms;
    memcpy(line->th, wire->th, sizeof line->th);
    line->exposed = wire->exposed;
    if (wire->exposed)
        memcpy(line->mac_key, wire->mac_key, sizeof line->mac_key);
    struct st_view text = payload_text_of(wire->payload);
    st_buf_clear(&line->text);
    st_buf_clear(&line->payload);
    st_buf_clear(&line->envelope);
    enum st_err err = st_buf_append(&line->text, text.p, text.len);
    if (err == ST_OK)
        err = st_buf_append(&line->payload, wire->payload.p, wire->payload.len);
    if (err == ST_OK)
        err = st_buf_append(&line->envelope, wire->envelope.p, wire->envelope.len);
    if (err == ST_OK)
        err = transcript_line_write(line, writing->out);
    writing->count++;
    return err;
}

enum st_err transcript_write(struct store *store, int64_t chat, const char *own_name, struct st_buf *out,
                             uint64_t *count_r)
{
    struct store_chat found;
    struct transcript_line line;
    char chat_name[STORE_NAME_MAX + 2], owner[STORE_NAME_MAX + 2];
    *count_r = 0;
    enum st_err err = store_chat_get(store, chat, &found);
    if (err != ST_OK)
        return err;
    snprintf(chat_name, sizeof chat_name, "@%s", found.name);
    snprintf(owner, sizeof owner, "@%s", own_name);
    transcript_line_init(&line);
    struct writing writing = { store, out, own_name, found.name, &line, 0 };
    err = transcript_head_write(chat_name, owner, out);
    if (err == ST_OK)
        err = store_wire_each(store, chat, write_message, &writing);
    transcript_line_deinit(&line);
    *count_r = writing.count;
    return err;
}

/* ---- reading ---- */

/* Takes the next line without its newline; false at the end. An overlong line is given as it is: it will not read. */
static bool next_line(struct st_view *file, struct st_view *line_r)
{
    if (file->len == 0)
        return false;
    const uint8_t *end = memchr(file->p, '\n', file->len);
    size_t len = end == NULL ? file->len : (size_t)(end - file->p);
    *line_r = st_view(file->p, len);
    size_t used = end == NULL ? len : len + 1;
    *file = st_view(file->p + used, file->len - used);
    return true;
}

/* Does the line hang together: its payload has its id and text, and is as long as its ciphertext says? */
static bool is_consistent(const struct transcript_line *line, const struct e2e_envelope *envelope)
{
    struct payload payload;
    uint8_t id[ST_MSG_ID_LEN];
    size_t len = 0;
    if (payload_read(st_buf_view(&line->payload), &payload) != ST_OK ||
        sodium_hex2bin(id, sizeof id, line->id, 32, NULL, &len, NULL) != 0)
        return false;
    return len == sizeof id && memcmp(id, payload.id.p, sizeof id) == 0 &&
           e2e_padding_bucket(line->payload.len) == envelope->ct.len &&
           st_view_equal(payload_text_of(st_buf_view(&line->payload)), st_buf_view(&line->text));
}

static enum transcript_verdict judge(const struct transcript_line *line)
{
    struct e2e_envelope envelope;
    uint8_t tag[E2E_TAG_BYTES];
    if (e2e_envelope_parse(st_buf_view(&line->envelope), &envelope) != ST_OK || !is_consistent(line, &envelope))
        return TRANSCRIPT_INVALID;
    if (!line->exposed)
        return TRANSCRIPT_KEY_NOT_EXPOSED;
    if (transcript_line_tag(line, tag) != ST_OK || sodium_memcmp(tag, envelope.tag, sizeof tag) != 0)
        return TRANSCRIPT_INVALID;
    return TRANSCRIPT_VALID;
}

enum st_err transcript_check(struct st_view file, char chat_r[static STORE_NAME_MAX + 2], uint64_t *line_r,
                             transcript_fn fn, void *ctx)
{
    struct st_view json;
    struct transcript_line line;
    *line_r = 1;
    chat_r[0] = '\0';
    if (!next_line(&file, &json) || json.len > TRANSCRIPT_LINE_MAX)
        return ST_EMALFORMED;
    enum st_err err = transcript_head_read(json, chat_r);
    transcript_line_init(&line);
    while (err == ST_OK && next_line(&file, &json)) {
        (*line_r)++;
        err = json.len > TRANSCRIPT_LINE_MAX ? ST_EMALFORMED : transcript_line_read(&line, json);
        if (err != ST_OK)
            break;
        struct transcript_message message = { .sent_at_ms = line.sent_at_ms,
                                              .text = st_buf_view(&line.text),
                                              .verdict = judge(&line) };
        memcpy(message.id, line.id, sizeof message.id);
        memcpy(message.from, line.from, sizeof message.from);
        err = fn(ctx, &message);
    }
    transcript_line_deinit(&line);
    return err;
}

/* ---- forging ---- */

/* The payload with another text, everything else as it was. */
static enum st_err change_text(struct st_view old, struct st_view text, struct st_buf *out)
{
    struct payload payload;
    struct payload_text body;
    struct st_buf bytes;
    if (payload_read(old, &payload) != ST_OK || payload.type != PAYLOAD_TEXT ||
        payload_body_read(PAYLOAD_TEXT, payload.body, &body) != ST_OK)
        return ST_EMALFORMED;
    st_buf_init(&bytes, PAYLOAD_MAX);
    body.text = text;
    enum st_err err = payload_body_write(PAYLOAD_TEXT, &body, &bytes);
    payload.body = st_buf_view(&bytes);
    if (err == ST_OK)
        err = payload_write(&payload, out);
    st_buf_wipe_free(&bytes);
    return err;
}

/* Exchanges the plaintext under the ciphertext, without its key. Both are padded to the same bucket. */
static enum st_err exchange(struct transcript_line *line, struct st_view fresh, size_t bucket)
{
    struct e2e_envelope envelope;
    uint8_t tag[E2E_TAG_BYTES];
    uint8_t *old_pad = calloc(1, E2E_PAD_MAX), *new_pad = calloc(1, E2E_PAD_MAX);
    enum st_err err =
        old_pad == NULL || new_pad == NULL ? ST_ENOMEM : e2e_envelope_parse(st_buf_view(&line->envelope), &envelope);
    if (err == ST_OK) {
        memcpy(old_pad, line->payload.p, line->payload.len);
        e2e_padding_add(old_pad, line->payload.len);
        memcpy(new_pad, fresh.p, fresh.len);
        e2e_padding_add(new_pad, fresh.len);
        uint8_t *ct = line->envelope.p + envelope.header.len;
        for (size_t i = 0; i < bucket; i++)
            ct[i] = (uint8_t)(ct[i] ^ old_pad[i] ^ new_pad[i]);
        err = transcript_line_tag(line, tag);
    }
    if (err == ST_OK) {
        memcpy(line->envelope.p + line->envelope.len - E2E_TAG_BYTES, tag, sizeof tag);
        st_buf_clear(&line->payload);
        err = st_buf_append(&line->payload, fresh.p, fresh.len);
    }
    free(old_pad);
    free(new_pad);
    return err;
}

/* How many bytes of text fit where `used` bytes of payload carry `text_len` bytes of text now. */
static size_t room_for_text(size_t bucket, size_t used, size_t text_len)
{
    size_t rest = used - text_len; /* MessagePack around the text; a longer text may need 4 bytes more */
    return bucket - 1 > rest + 4 ? bucket - 1 - rest - 4 : 0;
}

static enum st_err forge_line(struct transcript_line *line, struct st_view text, size_t *room_r)
{
    struct st_buf fresh;
    if (!line->exposed)
        return ST_EREFUSED;
    size_t bucket = e2e_padding_bucket(line->payload.len);
    st_buf_init(&fresh, PAYLOAD_MAX);
    enum st_err err = change_text(st_buf_view(&line->payload), text, &fresh);
    if (err == ST_OK && e2e_padding_bucket(fresh.len) != bucket)
        err = ST_ELIMIT;
    if (err == ST_ELIMIT)
        *room_r = room_for_text(bucket, line->payload.len, line->text.len);
    if (err == ST_OK)
        err = exchange(line, st_buf_view(&fresh), bucket);
    if (err == ST_OK) {
        st_buf_clear(&line->text);
        err = st_buf_append(&line->text, text.p, text.len);
    }
    st_buf_wipe_free(&fresh);
    return err;
}

enum st_err transcript_forge(struct st_view file, const char *id, struct st_view text, struct st_buf *out,
                             size_t *room_r)
{
    struct st_view json;
    struct transcript_line line;
    char chat[STORE_NAME_MAX + 2];
    size_t id_len = strlen(id);
    bool found = false;
    *room_r = 0;
    if (id_len < 4 || id_len > 32 || !next_line(&file, &json) || json.len > TRANSCRIPT_LINE_MAX)
        return ST_EMALFORMED;
    enum st_err err = transcript_head_read(json, chat);
    if (err == ST_OK)
        err = st_buf_append(out, json.p, json.len);
    if (err == ST_OK)
        err = st_buf_append(out, "\n", 1);
    transcript_line_init(&line);
    while (err == ST_OK && next_line(&file, &json)) {
        err = json.len > TRANSCRIPT_LINE_MAX ? ST_EMALFORMED : transcript_line_read(&line, json);
        if (err == ST_OK && !found && memcmp(line.id, id, id_len) == 0) {
            found = true;
            err = forge_line(&line, text, room_r);
        }
        if (err == ST_OK)
            err = transcript_line_write(&line, out);
    }
    transcript_line_deinit(&line);
    return err == ST_OK && !found ? ST_ENOTFOUND : err;
}
