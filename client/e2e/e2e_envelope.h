/* The wire layout of one SafeTalk/1 copy (CRYPTO 8 and 9): fixed binary, nothing to parse beyond length checks.
 *
 *     0 version=1 | 1 type | 2 suite=1 | 3 flags=0 | 4 sid(16) | 20 pn(4) | 24 n(4) | 28 R(32) | 60 M(32) | 92 e_n(32)
 *     124 ct length(4) | type 1 only: 128 ident_A(116) ‖ EK(32) ‖ spk_id(4) ‖ opk_id(4) | ct | tag(32) */
#ifndef E2E_ENVELOPE_H
#define E2E_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/e2e/e2e_identity.h"
#include "client/e2e/e2e_limits.h"
#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum { E2E_TYPE_INITIAL = 1, E2E_TYPE_MESSAGE = 2 };

/* A parsed copy. All pointers are borrowed from the envelope's bytes; nothing of it is authenticated yet. */
struct e2e_envelope {
    bool initial;          /* type 1 */
    struct st_view header; /* 128 or 284 bytes: what the tag covers, and what precedes ct */
    const uint8_t *sid;    /* 16 */
    uint32_t pn;
    uint32_t n;
    const uint8_t *r;     /* 32 */
    const uint8_t *m;     /* 32 */
    const uint8_t *e;     /* 32 */
    const uint8_t *block; /* 156 bytes in type 1, else NULL */
    struct st_view ct;
    const uint8_t *tag; /* 32 */
};

/* The 156 bytes that only an initial message has. */
struct e2e_block {
    struct e2e_ident ident; /* of the initiator */
    uint8_t ek[E2E_KEY_BYTES];
    uint32_t spk_id;
    uint32_t opk_id; /* 0: none was used */
};

/* Checks version, type, suite, flags, n and pn below 10,000, the bucket and the exact total length.
 * ST_EMALFORMED, and *out_r is then zero. Cheap: no cryptography. */
enum st_err e2e_envelope_parse(struct st_view bytes, struct e2e_envelope *out_r) ST_MUST_CHECK;

/* What the first 128 bytes are written from. Pointers are borrowed. */
struct e2e_head {
    bool initial;
    const uint8_t *sid;
    uint32_t pn;
    uint32_t n;
    const uint8_t *r;
    const uint8_t *m;
    const uint8_t *e;
    uint32_t ct_len; /* a bucket */
};

void e2e_envelope_head_write(const struct e2e_head *head, uint8_t out[static E2E_HEADER_BYTES]);

void e2e_envelope_block_read(const uint8_t in[static E2E_BLOCK_BYTES], struct e2e_block *out_r);
void e2e_envelope_block_write(const struct e2e_block *block, uint8_t out[static E2E_BLOCK_BYTES]);

#endif
