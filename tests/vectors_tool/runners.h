/* The runners of safetalk-vectors: one function for each kind of vector file. To add one, write it in a
 * file run_*.c, declare it here, add a line to the table in main.c and the file to CMakeLists.txt.
 * How a runner reports its cases stands in vector.h. Each runs every case of one file; `root` is the parsed file
 * (borrowed). What the files mean stands in tests/vectors/README.md. */
#ifndef VECTORS_TOOL_RUNNERS_H
#define VECTORS_TOOL_RUNNERS_H

#include <cjson/cJSON.h>

struct vector_run;

typedef void (*vector_runner_fn)(struct vector_run *run, const cJSON *root);

/* run_wycheproof.c: the public suites, through libsodium as we call it and through lib/st_hkdf. */
void run_wycheproof_x25519(struct vector_run *run, const cJSON *root);
void run_wycheproof_ed25519(struct vector_run *run, const cJSON *root);
void run_wycheproof_hkdf_sha256(struct vector_run *run, const cJSON *root);
void run_wycheproof_hkdf_sha512(struct vector_run *run, const cJSON *root);
void run_wycheproof_hmac_sha256(struct vector_run *run, const cJSON *root);
void run_wycheproof_hmac_sha512(struct vector_run *run, const cJSON *root);
void run_wycheproof_xchacha20_poly1305(struct vector_run *run, const cJSON *root);

/* run_kdf.c: hashes and key derivation. */
void run_hmac(struct vector_run *run, const cJSON *root);
void run_hkdf(struct vector_run *run, const cJSON *root);
void run_argon2id(struct vector_run *run, const cJSON *root);

/* run_oprf.c: the group and what OPAQUE builds on it. */
void run_expand_message(struct vector_run *run, const cJSON *root);
void run_oprf(struct vector_run *run, const cJSON *root);
void run_ristretto_bad_encodings(struct vector_run *run, const cJSON *root);
void run_ristretto_from_hash_mul(struct vector_run *run, const cJSON *root);
void run_x25519(struct vector_run *run, const cJSON *root);

/* run_opaque.c: whole registrations and logins, client and server against each other and against the vectors. */
void run_opaque(struct vector_run *run, const cJSON *root);
void run_opaque_negative(struct vector_run *run, const cJSON *root);

/* run_msgpack.c: our validator against hostile bytes, and msgpack-c against the public suite. */
void run_msgpack_hostile(struct vector_run *run, const cJSON *root);
void run_msgpack_suite(struct vector_run *run, const cJSON *root);

/* run_safetalk1_lists.c: account ids, device lists, acceptances, prekeys, bundles, safety numbers. */
void run_safetalk1_identity(struct vector_run *run, const cJSON *root);
void run_safetalk1_lists(struct vector_run *run, const cJSON *root);

/* run_safetalk1.c: whole conversations, and what a peer that holds the right keys may still send wrong. */
void run_safetalk1_talks(struct vector_run *run, const cJSON *root);
void run_safetalk1_skip_limit(struct vector_run *run, const cJSON *root);

#endif
