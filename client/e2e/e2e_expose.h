/* Exposing used MAC keys (CRYPTO 12 and 13): what the receiver publishes for a message it has committed and
 * acknowledged. When that may happen is the client core's to decide: durable, at least 60 s later, at random times, no
 * open conflict. */
#ifndef E2E_EXPOSE_H
#define E2E_EXPOSE_H

#include <stdint.h>

#include "client/e2e/e2e_limits.h"

/* SHA-256( L("SafeTalk/1 exposed") ‖ sid ‖ R ‖ n(4) ): under this name the relay gives the key out. */
void e2e_expose_hash(uint8_t out[static E2E_HASH_BYTES], const uint8_t sid[static E2E_SID_BYTES],
                     const uint8_t r[static E2E_KEY_BYTES], uint32_t n);

#endif
