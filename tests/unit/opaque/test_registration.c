#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/opaque/opaque_ksf.h"
#include "tests/unit/opaque/opaque_fixture.h"

static void assert_zero(const void *p, size_t len)
{
    assert_int_equal(sodium_is_zero(p, len), 1);
}

static int setup(void **state)
{
    static struct opaque_fixture fixture;
    opaque_fixture_init(&fixture);
    *state = &fixture;
    return 0;
}

/* Begins a registration and has the server answer it. */
static void begin(struct opaque_fixture *f, struct opaque_client_registration *registration,
                  struct st_opaque_response *response)
{
    struct st_opaque_request request;
    assert_int_equal(opaque_client_register_start(registration, &request, f->password, &f->env), ST_OK);
    assert_int_equal(opaque_server_register(response, &f->keys, st_view(&request, sizeof request), f->name), ST_OK);
}

static void registration__weak_stretching__refused(void **state)
{
    struct opaque_fixture *f = *state;
    static const struct st_opaque_ksf weak[] = {
        { ST_OPAQUE_KSF_IDENTITY, 65536, 3, 4 },
        { ST_OPAQUE_KSF_ARGON2ID, 65535, 3, 4 },
        { ST_OPAQUE_KSF_ARGON2ID, 65536, 2, 4 },
        { ST_OPAQUE_KSF_ARGON2ID, 32768, 6, 4 },
        { ST_OPAQUE_KSF_ARGON2ID, 65536, 3, 0 },
        { ST_OPAQUE_KSF_ARGON2ID, 65536, 0, 4 },
        { ST_OPAQUE_KSF_ARGON2ID, 0, 3, 4 },
        { ST_OPAQUE_KSF_ARGON2ID, 65536, 17, 4 },
        { ST_OPAQUE_KSF_ARGON2ID, 65536, 3, 17 },
        { ST_OPAQUE_KSF_ARGON2ID, 2097153, 1, 4 },
        { ST_OPAQUE_KSF_ARGON2ID, UINT32_MAX, 1, 4 },
        { ST_OPAQUE_KSF_ARGON2ID, 65536, UINT32_MAX, 4 },
        { ST_OPAQUE_KSF_ARGON2ID, 65536, 3, UINT32_MAX },
        { (enum st_opaque_ksf_kind)2, 65536, 3, 4 },
    };
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        struct opaque_client_registration registration;
        struct opaque_client_registered out;
        struct st_opaque_response response;
        struct opaque_client_setup weak_setup = f->setup;
        weak_setup.ksf = weak[i];
        begin(f, &registration, &response);
        enum st_err err = opaque_client_register_finish(&out, &registration, st_view(&response, sizeof response),
                                                        f->password, &weak_setup, &f->env);
        assert_int_equal(err, ST_EREFUSED);
        assert_zero(&out, sizeof out);
        assert_zero(&registration, sizeof registration);
    }
}

static void ksf__check__bounds(void **state)
{
    (void)state;
    struct st_opaque_ksf usual = st_opaque_ksf_default();
    struct st_opaque_ksf paranoid = st_opaque_ksf_paranoid();
    struct st_opaque_ksf least = { ST_OPAQUE_KSF_ARGON2ID, 8, 1, 1 };
    struct st_opaque_ksf most = { ST_OPAQUE_KSF_ARGON2ID, 2097152, 16, 16 };
    assert_int_equal(opaque_ksf_check_registration(&usual), ST_OK);
    assert_int_equal(opaque_ksf_check_registration(&paranoid), ST_OK);
    assert_int_equal(opaque_ksf_check_registration(&most), ST_OK);
    assert_int_equal(opaque_ksf_check_registration(&least), ST_EREFUSED);
    assert_int_equal(opaque_ksf_check(&least), ST_OK);
    least.m_kib = 7;
    assert_int_equal(opaque_ksf_check(&least), ST_EREFUSED);
}

static void ksf__stretch__refusals_leave_zeros(void **state)
{
    (void)state;
    uint8_t in[ST_OPRF_OUTPUT_BYTES] = { 1 };
    uint8_t out[ST_OPAQUE_HASH_BYTES];
    struct st_opaque_ksf ksf = { ST_OPAQUE_KSF_ARGON2ID, 0, 0, 0 };
    memset(out, 0xaa, sizeof out);
    assert_int_equal(opaque_ksf_stretch(out, in, &ksf), ST_EREFUSED);
    assert_zero(out, sizeof out);
    ksf.kind = (enum st_opaque_ksf_kind)9;
    memset(out, 0xaa, sizeof out);
    assert_int_equal(opaque_ksf_stretch(out, in, &ksf), ST_EREFUSED);
    assert_zero(out, sizeof out);
}

/* The whole of it as an account is made and used, with the stretching that people get. */
static void registration__default_stretching__then_login(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_client_setup strong = f->setup;
    struct opaque_client_registration registration;
    struct opaque_client_registered registered;
    struct st_opaque_response response;
    strong.ksf = st_opaque_ksf_default();
    begin(f, &registration, &response);
    enum st_err err = opaque_client_register_finish(&registered, &registration, st_view(&response, sizeof response),
                                                    f->password, &strong, &f->env);
    assert_int_equal(err, ST_OK);

    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    struct st_view record = st_view(&registered.record, sizeof registered.record);
    opaque_fixture_exchange(f, &e, f->password, record);
    struct opaque_client_login copy = e.client;
    err = opaque_client_login_finish(&out, &e.client, st_view(&e.ke2, sizeof e.ke2), f->password, &strong);
    assert_int_equal(err, ST_OK);
    assert_memory_equal(out.export_key, registered.export_key, sizeof out.export_key);
    assert_int_equal(opaque_server_login_finish(session_key, &e.server, st_view(&out.ke3, sizeof out.ke3)), ST_OK);

    /* Another stretching only makes the login fail; none at all is refused before anything is computed. */
    strong.ksf.t++;
    e.client = copy;
    err = opaque_client_login_finish(&out, &e.client, st_view(&e.ke2, sizeof e.ke2), f->password, &strong);
    assert_int_equal(err, ST_EINTEGRITY);
    e.client = copy;
    err = opaque_client_login_finish(&out, &e.client, st_view(&e.ke2, sizeof e.ke2), f->password, &f->setup);
    assert_int_equal(err, ST_EREFUSED);
    assert_zero(&e.client, sizeof e.client);
}

static void registration__request__every_other_length(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_client_registration registration;
    struct st_opaque_response response;
    uint8_t bytes[64] = { 0 };
    assert_int_equal(
        opaque_client_register_start(&registration, (struct st_opaque_request *)bytes, f->password, &f->env), ST_OK);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        enum st_err err = opaque_server_register(&response, &f->keys, st_view(bytes, len), f->name);
        assert_int_equal(err, len == ST_OPAQUE_REQUEST_BYTES ? ST_OK : ST_EMALFORMED);
        if (err != ST_OK)
            assert_zero(&response, sizeof response);
    }
    memset(bytes, 0, sizeof bytes); /* the identity */
    assert_int_equal(opaque_server_register(&response, &f->keys, st_view(bytes, 32), f->name), ST_EMALFORMED);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(opaque_server_register(&response, &f->keys, st_view(bytes, 32), f->name), ST_EMALFORMED);
    opaque_client_registration_deinit(&registration);
}

static enum st_err finish(struct opaque_fixture *f, struct opaque_client_registration registration,
                          struct st_view response)
{
    struct opaque_client_registered out;
    enum st_err err =
        opaque_client_register_finish_any_ksf(&out, &registration, response, f->password, &f->setup, &f->env);
    assert_zero(&registration, sizeof registration);
    if (err != ST_OK)
        assert_zero(&out, sizeof out);
    return err;
}

static void registration__response__lengths_and_elements(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_client_registration registration;
    struct st_opaque_response response;
    begin(f, &registration, &response);
    uint8_t bytes[100] = { 0 };
    memcpy(bytes, &response, sizeof response);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        enum st_err err = finish(f, registration, st_view(bytes, len));
        assert_int_equal(err, len == ST_OPAQUE_RESPONSE_BYTES ? ST_OK : ST_EMALFORMED);
    }
    struct st_opaque_response wrong = response;
    memset(wrong.evaluated, 0, sizeof wrong.evaluated);
    assert_int_equal(finish(f, registration, st_view(&wrong, sizeof wrong)), ST_EMALFORMED);
    wrong = response;
    memset(wrong.server_public_key, 0, sizeof wrong.server_public_key);
    assert_int_equal(finish(f, registration, st_view(&wrong, sizeof wrong)), ST_EMALFORMED);
    wrong = response;
    memset(wrong.server_public_key, 0xff, sizeof wrong.server_public_key);
    assert_int_equal(finish(f, registration, st_view(&wrong, sizeof wrong)), ST_EMALFORMED);
    opaque_client_registration_deinit(&registration);
    assert_int_equal(finish(f, registration, st_view(&response, sizeof response)), ST_EREFUSED);
}

static void registration__record__checked_before_it_is_stored(void **state)
{
    struct opaque_fixture *f = *state;
    uint8_t bytes[256] = { 0 };
    memcpy(bytes, &f->record, sizeof f->record);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        enum st_err err = opaque_server_check_record(st_view(bytes, len));
        assert_int_equal(err, len == ST_OPAQUE_RECORD_BYTES ? ST_OK : ST_EMALFORMED);
    }
    memset(bytes, 0, ST_OPAQUE_KEY_BYTES);
    assert_int_equal(opaque_server_check_record(st_view(bytes, ST_OPAQUE_RECORD_BYTES)), ST_EMALFORMED);
    memset(bytes, 0xff, ST_OPAQUE_KEY_BYTES);
    assert_int_equal(opaque_server_check_record(st_view(bytes, ST_OPAQUE_RECORD_BYTES)), ST_EMALFORMED);
}

static void registration__password__at_most_65535_bytes(void **state)
{
    struct opaque_fixture *f = *state;
    static const uint8_t bytes[65536];
    struct opaque_client_registration registration;
    struct opaque_client_login login;
    struct st_opaque_request request;
    struct st_opaque_ke1 ke1;
    struct st_view too_long = st_view(bytes, sizeof bytes);
    assert_int_equal(opaque_client_register_start(&registration, &request, too_long, &f->env), ST_ELIMIT);
    assert_zero(&registration, sizeof registration);
    assert_int_equal(opaque_client_login_start(&login, &ke1, too_long, &f->env), ST_ELIMIT);
    assert_zero(&login, sizeof login);
    assert_zero(&ke1, sizeof ke1);
}

/* Two accounts with one password have nothing in common that a thief of the database could see. */
static void registration__same_password_other_name__nothing_in_common(void **state)
{
    struct opaque_fixture *f = *state;
    struct st_opaque_record alice = f->record;
    struct opaque_client_registration registration;
    struct opaque_client_registered out;
    struct st_opaque_response response;
    f->name = st_view_text("bob");
    begin(f, &registration, &response);
    enum st_err err = opaque_client_register_finish_any_ksf(&out, &registration, st_view(&response, sizeof response),
                                                            f->password, &f->setup, &f->env);
    f->name = st_view_text("alice");
    assert_int_equal(err, ST_OK);
    assert_memory_not_equal(out.record.client_public_key, alice.client_public_key, ST_OPAQUE_KEY_BYTES);
    assert_memory_not_equal(out.record.masking_key, alice.masking_key, ST_OPAQUE_HASH_BYTES);
    assert_memory_not_equal(out.export_key, f->export_key, ST_OPAQUE_HASH_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registration__weak_stretching__refused),
        cmocka_unit_test(ksf__check__bounds),
        cmocka_unit_test(ksf__stretch__refusals_leave_zeros),
        cmocka_unit_test(registration__default_stretching__then_login),
        cmocka_unit_test(registration__request__every_other_length),
        cmocka_unit_test(registration__response__lengths_and_elements),
        cmocka_unit_test(registration__record__checked_before_it_is_stored),
        cmocka_unit_test(registration__password__at_most_65535_bytes),
        cmocka_unit_test(registration__same_password_other_name__nothing_in_common),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
