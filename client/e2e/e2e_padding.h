/* Padding of message plaintexts: ISO 7816-4 to the smallest 256 · 2^k (CRYPTO 8 and 9), so that a ciphertext's length
 * tells its bucket only. */
#ifndef E2E_PADDING_H
#define E2E_PADDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_err.h"

/* The bucket for `len` plaintext bytes: the smallest 256 · 2^k greater than `len`; 0 if len > E2E_PLAIN_MAX. */
size_t e2e_padding_bucket(size_t len);

/* Is `len` one of the nine buckets, 256 to 65,536? */
bool e2e_padding_is_bucket(size_t len);

/* Pads in place: `buf` holds `len` bytes and has room for e2e_padding_bucket(len), which must not be 0. */
void e2e_padding_add(uint8_t *buf, size_t len);

/* The length without padding, in constant time. ST_EMALFORMED if the padding is none; *len_r is then 0. `padded_len` is
 * a bucket. */
enum st_err e2e_padding_strip(const uint8_t *buf, size_t padded_len, size_t *len_r) ST_MUST_CHECK;

#endif
