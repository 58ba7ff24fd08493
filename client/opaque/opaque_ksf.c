#include "client/opaque/opaque_ksf.h"

#include <string.h>

#include <argon2.h>

#include "lib/st_wipe.h"

_Static_assert((int)ST_OPRF_OUTPUT_BYTES == (int)ST_OPAQUE_HASH_BYTES, "the identity keeps the length");

enum { SALT_BYTES = 16 };

enum st_err opaque_ksf_check(const struct st_opaque_ksf *ksf)
{
    if (ksf->kind != ST_OPAQUE_KSF_ARGON2ID || ksf->t < 1 || ksf->t > OPAQUE_KSF_MAX_T || ksf->p < 1 ||
        ksf->p > OPAQUE_KSF_MAX_P || ksf->m_kib < 8 * ksf->p || ksf->m_kib > OPAQUE_KSF_MAX_M_KIB)
        return ST_EREFUSED;
    return ST_OK;
}

enum st_err opaque_ksf_check_registration(const struct st_opaque_ksf *ksf)
{
    enum st_err err = opaque_ksf_check(ksf);
    /* No overflow: m_kib and t are within their maxima. */
    if (err == ST_OK && (ksf->m_kib < OPAQUE_KSF_MIN_M_KIB || ksf->m_kib * ksf->t < OPAQUE_KSF_MIN_WORK_KIB))
        err = ST_EREFUSED;
    return err;
}

static enum st_err argon2id(uint8_t out[static ST_OPAQUE_HASH_BYTES], const uint8_t in[static ST_OPRF_OUTPUT_BYTES],
                            const struct st_opaque_ksf *ksf)
{
    static const uint8_t salt[SALT_BYTES]; /* zeros: the OPRF has salted already, RFC 9807 section 7 */
    int result = argon2id_hash_raw(ksf->t, ksf->m_kib, ksf->p, in, ST_OPRF_OUTPUT_BYTES, salt, sizeof salt, out,
                                   ST_OPAQUE_HASH_BYTES);
    if (result == ARGON2_OK)
        return ST_OK;
    st_wipe(out, ST_OPAQUE_HASH_BYTES);
    if (result == ARGON2_MEMORY_ALLOCATION_ERROR)
        return ST_ENOMEM;
    return result == ARGON2_THREAD_FAIL ? ST_EUNAVAILABLE : ST_EREFUSED;
}

enum st_err opaque_ksf_stretch(uint8_t out[static ST_OPAQUE_HASH_BYTES], const uint8_t in[static ST_OPRF_OUTPUT_BYTES],
                               const struct st_opaque_ksf *ksf)
{
    switch (ksf->kind) {
    case ST_OPAQUE_KSF_IDENTITY:
        memcpy(out, in, ST_OPAQUE_HASH_BYTES);
        return ST_OK;
    case ST_OPAQUE_KSF_ARGON2ID:
        return argon2id(out, in, ksf);
    }
    memset(out, 0, ST_OPAQUE_HASH_BYTES);
    return ST_EREFUSED;
}
