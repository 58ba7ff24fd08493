/* The labels of SafeTalk/1 that stand in hashes and signatures, all in one place, and signing under a label.
 * No key serves two purposes and no two purposes share a label (CRYPTO 1), so a signature made for one
 * never passes for another. L(x) = one length byte, then the ASCII label. */
#ifndef ST_LABEL_H
#define ST_LABEL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum {
    ST_SIGN_SEED_BYTES = 32,    /* Ed25519 seed: the form in which AK and DSK are stored */
    ST_SIGN_PUB_BYTES = 32,     /* Ed25519 public key */
    ST_SIGN_SECRET_BYTES = 64,  /* libsodium's form of the private key: seed, then public key */
    ST_SIG_BYTES = 64,          /* Ed25519 signature */
    ST_LABEL_MAX = 32,          /* bytes of L(label), the length byte included */
    ST_LABEL_MESSAGE_MAX = 1024 /* bytes that may be signed under one label, L(label) included */
};

/* What a label is for. The last six are used in hashes only, never under a signature. */
enum st_label {
    ST_LABEL_DEVICE_LIST,   /* AK signs a device list */
    ST_LABEL_DEVICE_ACCEPT, /* DSK accepts its account */
    ST_LABEL_SIGNED_PREKEY, /* DSK signs an SPK */
    ST_LABEL_TK_BIND,       /* DSK binds a transport key at login */
    ST_LABEL_LINK,          /* the code of a link offer keys an HMAC */
    ST_LABEL_ACCOUNT_ID,
    ST_LABEL_TRANSCRIPT,
    ST_LABEL_SESSION_ID,
    ST_LABEL_SAFETY_NUMBER,
    ST_LABEL_EXPOSED,
    ST_LABEL_COUNT
};

/* The label's text. Returns a static string. */
const char *st_label_text(enum st_label label);

/* L(label) as bytes that live for ever. */
struct st_view st_label_view(enum st_label label);

/* Writes L(text) for a text that is not in the table (a login name, say) to `out` and its length to *out_len.
 * ST_ELIMIT if the text is longer than 255 bytes or L(text) longer than `cap`. */
enum st_err st_label_put(uint8_t *out, size_t cap, const char *text, size_t *out_len) ST_MUST_CHECK;

/* SHA-256( L(label) ‖ parts ). Borrows everything. */
void st_label_hash(uint8_t out[static 32], enum st_label label, const struct st_view *parts, size_t count);

/* Ed25519 over L(label) ‖ parts, under `secret` (libsodium's 64-byte form). ST_ELIMIT if that is more than
 * ST_LABEL_MESSAGE_MAX bytes; `sig` is then zero. */
enum st_err st_label_sign(uint8_t sig[static ST_SIG_BYTES], const uint8_t secret[static ST_SIGN_SECRET_BYTES],
                          enum st_label label, const struct st_view *parts, size_t count) ST_MUST_CHECK;

/* Checks such a signature. ST_EINTEGRITY if it does not hold. */
enum st_err st_label_check(const uint8_t sig[static ST_SIG_BYTES], const uint8_t pub[static ST_SIGN_PUB_BYTES],
                           enum st_label label, const struct st_view *parts, size_t count) ST_MUST_CHECK;

#endif
