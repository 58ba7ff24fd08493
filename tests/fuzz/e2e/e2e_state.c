/* Loading saved sessions from bytes that somebody changed. The checksum is put right here, so that what lies behind it
 * is reached. A set that loads is then used in every way. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "tests/fuzz/e2e/fuzz_talk.h"

enum { CHECKSUM_BYTES = 8, INPUT_MAX = 200000, NOW_S = 1800000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz_talk talk;

static void use(struct e2e_set *set, struct st_view bytes)
{
    struct st_buf out;
    struct e2e_sent sent;
    struct e2e_known known;
    st_buf_init(&out, E2E_SAVED_MAX);
    fuzz_talk_save(set, &out);
    /* What loads is written again as it was. */
    fuzz_require(st_view_equal(st_buf_view(&out), bytes));
    st_buf_clear(&out);
    (void)e2e_set_renewal(set, 1000, NOW_S);
    e2e_set_known(set, e2e_set_choose(set, NOW_S), &known);
    (void)e2e_set_apply_known(set, known.sids[0], &known, NOW_S);
    enum st_err err = e2e_encrypt(set, &talk.env, st_view_text("x"), NOW_S, &out, &sent);
    fuzz_require(err == ST_OK || out.len == 0);
    struct e2e_set kept = talk.b.set;
    talk.b.set = *set;
    (void)fuzz_talk_receive(&talk, &talk.b, st_buf_view(&talk.wire));
    *set = talk.b.set;
    talk.b.set = kept;
    (void)e2e_set_spk_erased(set, 1);
    (void)e2e_set_tick(set, UINT64_MAX);
    st_buf_clear(&out);
    fuzz_talk_save(set, &out);
    st_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (talk.wire.p == NULL)
        fuzz_talk_init(&talk);
    if (size > INPUT_MAX)
        return 0;
    uint8_t *bytes = malloc(size + CHECKSUM_BYTES);
    if (bytes == NULL)
        return 0;
    uint8_t hash[crypto_hash_sha256_BYTES];
    if (size > 0)
        memcpy(bytes, data, size);
    crypto_hash_sha256(hash, bytes, size);
    memcpy(bytes + size, hash, CHECKSUM_BYTES);
    struct e2e_set set;
    enum st_err err = e2e_set_load(&set, st_view(bytes, size + CHECKSUM_BYTES));
    if (err == ST_OK) {
        use(&set, st_view(bytes, size + CHECKSUM_BYTES));
        e2e_set_deinit(&set);
    }
    free(bytes);
    return 0;
}
