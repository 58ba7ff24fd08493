#include "lib/st_hex.h"

#include <stdbool.h>
#include <string.h>

#include <sodium.h>

void st_hex_encode(char *out, const void *bytes, size_t len)
{
    sodium_bin2hex(out, 2 * len + 1, bytes, len);
}

enum st_err st_hex_decode(uint8_t *out, size_t len, const char *text)
{
    size_t text_len = strlen(text);
    size_t done = 0;
    const char *end = NULL;
    bool right = text_len % 2 == 0 && text_len / 2 == len &&
                 sodium_hex2bin(out, len, text, text_len, NULL, &done, &end) == 0 && done == len &&
                 end == text + text_len;
    if (right)
        return ST_OK;
    if (len > 0)
        sodium_memzero(out, len);
    return ST_EMALFORMED;
}
