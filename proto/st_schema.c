#include "proto/st_schema.h"

#include <msgpack.h>

static enum st_err read_map(const struct st_schema *schema, struct st_view *input, void *out_r, int depth);

static bool in_bounds(const struct st_field *field, uint64_t value)
{
    return value >= field->min && value <= field->max;
}

static enum st_err read_uint(const struct st_field *field, struct st_view *input, void *member)
{
    struct st_token token;
    enum st_err err = st_token_next(input, &token);
    if (err != ST_OK)
        return err;
    if (token.kind != ST_TOKEN_UINT || !in_bounds(field, token.number))
        return ST_EMALFORMED;
    memcpy(member, &token.number, sizeof token.number);
    return ST_OK;
}

static enum st_err read_string(const struct st_field *field, struct st_view *input, void *member)
{
    struct st_token token;
    enum st_err err = st_token_next(input, &token);
    if (err != ST_OK)
        return err;
    enum st_token_kind wanted = field->kind == ST_KIND_BYTES ? ST_TOKEN_BYTES : ST_TOKEN_TEXT;
    if (token.kind != wanted || !in_bounds(field, token.data.len))
        return ST_EMALFORMED;
    if (wanted == ST_TOKEN_TEXT)
        err = st_text_check(token.data, field->kind == ST_KIND_PROSE);
    memcpy(member, &token.data, sizeof token.data);
    return err;
}

/* Any element struct fits here while a list is only being checked. */
union any_element {
    uint32_t has;
    uint64_t align;
    uint8_t room[512];
};

static enum st_err check_item(const struct st_field *field, struct st_view *input, int depth)
{
    if (field->kind == ST_KIND_RECORDS) {
        union any_element element;
        if (field->of->struct_size > sizeof element)
            return ST_EMALFORMED;
        return read_map(field->of, input, &element, depth + 1);
    }
    struct st_token token;
    enum st_err err = st_token_next(input, &token);
    if (err == ST_OK && (token.kind != ST_TOKEN_BYTES || token.data.len != field->item_len))
        err = ST_EMALFORMED;
    return err;
}

static enum st_err read_list(const struct st_field *field, struct st_view *input, void *member, int depth)
{
    struct st_token token;
    enum st_err err = st_token_next(input, &token);
    if (err != ST_OK)
        return err;
    if (token.kind != ST_TOKEN_ARRAY || !in_bounds(field, token.number) || depth >= ST_NESTING_MAX)
        return ST_EMALFORMED;
    struct st_records list = { (size_t)token.number, NULL, { input->p, 0 } };
    for (uint64_t i = 0; i < token.number && err == ST_OK; i++)
        err = check_item(field, input, depth + 1);
    list.raw.len = (size_t)(input->p - list.raw.p);
    memcpy(member, &list, sizeof list);
    return err;
}

static enum st_err read_field(const struct st_field *field, struct st_view *input, uint8_t *out, int depth)
{
    void *member = out + field->offset;
    switch (field->kind) {
    case ST_KIND_UINT:
        return read_uint(field, input, member);
    case ST_KIND_BYTES:
    case ST_KIND_TEXT:
    case ST_KIND_PROSE:
        return read_string(field, input, member);
    case ST_KIND_RECORDS:
    case ST_KIND_BYTES_LIST:
        return read_list(field, input, member, depth);
    }
    return ST_EMALFORMED;
}

static enum st_err read_map(const struct st_schema *schema, struct st_view *input, void *out_r, int depth)
{
    memset(out_r, 0, schema->struct_size);
    struct st_token token;
    enum st_err err = st_token_next(input, &token);
    if (err != ST_OK)
        return err;
    if (token.kind != ST_TOKEN_MAP || depth >= ST_NESTING_MAX)
        return ST_EMALFORMED;
    uint64_t left = token.number; /* pairs not yet read */
    uint32_t has = 0;
    struct st_token key = { 0 };
    bool key_pending = false; /* a key was read that has not met its field yet */
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct st_field *field = &schema->fields[i];
        if (!key_pending && left > 0) {
            err = st_token_next(input, &key);
            if (err != ST_OK || key.kind != ST_TOKEN_UINT)
                return ST_EMALFORMED;
            key_pending = true;
            left--;
        }
        if (!key_pending || key.number != field->key) {
            if (!field->optional)
                return ST_EMALFORMED;
            continue;
        }
        err = read_field(field, input, out_r, depth);
        if (err != ST_OK)
            return err;
        has |= UINT32_C(1) << field->key;
        key_pending = false;
    }
    if (key_pending || left > 0)
        return ST_EMALFORMED;
    memcpy(out_r, &has, sizeof has);
    return ST_OK;
}

enum st_err st_schema_read(const struct st_schema *schema, struct st_view input, void *out_r)
{
    enum st_err err = read_map(schema, &input, out_r, 0);
    if (err == ST_OK && input.len != 0)
        err = ST_EMALFORMED;
    if (err != ST_OK)
        memset(out_r, 0, schema->struct_size);
    return err;
}

bool st_records_next(const struct st_schema *schema, struct st_records *list, void *element_r)
{
    if (list->count == 0)
        return false;
    list->count--;
    return read_map(schema, &list->raw, element_r, 0) == ST_OK;
}

bool st_bytes_list_next(struct st_records *list, struct st_view *item_r)
{
    struct st_token token;
    *item_r = st_view(NULL, 0);
    if (list->count == 0 || st_token_next(&list->raw, &token) != ST_OK)
        return false;
    list->count--;
    *item_r = token.data;
    return true;
}

/* ---- writing ---- */

static int append_to_buf(void *buf, const char *data, size_t len)
{
    return st_buf_append(buf, data, len) == ST_OK ? 0 : -1;
}

static enum st_err write_map(const struct st_schema *schema, const uint8_t *msg, msgpack_packer *packer,
                             struct st_buf *out);

static enum st_err write_string(const struct st_field *field, const uint8_t *member, msgpack_packer *packer)
{
    struct st_view data;
    memcpy(&data, member, sizeof data);
    if (!in_bounds(field, data.len))
        return ST_EMALFORMED;
    if (field->kind == ST_KIND_BYTES) {
        msgpack_pack_bin(packer, data.len);
        msgpack_pack_bin_body(packer, data.p, data.len);
        return ST_OK;
    }
    msgpack_pack_str(packer, data.len);
    msgpack_pack_str_body(packer, data.p, data.len);
    return st_text_check(data, field->kind == ST_KIND_PROSE);
}

static enum st_err write_list(const struct st_field *field, const uint8_t *member, msgpack_packer *packer,
                              struct st_buf *out)
{
    struct st_records list;
    memcpy(&list, member, sizeof list);
    if (!in_bounds(field, list.count))
        return ST_EMALFORMED;
    msgpack_pack_array(packer, list.count);
    if (list.raw.p != NULL)
        return st_buf_append(out, list.raw.p, list.raw.len);
    const uint8_t *item = list.items;
    for (size_t i = 0; i < list.count; i++) {
        if (field->kind == ST_KIND_BYTES_LIST) {
            msgpack_pack_bin(packer, field->item_len);
            msgpack_pack_bin_body(packer, item, field->item_len);
            item += field->item_len;
            continue;
        }
        enum st_err err = write_map(field->of, item, packer, out);
        if (err != ST_OK)
            return err;
        item += field->of->struct_size;
    }
    return ST_OK;
}

static enum st_err write_field(const struct st_field *field, const uint8_t *msg, msgpack_packer *packer,
                               struct st_buf *out)
{
    const uint8_t *member = msg + field->offset;
    uint64_t number;
    switch (field->kind) {
    case ST_KIND_UINT:
        memcpy(&number, member, sizeof number);
        msgpack_pack_uint64(packer, number);
        return in_bounds(field, number) ? ST_OK : ST_EMALFORMED;
    case ST_KIND_BYTES:
    case ST_KIND_TEXT:
    case ST_KIND_PROSE:
        return write_string(field, member, packer);
    case ST_KIND_RECORDS:
    case ST_KIND_BYTES_LIST:
        return write_list(field, member, packer, out);
    }
    return ST_EMALFORMED;
}

static enum st_err write_map(const struct st_schema *schema, const uint8_t *msg, msgpack_packer *packer,
                             struct st_buf *out)
{
    uint32_t has;
    memcpy(&has, msg, sizeof has);
    size_t pairs = 0;
    for (size_t i = 0; i < schema->field_count; i++) {
        if (!schema->fields[i].optional || (has >> schema->fields[i].key & 1u))
            pairs++;
    }
    msgpack_pack_map(packer, pairs);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct st_field *field = &schema->fields[i];
        if (field->optional && !(has >> field->key & 1u))
            continue;
        msgpack_pack_uint8(packer, field->key);
        enum st_err err = write_field(field, msg, packer, out);
        if (err != ST_OK)
            return err;
    }
    return st_buf_error(out);
}

enum st_err st_schema_write(const struct st_schema *schema, const void *msg, struct st_buf *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, append_to_buf);
    enum st_err err = write_map(schema, msg, &packer, out);
    return err != ST_OK ? err : st_buf_error(out);
}
