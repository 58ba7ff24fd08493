/* A server and a client of OPAQUE with everything set up, for tests: identity stretching, randomness from a seed. */
#ifndef OPAQUE_FIXTURE_H
#define OPAQUE_FIXTURE_H

#include "client/opaque/opaque_client_vectors.h"
#include "services/auth/opaque/opaque_server.h"

struct opaque_fixture {
    uint32_t draws; /* how many the source has answered: each gives other bytes */
    struct st_env env;
    struct opaque_server_keys keys;
    struct opaque_client_setup setup;
    struct st_view name; /* "alice" */
    struct st_view password;
    struct st_opaque_record record; /* of that name and password */
    uint8_t export_key[ST_OPAQUE_HASH_BYTES];
};

/* One login under way: all messages that were made. */
struct opaque_exchange {
    struct opaque_client_login client;
    struct opaque_server_login server;
    struct st_opaque_ke1 ke1;
    struct st_opaque_ke2 ke2;
};

/* Makes the keys and registers. Fails the test if anything does. */
void opaque_fixture_init(struct opaque_fixture *fixture);

/* Runs a login up to KE2, with a password and a record (empty: nobody's name) of the caller's choice. */
void opaque_fixture_exchange(struct opaque_fixture *fixture, struct opaque_exchange *exchange, struct st_view password,
                             struct st_view record);

/* The fixture's record as the store would give it. */
struct st_view opaque_fixture_record(const struct opaque_fixture *fixture);

/* The server's answer to a KE1. */
enum st_err opaque_fixture_answer(struct opaque_fixture *fixture, struct opaque_server_login *login,
                                  struct st_opaque_ke2 *ke2, struct st_view ke1, struct st_view record);

#endif
