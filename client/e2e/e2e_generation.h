/* The generation tag (CRYPTO 12 and 13, Rollback): a counter that the client raises in every transaction that sends or
 * acks, kept at the relay so that a database put back is noticed at attach. The relay cannot invent a higher one. */
#ifndef E2E_GENERATION_H
#define E2E_GENERATION_H

#include <stdint.h>

#include "lib/devlist/st_devlist.h"
#include "lib/st_err.h"

enum { E2E_GENERATION_BYTES = 40 /* gen(8) ‖ HMAC-SHA-256(32) */, E2E_DB_KEY_BYTES = 32 };

/* gen ‖ HMAC-SHA-256( HKDF-SHA-256(salt empty, K_db, "SafeTalk/1 generation", 32), acct_id ‖ dev_id(4) ‖ gen(8) ). */
enum st_err e2e_generation_make(uint8_t out[static E2E_GENERATION_BYTES], const uint8_t k_db[static E2E_DB_KEY_BYTES],
                                const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id,
                                uint64_t gen) ST_MUST_CHECK;

/* The counter of a tag that the relay gave back. ST_EINTEGRITY on a wrong tag: it counts as older than ours; *gen_r is
 * then 0. */
enum st_err e2e_generation_read(const uint8_t in[static E2E_GENERATION_BYTES],
                                const uint8_t k_db[static E2E_DB_KEY_BYTES],
                                const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id,
                                uint64_t *gen_r) ST_MUST_CHECK;

#endif
