/* The two finishing calls of opaque_client.h without their check of the stretching function, for test vectors, tests
 * and fuzzing, which use the identity or a small Argon2id. Nothing else includes this header. */
#ifndef OPAQUE_CLIENT_VECTORS_H
#define OPAQUE_CLIENT_VECTORS_H

#include "client/opaque/opaque_client.h"

enum st_err opaque_client_register_finish_any_ksf(struct opaque_client_registered *out,
                                                  struct opaque_client_registration *registration,
                                                  struct st_view response, struct st_view password,
                                                  const struct opaque_client_setup *setup,
                                                  const struct st_env *env) ST_MUST_CHECK;

enum st_err opaque_client_login_finish_any_ksf(struct opaque_client_logged_in *out, struct opaque_client_login *login,
                                               struct st_view ke2, struct st_view password,
                                               const struct opaque_client_setup *setup) ST_MUST_CHECK;

#endif
