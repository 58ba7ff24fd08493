/* Hexadecimal, in constant time for a given length (libsodium): fit for secrets. */
#ifndef ST_HEX_H
#define ST_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "lib/st_err.h"

/* Writes 2 × len lower-case digits and a NUL. `out` has room for 2 × len + 1 bytes. */
void st_hex_encode(char *out, const void *bytes, size_t len);

/* Reads exactly 2 × len digits, either case, and nothing else. ST_EMALFORMED otherwise; `out` is then zeroed. */
enum st_err st_hex_decode(uint8_t *out, size_t len, const char *text) ST_MUST_CHECK;

#endif
