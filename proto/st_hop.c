#include "proto/st_internal.h"

size_t st_hop_write(const struct st_hop *hop, uint8_t out[static ST_HOP_ENROL_LEN])
{
    out[0] = ST_WIRE_VERSION;
    out[1] = (uint8_t)hop->kind;
    st_put_u32(out + 2, hop->dev);
    memcpy(out + 6, hop->acct, ST_ACCT_LEN);
    st_put_u64(out + 22, hop->sid);
    if (hop->kind != ST_HOP_ENROL)
        return ST_HOP_LEN;
    memcpy(out + 30, hop->tk, ST_KEY_LEN);
    memcpy(out + 62, hop->addr, ST_ADDR_LEN);
    return ST_HOP_ENROL_LEN;
}

enum st_err st_hop_read(struct st_view frame, struct st_hop *hop_r)
{
    memset(hop_r, 0, sizeof *hop_r);
    if (frame.len < ST_HOP_LEN || frame.p[0] != ST_WIRE_VERSION || frame.p[1] > ST_HOP_DEVICE)
        return ST_EMALFORMED;
    enum st_hop_kind kind = (enum st_hop_kind)frame.p[1];
    if (frame.len != (kind == ST_HOP_ENROL ? (size_t)ST_HOP_ENROL_LEN : (size_t)ST_HOP_LEN))
        return ST_EMALFORMED;
    hop_r->kind = kind;
    hop_r->dev = st_get_u32(frame.p + 2);
    memcpy(hop_r->acct, frame.p + 6, ST_ACCT_LEN);
    hop_r->sid = st_get_u64(frame.p + 22);
    if (kind == ST_HOP_ENROL) {
        memcpy(hop_r->tk, frame.p + 30, ST_KEY_LEN);
        memcpy(hop_r->addr, frame.p + 62, ST_ADDR_LEN);
    }
    return ST_OK;
}
