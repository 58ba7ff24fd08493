/* The server's half of OPAQUE (RFC 9807): no password is ever here, and a login costs about 0.3 ms of CPU.
 *
 * Registration:  request → opaque_server_register → response → record → opaque_server_check_record → store it
 * Login:         KE1 → opaque_server_login_start → KE2 → KE3 → opaque_server_login_finish
 *
 * Count an attempt at KE1: a client knows the result after KE2 and need not send KE3.
 * A name that nobody has gets an answer made in the same way, at the same cost, the same from every server with these
 * keys, and no KE3 for it is ever right. The caller sees to it that what stands around it (database, queue) is also the
 * same. */
#ifndef OPAQUE_SERVER_H
#define OPAQUE_SERVER_H

#include <stdint.h>

#include "lib/opaque/st_opaque.h"
#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"
#include "services/auth/opaque/opaque_server_keys.h"

/* Answers a registration request (32 bytes). `credential_id` is the login name, lower case, for ever. ST_EMALFORMED
 * for another length or a wrong element. */
enum st_err opaque_server_register(struct st_opaque_response *response, const struct opaque_server_keys *keys,
                                   struct st_view request, struct st_view credential_id) ST_MUST_CHECK;

/* May this record be stored? ST_EMALFORMED unless it has 192 bytes and a valid client public key. */
enum st_err opaque_server_check_record(struct st_view record) ST_MUST_CHECK;

/* What a login is made of; all borrowed. */
struct opaque_server_attempt {
    struct st_view ke1;           /* from the client */
    struct st_view credential_id; /* login name */
    struct st_view record;        /* from the store: 192 bytes, or empty if nobody has this name */
    struct st_opaque_parties parties;
};

/* What the server remembers between KE2 and KE3: plain bytes without pointers, to be kept in a table, at most 30 s, at
 * most one for each connection. Wiped by opaque_server_login_finish and by opaque_server_login_deinit. */
struct opaque_server_login {
    uint8_t expected_client_mac[ST_OPAQUE_HASH_BYTES];
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    uint8_t stage; /* 0: never begun, or used; 1: begun for nobody's name; 2: begun with a record */
};

enum { OPAQUE_SERVER_LOGIN_BYTES = 129 };
_Static_assert(sizeof(struct opaque_server_login) == OPAQUE_SERVER_LOGIN_BYTES, "no padding");

/* Answers KE1 with KE2; three draws from `env`: masking nonce, server nonce, key share seed. ST_EMALFORMED for a KE1 of
 * another length or with a wrong element in it; ST_EFOREIGN for a record from the store that is damaged; ST_ELIMIT as
 * st_opaque_check_parties. Both outputs are zeroed on failure. */
enum st_err opaque_server_login_start(struct opaque_server_login *login, struct st_opaque_ke2 *ke2,
                                      const struct opaque_server_keys *keys,
                                      const struct opaque_server_attempt *attempt,
                                      const struct st_env *env) ST_MUST_CHECK;

/* Checks KE3 (64 bytes) in constant time and wipes the state, so that it serves once. ST_OK: it is the owner of the
 * password, and `session_key` is the shared secret (the caller wipes it). ST_EINTEGRITY: it is not, or the name is
 * nobody's. ST_EMALFORMED for another length. ST_EREFUSED for a state that was used or never begun. `session_key` is
 * zeroed on failure. */
enum st_err opaque_server_login_finish(uint8_t session_key[static ST_OPAQUE_HASH_BYTES],
                                       struct opaque_server_login *login, struct st_view ke3) ST_MUST_CHECK;

/* Wipes the state. */
void opaque_server_login_deinit(struct opaque_server_login *login);

/* The record that stands for a name that nobody has: a public key and a masking key out of
 * HKDF(oprf_seed, label ‖ name), 96 zero bytes of envelope. opaque_server_login_start makes it by itself. */
enum st_err opaque_server_fake_record(struct st_opaque_record *record, const struct opaque_server_keys *keys,
                                      struct st_view credential_id) ST_MUST_CHECK;

#endif
