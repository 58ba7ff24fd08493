/* SHA-512 over several parts, as the formulas of RFC 9380, 9497 and 9807 write it: Hash(a || b || c). */
#ifndef ST_SHA512_H
#define ST_SHA512_H

#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"
#include "lib/st_hkdf.h"

/* Hashes the `count` parts, one after the other; they are borrowed. ST_EIO if the library refuses, and zeros. */
enum st_err st_sha512_parts(uint8_t out[static ST_SHA512_BYTES], const struct st_view *parts,
                            size_t count) ST_MUST_CHECK;

#endif
