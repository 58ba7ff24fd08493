#include "client/deny/transcript_line.h"

#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <sodium.h>

#include "client/e2e/e2e_envelope.h"
#include "client/e2e/payload.h"
#include "lib/st_hkdf.h"

void transcript_line_init(struct transcript_line *line)
{
    memset(line, 0, sizeof *line);
    st_buf_init(&line->text, PAYLOAD_TEXT_MAX);
    st_buf_init(&line->payload, PAYLOAD_MAX);
    st_buf_init(&line->envelope, E2E_ENVELOPE_MAX);
}

void transcript_line_deinit(struct transcript_line *line)
{
    st_buf_wipe_free(&line->text);
    st_buf_wipe_free(&line->payload);
    st_buf_free(&line->envelope);
}

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(member) ? member->valuestring : NULL;
}

static enum st_err read_hex(const cJSON *object, const char *key, uint8_t *out, size_t len)
{
    const char *text = text_of(object, key);
    size_t got = 0;
    if (text == NULL || strlen(text) != 2 * len || sodium_hex2bin(out, len, text, 2 * len, NULL, &got, NULL) != 0)
        return ST_EMALFORMED;
    return got == len ? ST_OK : ST_EMALFORMED;
}

static enum st_err read_base64(const cJSON *object, const char *key, struct st_buf *out)
{
    const char *text = text_of(object, key);
    if (text == NULL)
        return ST_EMALFORMED;
    size_t len = strlen(text), got = 0;
    st_buf_clear(out);
    uint8_t *room = st_buf_extend(out, len / 4 * 3);
    if (room == NULL)
        return len == 0 ? ST_OK : ST_EMALFORMED;
    if (sodium_base642bin(room, out->len, text, len, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return ST_EMALFORMED;
    out->len = got;
    return ST_OK;
}

static enum st_err read_members(struct transcript_line *line, const cJSON *object)
{
    const char *id = text_of(object, "id"), *from = text_of(object, "from"), *text = text_of(object, "text");
    const cJSON *sent_at = cJSON_GetObjectItemCaseSensitive(object, "sent_at_ms");
    const cJSON *key = cJSON_GetObjectItemCaseSensitive(object, "mac_key");
    uint8_t raw_id[ST_MSG_ID_LEN];
    if (id == NULL || from == NULL || text == NULL || key == NULL || !cJSON_IsNumber(sent_at) ||
        read_hex(object, "id", raw_id, sizeof raw_id) != ST_OK || strlen(from) >= sizeof line->from ||
        sent_at->valuedouble < 0 || sent_at->valuedouble > (double)ST_UINT_MAX)
        return ST_EMALFORMED;
    memcpy(line->id, id, sizeof line->id);
    memcpy(line->from, from, strlen(from) + 1);
    line->sent_at_ms = (int64_t)sent_at->valuedouble;
    st_buf_clear(&line->text);
    if (st_buf_append(&line->text, text, strlen(text)) != ST_OK)
        return ST_EMALFORMED;
    enum st_err err = read_hex(object, "th", line->th, sizeof line->th);
    if (err == ST_OK)
        err = read_base64(object, "payload", &line->payload);
    if (err == ST_OK)
        err = read_base64(object, "envelope", &line->envelope);
    line->exposed = !cJSON_IsNull(key);
    if (err == ST_OK && line->exposed)
        err = read_hex(object, "mac_key", line->mac_key, sizeof line->mac_key);
    return err;
}

enum st_err transcript_line_read(struct transcript_line *line, struct st_view json)
{
    cJSON *object = cJSON_ParseWithLength((const char *)json.p, json.len);
    enum st_err err = cJSON_IsObject(object) ? read_members(line, object) : ST_EMALFORMED;
    cJSON_Delete(object);
    return err;
}

static bool add_hex(cJSON *object, const char *key, const uint8_t *bytes, size_t len)
{
    char hex[2 * E2E_HASH_BYTES + 1];
    sodium_bin2hex(hex, sizeof hex, bytes, len);
    return cJSON_AddStringToObject(object, key, hex) != NULL;
}

static bool add_base64(cJSON *object, const char *key, const struct st_buf *bytes)
{
    size_t room = sodium_base64_encoded_len(bytes->len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    if (text == NULL)
        return false;
    sodium_bin2base64(text, room, bytes->p, bytes->len, sodium_base64_VARIANT_ORIGINAL);
    bool ok = cJSON_AddStringToObject(object, key, text) != NULL;
    free(text);
    return ok;
}

static bool add_text(cJSON *object, const char *key, struct st_view text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return false;
    if (text.len > 0)
        memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    bool ok = cJSON_AddStringToObject(object, key, copy) != NULL;
    free(copy);
    return ok;
}

/* Appends the object as one line; takes it. */
static enum st_err append_line(cJSON *object, bool whole, struct st_buf *out)
{
    char *text = whole ? cJSON_PrintUnformatted(object) : NULL;
    enum st_err err = text == NULL ? ST_ENOMEM : st_buf_append(out, text, strlen(text));
    if (err == ST_OK)
        err = st_buf_append(out, "\n", 1);
    cJSON_free(text);
    cJSON_Delete(object);
    return err;
}

enum st_err transcript_line_write(const struct transcript_line *line, struct st_buf *out)
{
    cJSON *object = cJSON_CreateObject();
    bool whole = cJSON_AddStringToObject(object, "id", line->id) != NULL &&
                 cJSON_AddStringToObject(object, "from", line->from) != NULL &&
                 cJSON_AddNumberToObject(object, "sent_at_ms", (double)line->sent_at_ms) != NULL &&
                 add_text(object, "text", st_buf_view(&line->text)) &&
                 add_hex(object, "th", line->th, sizeof line->th) && add_base64(object, "payload", &line->payload) &&
                 add_base64(object, "envelope", &line->envelope);
    if (whole && line->exposed)
        whole = add_hex(object, "mac_key", line->mac_key, sizeof line->mac_key);
    else if (whole)
        whole = cJSON_AddNullToObject(object, "mac_key") != NULL;
    return append_line(object, whole, out);
}

enum st_err transcript_head_read(struct st_view json, char chat_r[static STORE_NAME_MAX + 2])
{
    cJSON *object = cJSON_ParseWithLength((const char *)json.p, json.len);
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(object, "safetalk_transcript");
    const char *chat = text_of(object, "chat");
    bool ok = cJSON_IsNumber(version) && version->valueint == 1 && chat != NULL && strlen(chat) <= STORE_NAME_MAX + 1;
    chat_r[0] = '\0';
    if (ok)
        memcpy(chat_r, chat, strlen(chat) + 1);
    cJSON_Delete(object);
    return ok ? ST_OK : ST_EMALFORMED;
}

enum st_err transcript_head_write(const char *chat, const char *owner, struct st_buf *out)
{
    cJSON *object = cJSON_CreateObject();
    bool whole = cJSON_AddNumberToObject(object, "safetalk_transcript", 1) != NULL &&
                 cJSON_AddStringToObject(object, "chat", chat) != NULL &&
                 cJSON_AddStringToObject(object, "owner", owner) != NULL;
    return append_line(object, whole, out);
}

enum st_err transcript_line_tag(const struct transcript_line *line, uint8_t tag[static E2E_TAG_BYTES])
{
    struct e2e_envelope envelope;
    memset(tag, 0, E2E_TAG_BYTES);
    if (e2e_envelope_parse(st_buf_view(&line->envelope), &envelope) != ST_OK)
        return ST_EMALFORMED;
    const struct st_view parts[] = { st_view(line->th, sizeof line->th), envelope.header, envelope.ct };
    st_hmac_sha256(tag, st_view(line->mac_key, sizeof line->mac_key), parts, 3);
    return ST_OK;
}
