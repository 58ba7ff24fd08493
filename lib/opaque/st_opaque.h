/* What both sides of OPAQUE-3DH share (RFC 9807 with ristretto255-SHA512, HKDF-SHA-512, HMAC-SHA-512): the layout of
 * its messages, the key schedule, and the context that binds a login to the connection that it authenticates.
 * The client's half is client/opaque, the server's services/auth/opaque.
 *
 * Messages are structs of byte arrays without padding: a struct *is* its wire form. */
#ifndef ST_OPAQUE_H
#define ST_OPAQUE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/opaque/st_oprf.h"
#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum {
    ST_OPAQUE_NONCE_BYTES = 32,  /* Nn */
    ST_OPAQUE_SEED_BYTES = 32,   /* Nseed */
    ST_OPAQUE_KEY_BYTES = 32,    /* Npk and Nsk */
    ST_OPAQUE_HASH_BYTES = 64,   /* Nh, Nm and Nx */
    ST_OPAQUE_MASKED_BYTES = 128 /* a server public key and an envelope, masked */
};

/* The sizes on the wire; anything else is refused. */
enum {
    ST_OPAQUE_REQUEST_BYTES = 32,
    ST_OPAQUE_RESPONSE_BYTES = 64,
    ST_OPAQUE_RECORD_BYTES = 192,
    ST_OPAQUE_KE1_BYTES = 96,
    ST_OPAQUE_KE2_BYTES = 320,
    ST_OPAQUE_KE3_BYTES = 64
};

/* Upper bounds of what the RFC prefixes with a 16-bit length, in bytes. */
enum { ST_OPAQUE_IDENTITY_MAX = 65535, ST_OPAQUE_CONTEXT_MAX = 65535 };

struct st_opaque_request {
    uint8_t blinded[ST_OPRF_ELEMENT_BYTES];
};

struct st_opaque_response {
    uint8_t evaluated[ST_OPRF_ELEMENT_BYTES];
    uint8_t server_public_key[ST_OPAQUE_KEY_BYTES];
};

/* Sealed by the client under its password; the server only keeps it. */
struct st_opaque_envelope {
    uint8_t nonce[ST_OPAQUE_NONCE_BYTES];
    uint8_t auth_tag[ST_OPAQUE_HASH_BYTES];
};

/* What the server stores for an account. */
struct st_opaque_record {
    uint8_t client_public_key[ST_OPAQUE_KEY_BYTES];
    uint8_t masking_key[ST_OPAQUE_HASH_BYTES];
    struct st_opaque_envelope envelope;
};

struct st_opaque_ke1 {
    uint8_t blinded[ST_OPRF_ELEMENT_BYTES];
    uint8_t client_nonce[ST_OPAQUE_NONCE_BYTES];
    uint8_t client_keyshare[ST_OPAQUE_KEY_BYTES];
};

struct st_opaque_ke2 {
    uint8_t evaluated[ST_OPRF_ELEMENT_BYTES];
    uint8_t masking_nonce[ST_OPAQUE_NONCE_BYTES];
    uint8_t masked[ST_OPAQUE_MASKED_BYTES];
    uint8_t server_nonce[ST_OPAQUE_NONCE_BYTES];
    uint8_t server_keyshare[ST_OPAQUE_KEY_BYTES];
    uint8_t server_mac[ST_OPAQUE_HASH_BYTES];
};

struct st_opaque_ke3 {
    uint8_t client_mac[ST_OPAQUE_HASH_BYTES];
};

_Static_assert(sizeof(struct st_opaque_request) == ST_OPAQUE_REQUEST_BYTES, "no padding");
_Static_assert(sizeof(struct st_opaque_response) == ST_OPAQUE_RESPONSE_BYTES, "no padding");
_Static_assert(sizeof(struct st_opaque_record) == ST_OPAQUE_RECORD_BYTES, "no padding");
_Static_assert(sizeof(struct st_opaque_ke1) == ST_OPAQUE_KE1_BYTES, "no padding");
_Static_assert(sizeof(struct st_opaque_ke2) == ST_OPAQUE_KE2_BYTES, "no padding");
_Static_assert(sizeof(struct st_opaque_ke3) == ST_OPAQUE_KE3_BYTES, "no padding");

/* Who the two are, and what else the login shall be bound to; all borrowed. An empty identity means that side's
 * public key, as the RFC says. Safe Talk sets: client_identity = the login name, server_identity = the server id (16
 * bytes), context = st_opaque_login_context. Registration has no context; it is ignored there. */
struct st_opaque_parties {
    struct st_view client_identity;
    struct st_view server_identity;
    struct st_view context;
};

/* ST_ELIMIT if one of the three is too long for its 16-bit length. */
enum st_err st_opaque_check_parties(const struct st_opaque_parties *parties) ST_MUST_CHECK;

/* Key stretching: what the client does to a password's OPRF output before it becomes a key. */
enum st_opaque_ksf_kind {
    ST_OPAQUE_KSF_IDENTITY = 0, /* none: for test vectors; no client registers or logs in with it */
    ST_OPAQUE_KSF_ARGON2ID = 1  /* version 0x13, salt 16 zero bytes, 64 bytes out */
};

struct st_opaque_ksf {
    enum st_opaque_ksf_kind kind;
    uint32_t m_kib; /* memory, KiB */
    uint32_t t;     /* passes */
    uint32_t p;     /* lanes */
};

/* RFC 9106's second recommended option: 64 MiB, t = 3, p = 4. */
struct st_opaque_ksf st_opaque_ksf_default(void);

/* RFC 9106's first: 2 GiB, t = 1, p = 4; `--kdf=paranoid`. */
struct st_opaque_ksf st_opaque_ksf_paranoid(void);

enum {
    ST_OPAQUE_LOGIN_CONTEXT_BYTES = 50, /* 18 of label, 32 of digest */
    ST_OPAQUE_CURVE_KEY_BYTES = 32
};

/* The context of a Safe Talk login: it binds the login to the client's transport key, which the login registers, to the
 * gateway's, and to the stretching, so that nobody in between can exchange one of them.
 *
 *   "SafeTalk-OPAQUE-v1" (18 bytes, no NUL) ‖ SHA-256( client TK (32) ‖ gateway's CURVE key (32)
 *                                                      ‖ kind (1) ‖ m_kib (4) ‖ t (4) ‖ p (4) )
 *
 * Keys are raw bytes, integers big-endian. The gateway's key is that of the socket on which the login runs: auth takes
 * it from its own configuration, the client from its invite. ST_EIO if the library refuses, and zeros. */
enum st_err st_opaque_login_context(uint8_t out[static ST_OPAQUE_LOGIN_CONTEXT_BYTES],
                                    const uint8_t client_tk[static ST_OPAQUE_CURVE_KEY_BYTES],
                                    const uint8_t gateway_key[static ST_OPAQUE_CURVE_KEY_BYTES],
                                    const struct st_opaque_ksf *ksf) ST_MUST_CHECK;

/* DeriveDiffieHellmanKeyPair, RFC 9807 section 2.1. The outputs are zeroed on failure. */
enum st_err st_opaque_derive_dh_pair(uint8_t private_key[static ST_OPAQUE_KEY_BYTES],
                                     uint8_t public_key[static ST_OPAQUE_KEY_BYTES],
                                     const uint8_t seed[static ST_OPAQUE_SEED_BYTES]) ST_MUST_CHECK;

/* Masks or unmasks, which is the same, a server public key and an envelope:
 * masked = Expand(masking_key, masking_nonce ‖ "CredentialResponsePad", 128) XOR plain (section 6.3.2.2). `out` may be
 * `in`. */
enum st_err st_opaque_mask(uint8_t out[static ST_OPAQUE_MASKED_BYTES], const uint8_t in[static ST_OPAQUE_MASKED_BYTES],
                           const uint8_t masking_key[static ST_OPAQUE_HASH_BYTES],
                           const uint8_t masking_nonce[static ST_OPAQUE_NONCE_BYTES]) ST_MUST_CHECK;

/* The three Diffie-Hellman results, in the RFC's order: dh1 of the two key shares, dh2 of client key share and server's
 * key, dh3 of server key share and client's key. */
struct st_opaque_dh {
    uint8_t dh1[ST_OPAQUE_KEY_BYTES];
    uint8_t dh2[ST_OPAQUE_KEY_BYTES];
    uint8_t dh3[ST_OPAQUE_KEY_BYTES];
};

/* What the preamble of the 3DH handshake is made of (section 6.4.2.1). Borrowed. */
struct st_opaque_transcript {
    const struct st_opaque_parties *parties;
    const struct st_opaque_ke1 *ke1;
    const struct st_opaque_ke2 *ke2;  /* all but its server_mac counts */
    const uint8_t *client_public_key; /* 32 bytes: the identity of a client that has no other */
    const uint8_t *server_public_key; /* 32 bytes, likewise */
};

/* What the handshake gives; all secret until it is sent. */
struct st_opaque_keys {
    uint8_t server_mac[ST_OPAQUE_HASH_BYTES];
    uint8_t client_mac[ST_OPAQUE_HASH_BYTES]; /* over the transcript with this server_mac */
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
};

/* DeriveKeys and the two MACs, sections 6.4.2.2 and 6.4.3. ST_ELIMIT as st_opaque_check_parties; all zeros then. */
enum st_err st_opaque_derive_keys(struct st_opaque_keys *out, const struct st_opaque_dh *dh,
                                  const struct st_opaque_transcript *transcript) ST_MUST_CHECK;

#endif
