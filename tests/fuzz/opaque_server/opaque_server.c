/* Fuzzes what the server reads of OPAQUE: registration request, record, KE1 (against a good, an absent and a hostile
 * record) and KE3. The first byte of an input says which. */
#include <stdint.h>
#include <stdlib.h>

#include <sodium.h>

#include "client/opaque/opaque_client_vectors.h"
#include "services/auth/opaque/opaque_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUEST, RECORD, KE1_KNOWN, KE1_UNKNOWN, KE1_AND_RECORD, KE3, KIND_COUNT };

struct world {
    uint32_t draws;
    struct st_env env;
    struct opaque_server_keys keys;
    struct st_opaque_parties parties;
    struct st_view name;
    struct st_opaque_record record;
    struct st_opaque_ke1 ke1; /* an honest one */
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

static void make_world(struct world *w)
{
    struct opaque_client_registration registration;
    struct opaque_client_registered registered;
    struct opaque_client_login login;
    struct st_opaque_request request;
    struct st_opaque_response response;
    struct st_view password = st_view_text("a password");
    must(sodium_init() >= 0);
    w->env = (struct st_env) { w, no_time, no_time, draw };
    w->name = st_view_text("alice");
    w->parties.client_identity = w->name;
    w->parties.server_identity = st_view_text("0123456789abcdef");
    w->parties.context = st_view_text("context");
    struct opaque_client_setup setup = { w->parties, { ST_OPAQUE_KSF_IDENTITY, 0, 0, 0 } };
    must(opaque_server_keys_generate(&w->keys, &w->env) == ST_OK);
    must(opaque_client_register_start(&registration, &request, password, &w->env) == ST_OK);
    must(opaque_server_register(&response, &w->keys, st_view(&request, sizeof request), w->name) == ST_OK);
    must(opaque_client_register_finish_any_ksf(&registered, &registration, st_view(&response, sizeof response),
                                               password, &setup, &w->env) == ST_OK);
    must(opaque_client_login_start(&login, &w->ke1, password, &w->env) == ST_OK);
    w->record = registered.record;
}

static void run_request(struct world *w, struct st_view bytes)
{
    struct st_opaque_response response;
    enum st_err err = opaque_server_register(&response, &w->keys, bytes, w->name);
    must(err == ST_OK || err == ST_EMALFORMED);
    must(err == ST_OK || sodium_is_zero((const uint8_t *)&response, sizeof response));
}

static enum st_err run_ke1(struct world *w, struct st_view ke1, struct st_view record)
{
    struct opaque_server_login login;
    struct st_opaque_ke2 ke2;
    struct opaque_server_attempt attempt = { ke1, w->name, record, w->parties };
    enum st_err err = opaque_server_login_start(&login, &ke2, &w->keys, &attempt, &w->env);
    must(err == ST_OK || err == ST_EMALFORMED || err == ST_EFOREIGN);
    must(err == ST_OK || sodium_is_zero((const uint8_t *)&ke2, sizeof ke2));
    must(err == ST_OK || sodium_is_zero((const uint8_t *)&login, sizeof login));
    return err;
}

static void run_ke1_and_record(struct world *w, struct st_view bytes)
{
    size_t split = bytes.len < ST_OPAQUE_KE1_BYTES ? bytes.len : ST_OPAQUE_KE1_BYTES;
    struct st_view record = st_view(bytes.p + split, bytes.len - split);
    enum st_err err = run_ke1(w, st_view(bytes.p, split), record);
    /* What registration lets pass, a login can always use. */
    must(err != ST_EFOREIGN || opaque_server_check_record(record) != ST_OK);
}

static void run_ke3(struct world *w, struct st_view bytes)
{
    struct opaque_server_login login;
    struct st_opaque_ke2 ke2;
    uint8_t want[ST_OPAQUE_HASH_BYTES];
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    struct opaque_server_attempt attempt = { st_view(&w->ke1, sizeof w->ke1), w->name,
                                             st_view(&w->record, sizeof w->record), w->parties };
    must(opaque_server_login_start(&login, &ke2, &w->keys, &attempt, &w->env) == ST_OK);
    memcpy(want, login.expected_client_mac, sizeof want);
    enum st_err err = opaque_server_login_finish(session_key, &login, bytes);
    must((err == ST_OK) == st_view_equal(bytes, st_view(want, sizeof want)));
    must(err == ST_OK || sodium_is_zero(session_key, sizeof session_key));
    must(sodium_is_zero((const uint8_t *)&login, sizeof login));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    if (world.draws == 0)
        make_world(&world);
    if (size == 0)
        return 0;
    /* The same randomness for each input, so that an input always does the same. */
    world.draws = 1000;
    struct st_view bytes = st_view(data + 1, size - 1);
    switch (data[0] % KIND_COUNT) {
    case REQUEST:
        run_request(&world, bytes);
        break;
    case RECORD:
        (void)!opaque_server_check_record(bytes);
        break;
    case KE1_KNOWN:
        (void)!run_ke1(&world, bytes, st_view(&world.record, sizeof world.record));
        break;
    case KE1_UNKNOWN:
        (void)!run_ke1(&world, bytes, st_view_text(""));
        break;
    case KE1_AND_RECORD:
        run_ke1_and_record(&world, bytes);
        break;
    default:
        run_ke3(&world, bytes);
        break;
    }
    return 0;
}
