/* Base32 of RFC 4648 in lower case and without padding: how the server's public key stands in its address.
 * For public bytes only: it is not constant time. */
#ifndef ST_BASE32_H
#define ST_BASE32_H

#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"

/* Characters that `bytes` bytes become, without the closing NUL: 52 for a key of 32 bytes. */
#define ST_BASE32_CHARS(bytes) (((bytes)*8 + 4) / 5)

/* Writes ST_BASE32_CHARS(in.len) characters and a NUL. ST_ELIMIT if they do not fit into `out_cap` bytes;
 * `out` is then the empty text (out_cap is at least 1). */
enum st_err st_base32_encode(char *out, size_t out_cap, struct st_view in) ST_MUST_CHECK;

/* Reads exactly `out_len` bytes. ST_EMALFORMED for another length, a character outside a-z 2-7, or spare bits
 * in the last character that are not 0 (so that one key has one text); `out` is then zeroed. */
enum st_err st_base32_decode(uint8_t *out, size_t out_len, struct st_view text) ST_MUST_CHECK;

#endif
