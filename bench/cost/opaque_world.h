/* A server, an account and a client of OPAQUE, for the measurements. */
#ifndef BENCH_COST_OPAQUE_WORLD_H
#define BENCH_COST_OPAQUE_WORLD_H

#include "client/opaque/opaque_client.h"
#include "services/auth/opaque/opaque_server.h"

/* The randomness is a counter's: setting `draws` back gives the same bytes again, so that one recorded message is right
 * for any number of runs. */
struct opaque_world {
    uint32_t draws;
    struct st_env env;
    struct opaque_server_keys keys;
    struct opaque_client_setup setup; /* the default stretching */
    struct st_view name;
    struct st_view password;
    struct st_opaque_record record;
};

/* Makes the keys and registers the account, with the stretching that people get. `world` stays where it is. */
enum st_err opaque_world_init(struct opaque_world *world) ST_MUST_CHECK;

/* Wipes it. */
void opaque_world_deinit(struct opaque_world *world);

/* The server's answer to a KE1 for `name`; an empty `record` means that nobody has it. */
enum st_err opaque_world_answer(struct opaque_world *world, struct opaque_server_login *login,
                                struct st_opaque_ke2 *ke2, const struct st_opaque_ke1 *ke1,
                                struct st_view record) ST_MUST_CHECK;

#endif
