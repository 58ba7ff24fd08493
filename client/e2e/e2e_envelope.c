#include "client/e2e/e2e_envelope.h"

#include "client/e2e/e2e_padding.h"

enum { VERSION = 1, SUITE = 1, FLAGS = 0 };

/* The first four bytes: one form only, nothing is negotiated. */
static bool is_ours(const uint8_t *p)
{
    return p[0] == VERSION && (p[1] == E2E_TYPE_INITIAL || p[1] == E2E_TYPE_MESSAGE) && p[2] == SUITE && p[3] == FLAGS;
}

static enum st_err parse(struct st_view bytes, struct e2e_envelope *out)
{
    if (bytes.len < E2E_ENVELOPE_MIN || bytes.len > E2E_ENVELOPE_MAX || !is_ours(bytes.p))
        return ST_EMALFORMED;
    const uint8_t *p = bytes.p;
    size_t ct_len = st_get_u32(p + 124);
    out->initial = p[1] == E2E_TYPE_INITIAL;
    size_t header_len = out->initial ? E2E_HEADER_INITIAL_BYTES : E2E_HEADER_BYTES;
    if (!e2e_padding_is_bucket(ct_len) || bytes.len != header_len + ct_len + E2E_TAG_BYTES)
        return ST_EMALFORMED;
    out->header = st_view(p, header_len);
    out->sid = p + 4;
    out->pn = st_get_u32(p + 20);
    out->n = st_get_u32(p + 24);
    out->r = p + 28;
    out->m = p + 60;
    out->e = p + 92;
    out->block = out->initial ? p + E2E_HEADER_BYTES : NULL;
    out->ct = st_view(p + header_len, ct_len);
    out->tag = p + header_len + ct_len;
    return out->n < E2E_CHAIN_MAX && out->pn < E2E_CHAIN_MAX ? ST_OK : ST_EMALFORMED;
}

enum st_err e2e_envelope_parse(struct st_view bytes, struct e2e_envelope *out_r)
{
    memset(out_r, 0, sizeof *out_r);
    enum st_err err = parse(bytes, out_r);
    if (err != ST_OK)
        memset(out_r, 0, sizeof *out_r);
    return err;
}

void e2e_envelope_head_write(const struct e2e_head *head, uint8_t out[static E2E_HEADER_BYTES])
{
    out[0] = VERSION;
    out[1] = head->initial ? E2E_TYPE_INITIAL : E2E_TYPE_MESSAGE;
    out[2] = SUITE;
    out[3] = FLAGS;
    memcpy(out + 4, head->sid, E2E_SID_BYTES);
    st_put_u32(out + 20, head->pn);
    st_put_u32(out + 24, head->n);
    memcpy(out + 28, head->r, E2E_KEY_BYTES);
    memcpy(out + 60, head->m, E2E_KEY_BYTES);
    memcpy(out + 92, head->e, E2E_KEY_BYTES);
    st_put_u32(out + 124, head->ct_len);
}

void e2e_envelope_block_read(const uint8_t in[static E2E_BLOCK_BYTES], struct e2e_block *out_r)
{
    e2e_identity_read(in, &out_r->ident);
    memcpy(out_r->ek, in + E2E_IDENT_BYTES, E2E_KEY_BYTES);
    out_r->spk_id = st_get_u32(in + 148);
    out_r->opk_id = st_get_u32(in + 152);
}

void e2e_envelope_block_write(const struct e2e_block *block, uint8_t out[static E2E_BLOCK_BYTES])
{
    e2e_identity_write(&block->ident, out);
    memcpy(out + E2E_IDENT_BYTES, block->ek, E2E_KEY_BYTES);
    st_put_u32(out + 148, block->spk_id);
    st_put_u32(out + 152, block->opk_id);
}
