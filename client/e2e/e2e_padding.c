#include "client/e2e/e2e_padding.h"

#include <string.h>

#include <sodium.h>

#include "client/e2e/e2e_limits.h"

size_t e2e_padding_bucket(size_t len)
{
    if (len > E2E_PLAIN_MAX)
        return 0;
    size_t bucket = E2E_PAD_MIN;
    while (bucket <= len)
        bucket *= 2;
    return bucket;
}

bool e2e_padding_is_bucket(size_t len)
{
    return len >= E2E_PAD_MIN && len <= E2E_PAD_MAX && (len & (len - 1)) == 0;
}

void e2e_padding_add(uint8_t *buf, size_t len)
{
    buf[len] = 0x80;
    memset(buf + len + 1, 0, e2e_padding_bucket(len) - len - 1);
}

enum st_err e2e_padding_strip(const uint8_t *buf, size_t padded_len, size_t *len_r)
{
    if (e2e_padding_is_bucket(padded_len) && sodium_unpad(len_r, buf, padded_len, padded_len) == 0)
        return ST_OK;
    *len_r = 0;
    return ST_EMALFORMED;
}
