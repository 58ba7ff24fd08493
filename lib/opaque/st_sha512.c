#include "lib/opaque/st_sha512.h"

#include <sodium.h>

#include "lib/st_wipe.h"

enum st_err st_sha512_parts(uint8_t out[static ST_SHA512_BYTES], const struct st_view *parts, size_t count)
{
    crypto_hash_sha512_state state;
    int failed = crypto_hash_sha512_init(&state);
    for (size_t i = 0; i < count; i++)
        failed |= crypto_hash_sha512_update(&state, parts[i].p, parts[i].len);
    failed |= crypto_hash_sha512_final(&state, out);
    ST_WIPE(state);
    if (failed != 0) {
        memset(out, 0, ST_SHA512_BYTES);
        return ST_EIO;
    }
    return ST_OK;
}
