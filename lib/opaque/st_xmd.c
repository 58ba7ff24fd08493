#include "lib/opaque/st_xmd.h"

#include "lib/opaque/st_sha512.h"
#include "lib/st_wipe.h"

enum { SHA512_BLOCK_BYTES = 128 };

/* Writes DST_prime = DST || its length, and returns how long it is. */
static enum st_err make_dst_prime(uint8_t out[static ST_XMD_DST_PLAIN_MAX + 1], size_t *len_r, struct st_view dst)
{
    *len_r = 0;
    if (dst.len == 0)
        return ST_EMALFORMED;
    size_t len = dst.len;
    if (dst.len <= ST_XMD_DST_PLAIN_MAX) {
        memcpy(out, dst.p, dst.len);
    } else {
        struct st_view parts[] = { st_view_text("H2C-OVERSIZE-DST-"), dst };
        enum st_err err = st_sha512_parts(out, parts, 2);
        if (err != ST_OK)
            return err;
        len = ST_SHA512_BYTES;
    }
    out[len] = (uint8_t)len;
    *len_r = len + 1;
    return ST_OK;
}

/* b_0 = H(Z_pad || msg || l_i_b_str || 0 || DST_prime) */
static enum st_err first_block(uint8_t b0[static ST_SHA512_BYTES], size_t out_len, struct st_view dst_prime,
                               const struct st_view *parts, size_t count)
{
    static const uint8_t z_pad[SHA512_BLOCK_BYTES];
    uint8_t length_and_zero[3] = { (uint8_t)(out_len >> 8), (uint8_t)out_len, 0 };
    struct st_view all[ST_XMD_PARTS_MAX + 3];
    size_t n = 0;
    all[n++] = st_view(z_pad, sizeof z_pad);
    for (size_t i = 0; i < count; i++)
        all[n++] = parts[i];
    all[n++] = st_view(length_and_zero, sizeof length_and_zero);
    all[n++] = dst_prime;
    return st_sha512_parts(b0, all, n);
}

/* out = b_1 || b_2 || ..., where b_i = H((b_0 XOR b_(i-1)) || i || DST_prime) and b_1 is without the XOR. */
static enum st_err spread(uint8_t *out, size_t out_len, const uint8_t b0[static ST_SHA512_BYTES],
                          struct st_view dst_prime)
{
    uint8_t mixed[ST_SHA512_BYTES];
    uint8_t block[ST_SHA512_BYTES] = { 0 };
    uint8_t index = 0;
    enum st_err err = ST_OK;
    for (size_t done = 0; done < out_len && err == ST_OK;) {
        for (size_t i = 0; i < sizeof mixed; i++)
            mixed[i] = b0[i] ^ block[i];
        index++;
        struct st_view parts[] = { st_view(mixed, sizeof mixed), st_view(&index, 1), dst_prime };
        err = st_sha512_parts(block, parts, 3);
        size_t take = out_len - done < sizeof block ? out_len - done : sizeof block;
        memcpy(out + done, block, take);
        done += take;
    }
    ST_WIPE(mixed);
    ST_WIPE(block);
    return err;
}

enum st_err st_xmd_sha512(uint8_t *out, size_t out_len, struct st_view dst, const struct st_view *parts, size_t count)
{
    if (out_len > 255 * (size_t)ST_SHA512_BYTES || count > ST_XMD_PARTS_MAX) {
        memset(out, 0, out_len);
        return ST_ELIMIT;
    }
    uint8_t dst_bytes[ST_XMD_DST_PLAIN_MAX + 1];
    size_t dst_len = 0;
    uint8_t b0[ST_SHA512_BYTES];
    enum st_err err = make_dst_prime(dst_bytes, &dst_len, dst);
    if (err == ST_OK)
        err = first_block(b0, out_len, st_view(dst_bytes, dst_len), parts, count);
    if (err == ST_OK)
        err = spread(out, out_len, b0, st_view(dst_bytes, dst_len));
    ST_WIPE(b0);
    if (err != ST_OK)
        st_wipe(out, out_len);
    return err;
}
