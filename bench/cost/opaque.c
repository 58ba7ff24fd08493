#include "bench/cost/measurements.h"

#include <stdlib.h>

#include "bench/cost/opaque_world.h"

enum { DRAWS_BEFORE_ANSWER = 1000 };

struct opaque_state {
    struct opaque_world world;
    struct opaque_client_login client;
    struct st_opaque_ke1 ke1;
    struct st_opaque_ke2 ke2;
    struct st_opaque_ke3 ke3; /* right for the draws after DRAWS_BEFORE_ANSWER */
};

static enum st_err answer(struct opaque_state *s, struct opaque_server_login *login)
{
    s->world.draws = DRAWS_BEFORE_ANSWER;
    return opaque_world_answer(&s->world, login, &s->ke2, &s->ke1, st_view(&s->world.record, sizeof s->world.record));
}

static enum st_err finish_client(struct opaque_state *s)
{
    struct opaque_client_logged_in logged_in;
    struct opaque_client_login client = s->client;
    enum st_err err = opaque_client_login_finish(&logged_in, &client, st_view(&s->ke2, sizeof s->ke2),
                                                 s->world.password, &s->world.setup);
    s->ke3 = logged_in.ke3;
    opaque_client_logged_in_deinit(&logged_in);
    return err;
}

static void teardown(void *state)
{
    struct opaque_state *s = state;
    if (s == NULL)
        return;
    opaque_world_deinit(&s->world);
    opaque_client_login_deinit(&s->client);
    free(s);
}

/* Returns new: an account, and one login of it recorded. */
static enum st_err setup(void **state_r)
{
    struct opaque_server_login login;
    struct opaque_state *s = calloc(1, sizeof *s);
    *state_r = s;
    if (s == NULL)
        return ST_ENOMEM;
    enum st_err err = opaque_world_init(&s->world);
    if (err == ST_OK)
        err = opaque_client_login_start(&s->client, &s->ke1, s->world.password, &s->world.env);
    if (err == ST_OK)
        err = answer(s, &login);
    if (err == ST_OK)
        err = finish_client(s);
    opaque_server_login_deinit(&login);
    return err;
}

static enum st_err run_server(void *state)
{
    struct opaque_state *s = state;
    struct opaque_server_login login;
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    enum st_err err = answer(s, &login);
    if (err == ST_OK)
        err = opaque_server_login_finish(session_key, &login, st_view(&s->ke3, sizeof s->ke3));
    return err;
}

static enum st_err run_client(void *state)
{
    struct opaque_state *s = state;
    struct opaque_client_login client;
    struct st_opaque_ke1 ke1;
    enum st_err err = opaque_client_login_start(&client, &ke1, s->world.password, &s->world.env);
    opaque_client_login_deinit(&client);
    return err == ST_OK ? finish_client(s) : err;
}

const struct measurement measurement_opaque_login_server = { "opaque-login-server",
                                                             "OPAQUE login on the server: KE1 to KE2, and KE3", setup,
                                                             run_server, teardown };
const struct measurement measurement_opaque_login_client = {
    "opaque-login-client", "OPAQUE login on the client, with Argon2id (64 MiB, t=3, p=4)", setup, run_client, teardown
};
