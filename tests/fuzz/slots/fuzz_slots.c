/* The parser of the slot file, with the digest made right in every second run so that the fields behind it are
 * reached. Unwrapping is left out: it costs Argon2. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/store/slots.h"

enum { RECORD_BYTES = 101, LABEL_BYTES = 17 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses is within the limits; what does not leaves nothing behind. */
static void check(struct st_view file)
{
    static const struct slots nothing;
    struct slots slots;
    enum st_err err = slots_parse(&slots, file);
    if (err != ST_OK) {
        if ((err != ST_EFOREIGN && err != ST_EINTEGRITY) || memcmp(&slots, &nothing, sizeof slots) != 0)
            abort();
        return;
    }
    if (file.len != SLOTS_FILE_BYTES || slots.cost.m_kib < SLOTS_M_KIB_MIN || slots.cost.m_kib > SLOTS_M_KIB_MAX ||
        slots.cost.t < 1 || slots.cost.t > SLOTS_T_MAX || slots.cost.p < 1 || slots.cost.p > SLOTS_P_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(st_view(data, size));
    if (size < RECORD_BYTES)
        return 0;
    uint8_t file[SLOTS_FILE_BYTES];
    uint8_t labelled[LABEL_BYTES + RECORD_BYTES] = "\x10SafeTalk/1 slots";
    memcpy(file, data, RECORD_BYTES);
    memcpy(labelled + LABEL_BYTES, data, RECORD_BYTES);
    crypto_hash_sha256(file + RECORD_BYTES, labelled, sizeof labelled);
    check(st_view(file, sizeof file));
    return 0;
}
