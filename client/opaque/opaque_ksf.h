/* The key stretching of OPAQUE: Argon2id (RFC 9106) through libargon2, because libsodium's own cannot set the number of
 * lanes. */
#ifndef OPAQUE_KSF_H
#define OPAQUE_KSF_H

#include <stdint.h>

#include "lib/opaque/st_opaque.h"
#include "lib/st_err.h"

/* The least that a registration may cost, and the most that anybody may ask of this client. */
enum {
    OPAQUE_KSF_MIN_M_KIB = 64 * 1024,
    OPAQUE_KSF_MIN_WORK_KIB = 3 * 64 * 1024, /* m_kib × t: RFC 9106's second recommended option */
    OPAQUE_KSF_MAX_M_KIB = 2 * 1024 * 1024,
    OPAQUE_KSF_MAX_T = 16,
    OPAQUE_KSF_MAX_P = 16
};

/* ST_EREFUSED unless it is Argon2id and within the maxima, t and p at least 1 and m_kib at least 8 × p: what a login
 * may run. A login with wrong parameters only fails. */
enum st_err opaque_ksf_check(const struct st_opaque_ksf *ksf) ST_MUST_CHECK;

/* The same, and not below the minimum: what a registration may run. */
enum st_err opaque_ksf_check_registration(const struct st_opaque_ksf *ksf) ST_MUST_CHECK;

/* Stretch(input) = 64 bytes; checks nothing but what Argon2 itself needs. ST_ENOMEM without the memory, ST_EREFUSED for
 * parameters that Argon2 does not know; `out` is then zeroed. */
enum st_err opaque_ksf_stretch(uint8_t out[static ST_OPAQUE_HASH_BYTES], const uint8_t in[static ST_OPRF_OUTPUT_BYTES],
                               const struct st_opaque_ksf *ksf) ST_MUST_CHECK;

#endif
