/* Fuzzes what the client reads of OPAQUE: the registration response and KE2, each as it stands and as changes (XOR) to
 * an honest one, which reaches behind the checks of the elements. The first byte of an input says which. */
#include <stdint.h>
#include <stdlib.h>

#include <sodium.h>

#include "client/opaque/opaque_client_vectors.h"
#include "services/auth/opaque/opaque_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RESPONSE, RESPONSE_CHANGES, KE2, KE2_CHANGES, KIND_COUNT };

struct world {
    uint32_t draws;
    struct st_env env;
    struct opaque_server_keys keys;
    struct opaque_client_setup setup;
    struct st_view name;
    struct st_view password;
    struct opaque_client_registration registration; /* waits for the response */
    struct st_opaque_response response;             /* the honest one */
    struct opaque_client_login login;               /* waits for KE2 */
    struct st_opaque_ke2 ke2;                       /* the honest one */
};

static void must(int truth)
{
    if (!truth)
        abort();
}

static int64_t no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static void draw(void *ctx, void *out, size_t len)
{
    struct world *world = ctx;
    uint8_t seed[randombytes_SEEDBYTES] = { 0 };
    st_put_u32(seed, ++world->draws);
    randombytes_buf_deterministic(out, len, seed);
}

static void make_registration(struct world *w, struct st_opaque_record *record)
{
    struct st_opaque_request request;
    struct opaque_client_registered registered;
    must(opaque_client_register_start(&w->registration, &request, w->password, &w->env) == ST_OK);
    must(opaque_server_register(&w->response, &w->keys, st_view(&request, sizeof request), w->name) == ST_OK);
    struct opaque_client_registration copy = w->registration;
    must(opaque_client_register_finish_any_ksf(&registered, &copy, st_view(&w->response, sizeof w->response),
                                               w->password, &w->setup, &w->env) == ST_OK);
    *record = registered.record;
}

static void make_login(struct world *w, const struct st_opaque_record *record)
{
    struct st_opaque_ke1 ke1;
    struct opaque_server_login login;
    must(opaque_client_login_start(&w->login, &ke1, w->password, &w->env) == ST_OK);
    struct opaque_server_attempt attempt = { st_view(&ke1, sizeof ke1), w->name, st_view(record, sizeof *record),
                                             w->setup.parties };
    must(opaque_server_login_start(&login, &w->ke2, &w->keys, &attempt, &w->env) == ST_OK);
}

static void make_world(struct world *w)
{
    struct st_opaque_record record;
    must(sodium_init() >= 0);
    w->env = (struct st_env) { w, no_time, no_time, draw };
    w->name = st_view_text("alice");
    w->password = st_view_text("a password");
    w->setup.ksf.kind = ST_OPAQUE_KSF_IDENTITY;
    w->setup.parties.client_identity = w->name;
    w->setup.parties.server_identity = st_view_text("0123456789abcdef");
    w->setup.parties.context = st_view_text("context");
    must(opaque_server_keys_generate(&w->keys, &w->env) == ST_OK);
    make_registration(w, &record);
    make_login(w, &record);
}

/* Any response with good elements gives a record that the server's own check takes. */
static void run_response(struct world *w, struct st_view bytes)
{
    struct opaque_client_registration registration = w->registration;
    struct opaque_client_registered out;
    enum st_err err =
        opaque_client_register_finish_any_ksf(&out, &registration, bytes, w->password, &w->setup, &w->env);
    must(err == ST_OK || err == ST_EMALFORMED);
    if (err == ST_OK)
        must(opaque_server_check_record(st_view(&out.record, sizeof out.record)) == ST_OK);
    else
        must(sodium_is_zero((const uint8_t *)&out, sizeof out));
}

/* The honest KE2 is the only one that this login takes. */
static void run_ke2(struct world *w, struct st_view bytes)
{
    struct opaque_client_login login = w->login;
    struct opaque_client_logged_in out;
    enum st_err err = opaque_client_login_finish_any_ksf(&out, &login, bytes, w->password, &w->setup);
    must(err == ST_OK || err == ST_EMALFORMED || err == ST_EINTEGRITY);
    must((err == ST_OK) == st_view_equal(bytes, st_view(&w->ke2, sizeof w->ke2)));
    must(err == ST_OK || sodium_is_zero((const uint8_t *)&out, sizeof out));
    must(sodium_is_zero((const uint8_t *)&login, sizeof login));
}

/* Changes the honest bytes by XOR; what `changes` has not, stays. */
static void change(uint8_t *honest, size_t len, struct st_view changes)
{
    for (size_t i = 0; i < len && i < changes.len; i++)
        honest[i] ^= changes.p[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    if (world.draws == 0)
        make_world(&world);
    if (size == 0)
        return 0;
    world.draws = 1000; /* the same randomness for each input */
    struct st_view bytes = st_view(data + 1, size - 1);
    uint8_t response[ST_OPAQUE_RESPONSE_BYTES];
    uint8_t ke2[ST_OPAQUE_KE2_BYTES];
    memcpy(response, &world.response, sizeof response);
    memcpy(ke2, &world.ke2, sizeof ke2);
    switch (data[0] % KIND_COUNT) {
    case RESPONSE:
        run_response(&world, bytes);
        break;
    case RESPONSE_CHANGES:
        change(response, sizeof response, bytes);
        run_response(&world, st_view(response, sizeof response));
        break;
    case KE2:
        run_ke2(&world, bytes);
        break;
    default:
        change(ke2, sizeof ke2, bytes);
        run_ke2(&world, st_view(ke2, sizeof ke2));
        break;
    }
    return 0;
}
