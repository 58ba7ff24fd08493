/* HMAC and HKDF (RFC 2104, RFC 5869) with SHA-256 and SHA-512, over libsodium 1.0.18, which has the
 * multi-part HMAC with keys of any length, and no HKDF. */
#ifndef ST_HKDF_H
#define ST_HKDF_H

#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum { ST_SHA256_BYTES = 32, ST_SHA512_BYTES = 64 };

/* HMAC over the `count` parts, one after the other. Inputs are borrowed. */
void st_hmac_sha256(uint8_t out[static ST_SHA256_BYTES], struct st_view key, const struct st_view *parts, size_t count);
void st_hmac_sha512(uint8_t out[static ST_SHA512_BYTES], struct st_view key, const struct st_view *parts, size_t count);

/* HKDF-Extract, RFC 5869 section 2.2. An empty salt means zeros, as the RFC says. */
void st_hkdf_sha256_extract(uint8_t prk[static ST_SHA256_BYTES], struct st_view salt, struct st_view ikm);
void st_hkdf_sha512_extract(uint8_t prk[static ST_SHA512_BYTES], struct st_view salt, struct st_view ikm);

/* HKDF-Expand, section 2.3: `info` is the `info_count` parts joined. ST_ELIMIT above 255 hash lengths;
 * `out` is then zeroed. */
enum st_err st_hkdf_sha256_expand(uint8_t *out, size_t out_len, struct st_view prk, const struct st_view *info,
                                  size_t info_count) ST_MUST_CHECK;
enum st_err st_hkdf_sha512_expand(uint8_t *out, size_t out_len, struct st_view prk, const struct st_view *info,
                                  size_t info_count) ST_MUST_CHECK;

/* Extract, then expand. */
enum st_err st_hkdf_sha256(uint8_t *out, size_t out_len, struct st_view salt, struct st_view ikm,
                           const struct st_view *info, size_t info_count) ST_MUST_CHECK;
enum st_err st_hkdf_sha512(uint8_t *out, size_t out_len, struct st_view salt, struct st_view ikm,
                           const struct st_view *info, size_t info_count) ST_MUST_CHECK;

#endif
