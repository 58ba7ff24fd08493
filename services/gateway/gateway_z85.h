/* CURVE keys as ZAP's User-Id has them: Z85 (ZeroMQ RFC 32), 40 characters for 32 bytes. Public keys only: not constant
 * time. The core has its own, so that it needs no libzmq. */
#ifndef GATEWAY_Z85_H
#define GATEWAY_Z85_H

#include <stdint.h>

#include "lib/st_err.h"

enum { GATEWAY_Z85_CHARS = 40, GATEWAY_Z85_BYTES = 32 };

/* Writes 40 characters and a NUL. */
void gateway_z85_encode(char out[static GATEWAY_Z85_CHARS + 1], const uint8_t key[static GATEWAY_Z85_BYTES]);

/* Reads exactly 40 characters (NUL-terminated text, NULL allowed) that stand for 32 bytes, not all zero.
 * ST_EMALFORMED otherwise; `key` is then zeroed. */
enum st_err gateway_z85_decode(uint8_t key[static GATEWAY_Z85_BYTES], const char *text) ST_MUST_CHECK;

#endif
