#include "client/e2e/e2e_expose.h"

#include "lib/devlist/st_label.h"

void e2e_expose_hash(uint8_t out[static E2E_HASH_BYTES], const uint8_t sid[static E2E_SID_BYTES],
                     const uint8_t r[static E2E_KEY_BYTES], uint32_t n)
{
    uint8_t number[4];
    st_put_u32(number, n);
    const struct st_view parts[] = {
        st_view(sid, E2E_SID_BYTES),
        st_view(r, E2E_KEY_BYTES),
        st_view(number, sizeof number),
    };
    st_label_hash(out, ST_LABEL_EXPOSED, parts, 3);
}
