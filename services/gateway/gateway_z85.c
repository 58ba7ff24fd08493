#include "services/gateway/gateway_z85.h"

#include <string.h>

#include "lib/st_bytes.h"

static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

enum { GROUP_CHARS = 5, GROUP_BYTES = 4, BASE = 85 };

void gateway_z85_encode(char out[static GATEWAY_Z85_CHARS + 1], const uint8_t key[static GATEWAY_Z85_BYTES])
{
    for (size_t group = 0; group < GATEWAY_Z85_BYTES / GROUP_BYTES; group++) {
        uint32_t value = st_get_u32(key + group * GROUP_BYTES);
        for (size_t i = GROUP_CHARS; i-- > 0; value /= BASE)
            out[group * GROUP_CHARS + i] = alphabet[value % BASE];
    }
    out[GATEWAY_Z85_CHARS] = '\0';
}

static enum st_err decode(uint8_t *key, const char *text)
{
    uint8_t any = 0;
    for (size_t group = 0; group < GATEWAY_Z85_BYTES / GROUP_BYTES; group++) {
        uint64_t value = 0;
        for (size_t i = 0; i < GROUP_CHARS; i++) {
            char c = text[group * GROUP_CHARS + i];
            const char *at = c == '\0' ? NULL : strchr(alphabet, c);
            if (at == NULL)
                return ST_EMALFORMED;
            value = value * BASE + (uint64_t)(at - alphabet);
        }
        if (value > UINT32_MAX)
            return ST_EMALFORMED;
        st_put_u32(key + group * GROUP_BYTES, (uint32_t)value);
    }
    for (size_t i = 0; i < GATEWAY_Z85_BYTES; i++)
        any |= key[i];
    return any == 0 ? ST_EMALFORMED : ST_OK;
}

enum st_err gateway_z85_decode(uint8_t key[static GATEWAY_Z85_BYTES], const char *text)
{
    memset(key, 0, GATEWAY_Z85_BYTES);
    if (text == NULL || strnlen(text, GATEWAY_Z85_CHARS + 1) != GATEWAY_Z85_CHARS)
        return ST_EMALFORMED;
    enum st_err err = decode(key, text);
    if (err != ST_OK)
        memset(key, 0, GATEWAY_Z85_BYTES);
    return err;
}
