#include "bench/cost/opaque_world.h"

#include <sodium.h>

#include "lib/st_wipe.h"

static int64_t no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static void draw(void *ctx, void *out, size_t len)
{
    struct opaque_world *world = ctx;
    uint8_t seed[randombytes_SEEDBYTES] = { 0 };
    st_put_u32(seed, ++world->draws);
    randombytes_buf_deterministic(out, len, seed);
}

static enum st_err do_register(struct opaque_world *w)
{
    struct opaque_client_registration registration;
    struct opaque_client_registered registered;
    struct st_opaque_request request;
    struct st_opaque_response response;
    enum st_err err = opaque_client_register_start(&registration, &request, w->password, &w->env);
    if (err == ST_OK)
        err = opaque_server_register(&response, &w->keys, st_view(&request, sizeof request), w->name);
    if (err == ST_OK)
        err = opaque_client_register_finish(&registered, &registration, st_view(&response, sizeof response),
                                            w->password, &w->setup, &w->env);
    if (err == ST_OK)
        w->record = registered.record;
    opaque_client_registration_deinit(&registration);
    opaque_client_registered_deinit(&registered);
    return err;
}

enum st_err opaque_world_init(struct opaque_world *w)
{
    memset(w, 0, sizeof *w);
    w->env = (struct st_env) { w, no_time, no_time, draw };
    w->name = st_view_text("alice");
    w->password = st_view_text("correct horse battery staple");
    w->setup.ksf = st_opaque_ksf_default();
    w->setup.parties.client_identity = w->name;
    w->setup.parties.server_identity = st_view_text("0123456789abcdef");
    w->setup.parties.context = st_view_text("a context of fifty bytes, as the login context is.");
    enum st_err err = opaque_server_keys_generate(&w->keys, &w->env);
    return err == ST_OK ? do_register(w) : err;
}

void opaque_world_deinit(struct opaque_world *w)
{
    st_wipe(w, sizeof *w);
}

enum st_err opaque_world_answer(struct opaque_world *w, struct opaque_server_login *login, struct st_opaque_ke2 *ke2,
                                const struct st_opaque_ke1 *ke1, struct st_view record)
{
    struct opaque_server_attempt attempt = { st_view(ke1, sizeof *ke1), w->name, record, w->setup.parties };
    return opaque_server_login_start(login, ke2, &w->keys, &attempt, &w->env);
}
