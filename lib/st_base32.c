#include "lib/st_base32.h"

static const char ALPHABET[] = "abcdefghijklmnopqrstuvwxyz234567";

static int value_of(uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    if (c >= '2' && c <= '7')
        return c - '2' + 26;
    return -1;
}

enum st_err st_base32_encode(char *out, size_t out_cap, struct st_view in)
{
    out[0] = '\0';
    if (in.len > SIZE_MAX / 16 || out_cap <= ST_BASE32_CHARS(in.len))
        return ST_ELIMIT;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t at = 0;
    for (size_t i = 0; i < in.len; i++) {
        bits = (bits << 8) | in.p[i];
        held += 8;
        while (held >= 5) {
            held -= 5;
            out[at++] = ALPHABET[(bits >> held) & 31];
        }
        bits &= (1U << held) - 1;
    }
    if (held > 0)
        out[at++] = ALPHABET[(bits << (5 - held)) & 31];
    out[at] = '\0';
    return ST_OK;
}

enum st_err st_base32_decode(uint8_t *out, size_t out_len, struct st_view text)
{
    memset(out, 0, out_len);
    if (out_len > SIZE_MAX / 16 || text.len != ST_BASE32_CHARS(out_len))
        return ST_EMALFORMED;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.p[i]);
        if (value < 0)
            goto malformed;
        bits = (bits << 5) | (uint32_t)value;
        held += 5;
        if (held >= 8) {
            held -= 8;
            out[at++] = (uint8_t)(bits >> held);
            bits &= (1U << held) - 1;
        }
    }
    if (bits == 0)
        return ST_OK;
malformed:
    memset(out, 0, out_len);
    return ST_EMALFORMED;
}
