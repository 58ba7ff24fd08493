/* The client's half of OPAQUE (RFC 9807): registration and login. The password never leaves this module in a form that
 * a server, or whoever reads its database, could test guesses against without the server's OPRF seed, and then only at
 * the price of one Argon2id for each guess.
 *
 * Registration:  opaque_client_register_start → request → response → opaque_client_register_finish → record
 * Login:         opaque_client_login_start → KE1 → KE2 → opaque_client_login_finish → KE3
 *
 * The finishing call takes as long as the stretching function (about 0.2 s by default) and as much memory: call it from
 * a worker, not from a loop. Every state is wiped by its finishing call, whatever the result, and by its deinit, which
 * may be called at any time and more than once. */
#ifndef OPAQUE_CLIENT_H
#define OPAQUE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/opaque/st_opaque.h"
#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

/* What is known before the exchange: who the two are, and the stretching. Borrowed. */
struct opaque_client_setup {
    struct st_opaque_parties parties;
    struct st_opaque_ksf ksf;
};

struct opaque_client_registration {
    uint8_t blind[ST_OPRF_SCALAR_BYTES];
    bool started;
};

struct opaque_client_login {
    uint8_t blind[ST_OPRF_SCALAR_BYTES];
    uint8_t keyshare_secret[ST_OPAQUE_KEY_BYTES];
    struct st_opaque_ke1 ke1;
    bool started;
};

/* The fruit of a registration. `record` goes to the server; export_key is 64 secret bytes that only this password at
 * this server gives, and that the server does not know. */
struct opaque_client_registered {
    struct st_opaque_record record;
    uint8_t export_key[ST_OPAQUE_HASH_BYTES];
};

/* The fruit of a login. `ke3` goes to the server; the two keys are secret. */
struct opaque_client_logged_in {
    struct st_opaque_ke3 ke3;
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    uint8_t export_key[ST_OPAQUE_HASH_BYTES];
};

/* Begins a registration; one draw from `env`, the blind. The password (borrowed) is at most 65,535 bytes, else
 * ST_ELIMIT; how long it must be is the caller's rule (8 to 1,024 bytes, NFC). */
enum st_err opaque_client_register_start(struct opaque_client_registration *registration,
                                         struct st_opaque_request *request, struct st_view password,
                                         const struct st_env *env) ST_MUST_CHECK;

/* Ends it with the server's response (64 bytes) and the same password; one draw from `env`, the envelope's nonce.
 * ST_EREFUSED if the stretching is below the minimum that is compiled in (opaque_ksf.h), so that no server can talk a
 * client into less; ST_EMALFORMED for a response of another length or with a wrong element in it; ST_ENOMEM if the
 * stretching finds no memory. `out` is zeroed on failure; the caller wipes it. */
enum st_err opaque_client_register_finish(struct opaque_client_registered *out,
                                          struct opaque_client_registration *registration, struct st_view response,
                                          struct st_view password, const struct opaque_client_setup *setup,
                                          const struct st_env *env) ST_MUST_CHECK;

/* Begins a login; three draws from `env`: blind, client nonce, key share seed. */
enum st_err opaque_client_login_start(struct opaque_client_login *login, struct st_opaque_ke1 *ke1,
                                      struct st_view password, const struct st_env *env) ST_MUST_CHECK;

/* Ends it with KE2 (320 bytes) and the same password. ST_EINTEGRITY for a wrong password, an unknown name or a server
 * that is not the one of the registration: they cannot be told apart. ST_EMALFORMED for a KE2 of another length or with
 * a wrong element in it; ST_ENOMEM as above; ST_EREFUSED if the stretching costs more than opaque_ksf_check allows.
 * `out` is zeroed on failure; the caller wipes it. Nothing but KE3 may be sent after it. */
enum st_err opaque_client_login_finish(struct opaque_client_logged_in *out, struct opaque_client_login *login,
                                       struct st_view ke2, struct st_view password,
                                       const struct opaque_client_setup *setup) ST_MUST_CHECK;

/* Wipe. */
void opaque_client_registration_deinit(struct opaque_client_registration *registration);
void opaque_client_login_deinit(struct opaque_client_login *login);
void opaque_client_registered_deinit(struct opaque_client_registered *registered);
void opaque_client_logged_in_deinit(struct opaque_client_logged_in *logged_in);

#endif
