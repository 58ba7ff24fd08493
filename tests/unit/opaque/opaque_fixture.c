#include "tests/unit/opaque/opaque_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

static int64_t no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static void draw(void *ctx, void *out, size_t len)
{
    struct opaque_fixture *fixture = ctx;
    uint8_t seed[randombytes_SEEDBYTES] = { 0 };
    st_put_u32(seed, ++fixture->draws);
    randombytes_buf_deterministic(out, len, seed);
}

static void do_register(struct opaque_fixture *f)
{
    struct opaque_client_registration registration;
    struct opaque_client_registered registered;
    struct st_opaque_request request;
    struct st_opaque_response response;
    assert_int_equal(opaque_client_register_start(&registration, &request, f->password, &f->env), ST_OK);
    assert_int_equal(opaque_server_register(&response, &f->keys, st_view(&request, sizeof request), f->name), ST_OK);
    enum st_err err = opaque_client_register_finish_any_ksf(
        &registered, &registration, st_view(&response, sizeof response), f->password, &f->setup, &f->env);
    assert_int_equal(err, ST_OK);
    f->record = registered.record;
    memcpy(f->export_key, registered.export_key, sizeof f->export_key);
}

void opaque_fixture_init(struct opaque_fixture *f)
{
    static const uint8_t server_id[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
    assert_true(sodium_init() >= 0);
    memset(f, 0, sizeof *f);
    f->env = (struct st_env) { f, no_time, no_time, draw };
    f->name = st_view_text("alice");
    f->password = st_view_text("correct horse battery staple");
    f->setup.ksf.kind = ST_OPAQUE_KSF_IDENTITY;
    f->setup.parties.client_identity = f->name;
    f->setup.parties.server_identity = st_view(server_id, sizeof server_id);
    f->setup.parties.context = st_view_text("a context");
    assert_int_equal(opaque_server_keys_generate(&f->keys, &f->env), ST_OK);
    do_register(f);
}

struct st_view opaque_fixture_record(const struct opaque_fixture *f)
{
    return st_view(&f->record, sizeof f->record);
}

enum st_err opaque_fixture_answer(struct opaque_fixture *f, struct opaque_server_login *login,
                                  struct st_opaque_ke2 *ke2, struct st_view ke1, struct st_view record)
{
    struct opaque_server_attempt attempt = { ke1, f->name, record, f->setup.parties };
    return opaque_server_login_start(login, ke2, &f->keys, &attempt, &f->env);
}

void opaque_fixture_exchange(struct opaque_fixture *f, struct opaque_exchange *e, struct st_view password,
                             struct st_view record)
{
    assert_int_equal(opaque_client_login_start(&e->client, &e->ke1, password, &f->env), ST_OK);
    enum st_err err = opaque_fixture_answer(f, &e->server, &e->ke2, st_view(&e->ke1, sizeof e->ke1), record);
    assert_int_equal(err, ST_OK);
}
