#include "tests/vectors_tool/runners.h"

#include "client/opaque/opaque_client_vectors.h"
#include "services/auth/opaque/opaque_server.h"
#include "tests/vectors_tool/vector.h"
#include "tests/vectors_tool/vector_random.h"

/* One vector: its JSON, and what both sides are set up with. */
struct opaque_case {
    struct vector_run *run;
    const cJSON *inputs;
    struct opaque_server_keys keys;
    struct opaque_client_setup setup;
    struct st_view credential_id;
    struct st_view password;
};

/* The stretching: "Identity", or an object with the parameters of Argon2id. */
static struct st_opaque_ksf read_ksf(struct vector_run *run, const cJSON *config)
{
    struct st_opaque_ksf ksf = { ST_OPAQUE_KSF_IDENTITY, 0, 0, 0 };
    if (!vector_has(config, "KSF") || vector_text_is(config, "KSF", "Identity"))
        return ksf;
    const cJSON *argon2id = vector_get(run, vector_get(run, config, "KSF"), "Argon2id");
    struct st_view salt = vector_hex(run, argon2id, "salt");
    static const uint8_t zeros[16];
    vector_expect_bytes(run, salt, st_view(zeros, sizeof zeros), "KSF salt");
    vector_expect(run, vector_number(run, argon2id, "L") == ST_OPAQUE_HASH_BYTES, "KSF length");
    ksf.kind = ST_OPAQUE_KSF_ARGON2ID;
    ksf.m_kib = (uint32_t)vector_number(run, argon2id, "m_kib");
    ksf.t = (uint32_t)vector_number(run, argon2id, "t");
    ksf.p = (uint32_t)vector_number(run, argon2id, "p");
    return ksf;
}

static void read_case(struct opaque_case *c, struct vector_run *run, const cJSON *test)
{
    const cJSON *config = vector_get(run, test, "config");
    uint8_t seed[OPAQUE_SERVER_OPRF_SEED_BYTES];
    uint8_t private_key[ST_OPAQUE_KEY_BYTES];
    memset(c, 0, sizeof *c);
    c->run = run;
    c->inputs = vector_get(run, test, "inputs");
    c->setup.ksf = read_ksf(run, config);
    c->setup.parties.context = vector_hex(run, config, "Context");
    c->setup.parties.client_identity = vector_hex_or_empty(run, c->inputs, "client_identity");
    c->setup.parties.server_identity = vector_hex_or_empty(run, c->inputs, "server_identity");
    c->credential_id = vector_hex(run, c->inputs, "credential_identifier");
    c->password = vector_hex_or_empty(run, c->inputs, "password");
    vector_hex_into(run, c->inputs, "oprf_seed", seed, sizeof seed);
    vector_hex_into(run, c->inputs, "server_private_key", private_key, sizeof private_key);
    vector_expect_ok(run, opaque_server_keys_init(&c->keys, seed, private_key), "server keys");
    vector_expect_bytes(run, st_view(c->keys.public_key, sizeof c->keys.public_key),
                        vector_hex(run, c->inputs, "server_public_key"), "server_public_key");
}

static void expect_output(struct opaque_case *c, const cJSON *outputs, const char *name, const void *got, size_t len)
{
    if (outputs != NULL)
        vector_expect_bytes(c->run, st_view(got, len), vector_hex(c->run, outputs, name), name);
}

/* A registration; `outputs` may be NULL, then nothing is compared. */
static void do_register(struct opaque_case *c, struct st_opaque_record *record, const cJSON *outputs)
{
    struct vector_random source;
    vector_random_init(&source);
    vector_random_push(&source, vector_hex(c->run, c->inputs, "blind_registration"));
    vector_random_push(&source, vector_hex(c->run, c->inputs, "envelope_nonce"));
    struct st_env env = vector_random_env(&source);

    struct opaque_client_registration registration;
    struct opaque_client_registered registered;
    struct st_opaque_request request;
    struct st_opaque_response response;
    vector_expect_ok(c->run, opaque_client_register_start(&registration, &request, c->password, &env), "start");
    expect_output(c, outputs, "registration_request", &request, sizeof request);
    enum st_err err = opaque_server_register(&response, &c->keys, st_view(&request, sizeof request), c->credential_id);
    vector_expect_ok(c->run, err, "response");
    expect_output(c, outputs, "registration_response", &response, sizeof response);
    err = opaque_client_register_finish_any_ksf(&registered, &registration, st_view(&response, sizeof response),
                                                c->password, &c->setup, &env);
    vector_expect_ok(c->run, err, "finish");
    expect_output(c, outputs, "registration_upload", &registered.record, sizeof registered.record);
    expect_output(c, outputs, "export_key", registered.export_key, sizeof registered.export_key);
    vector_expect(c->run, vector_random_is_spent(&source), "draws of the registration");
    vector_expect_ok(c->run, opaque_server_check_record(st_view(&registered.record, sizeof registered.record)),
                     "record");
    *record = registered.record;
    opaque_client_registered_deinit(&registered);
}

static void start_login(struct opaque_case *c, struct opaque_client_login *login, struct st_opaque_ke1 *ke1,
                        struct st_view password)
{
    struct vector_random source;
    vector_random_init(&source);
    vector_random_push(&source, vector_hex(c->run, c->inputs, "blind_login"));
    vector_random_push(&source, vector_hex(c->run, c->inputs, "client_nonce"));
    vector_random_push(&source, vector_hex(c->run, c->inputs, "client_keyshare_seed"));
    struct st_env env = vector_random_env(&source);
    vector_expect_ok(c->run, opaque_client_login_start(login, ke1, password, &env), "KE1");
    vector_expect(c->run, vector_random_is_spent(&source), "draws of KE1");
}

static void answer_login(struct opaque_case *c, struct opaque_server_login *login, struct st_opaque_ke2 *ke2,
                         struct st_view ke1, struct st_view record)
{
    struct vector_random source;
    vector_random_init(&source);
    vector_random_push(&source, vector_hex(c->run, c->inputs, "masking_nonce"));
    vector_random_push(&source, vector_hex(c->run, c->inputs, "server_nonce"));
    vector_random_push(&source, vector_hex(c->run, c->inputs, "server_keyshare_seed"));
    struct st_env env = vector_random_env(&source);
    struct opaque_server_attempt attempt = { ke1, c->credential_id, record, c->setup.parties };
    vector_expect_ok(c->run, opaque_server_login_start(login, ke2, &c->keys, &attempt, &env), "KE2");
    vector_expect(c->run, vector_random_is_spent(&source), "draws of KE2");
}

static void real_case(struct opaque_case *c, const cJSON *outputs)
{
    struct st_opaque_record record;
    struct opaque_client_login client;
    struct opaque_server_login server;
    struct opaque_client_logged_in logged_in;
    struct st_opaque_ke1 ke1;
    struct st_opaque_ke2 ke2;
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    do_register(c, &record, outputs);
    start_login(c, &client, &ke1, c->password);
    expect_output(c, outputs, "KE1", &ke1, sizeof ke1);
    answer_login(c, &server, &ke2, st_view(&ke1, sizeof ke1), st_view(&record, sizeof record));
    expect_output(c, outputs, "KE2", &ke2, sizeof ke2);
    enum st_err err =
        opaque_client_login_finish_any_ksf(&logged_in, &client, st_view(&ke2, sizeof ke2), c->password, &c->setup);
    vector_expect_ok(c->run, err, "KE3");
    expect_output(c, outputs, "KE3", &logged_in.ke3, sizeof logged_in.ke3);
    expect_output(c, outputs, "session_key", logged_in.session_key, sizeof logged_in.session_key);
    expect_output(c, outputs, "export_key", logged_in.export_key, sizeof logged_in.export_key);
    err = opaque_server_login_finish(session_key, &server, st_view(&logged_in.ke3, sizeof logged_in.ke3));
    vector_expect_ok(c->run, err, "the server refuses KE3");
    expect_output(c, outputs, "session_key", session_key, sizeof session_key);
}

/* The vectors give a fake record's public key and masking key; its envelope is zeros. */
static void fake_case(struct opaque_case *c, const cJSON *outputs)
{
    struct st_opaque_record record;
    struct opaque_server_login server;
    struct st_opaque_ke2 ke2;
    memset(&record, 0, sizeof record);
    vector_hex_into(c->run, c->inputs, "client_public_key", record.client_public_key, sizeof record.client_public_key);
    vector_hex_into(c->run, c->inputs, "masking_key", record.masking_key, sizeof record.masking_key);
    answer_login(c, &server, &ke2, vector_hex(c->run, c->inputs, "KE1"), st_view(&record, sizeof record));
    expect_output(c, outputs, "KE2", &ke2, sizeof ke2);
}

void run_opaque(struct vector_run *run, const cJSON *root)
{
    int index = 0;
    const cJSON *test;
    cJSON_ArrayForEach(test, root)
    {
        vector_case(run, "case %d", index++);
        struct opaque_case c;
        read_case(&c, run, test);
        const cJSON *config = vector_get(run, test, "config");
        const cJSON *fake = cJSON_GetObjectItemCaseSensitive(config, "Fake");
        const cJSON *outputs = vector_get(run, test, "outputs");
        if (cJSON_IsTrue(fake) || vector_text_is(config, "Fake", "True"))
            fake_case(&c, outputs);
        else
            real_case(&c, outputs);
    }
}

/* What the client says to the vector's KE2, with the given password and context. */
static enum st_err client_verdict(struct opaque_case *c, struct st_view ke2, struct st_view password,
                                  struct opaque_client_logged_in *logged_in)
{
    struct opaque_client_login client;
    struct st_opaque_ke1 ke1;
    start_login(c, &client, &ke1, password);
    return opaque_client_login_finish_any_ksf(logged_in, &client, ke2, password, &c->setup);
}

static void negative_case(struct opaque_case *c, const cJSON *test)
{
    struct vector_run *run = c->run;
    struct st_opaque_record record;
    struct st_opaque_ke1 ke1;
    struct st_opaque_ke2 honest_ke2;
    struct opaque_client_login client;
    struct opaque_server_login server;
    struct opaque_client_logged_in logged_in;
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    do_register(c, &record, NULL);

    /* Everything right first: so that a refusal below has only the one cause. */
    start_login(c, &client, &ke1, c->password);
    answer_login(c, &server, &honest_ke2, st_view(&ke1, sizeof ke1), st_view(&record, sizeof record));
    enum st_err err = opaque_client_login_finish_any_ksf(&logged_in, &client, st_view(&honest_ke2, sizeof honest_ke2),
                                                         c->password, &c->setup);
    vector_expect_ok(run, err, "the honest login");

    if (vector_text_is(test, "verdict", "server_error")) {
        struct st_view ke3 = vector_hex(run, test, "KE3");
        vector_expect_bytes(run, st_view(&honest_ke2, sizeof honest_ke2), vector_hex(run, test, "KE2"), "KE2");
        err = opaque_server_login_finish(session_key, &server, ke3);
        vector_expect(run, err == ST_EINTEGRITY, "the server accepts KE3");
        return;
    }
    vector_expect(run, vector_text_is(test, "verdict", "client_error"), "unknown verdict");
    struct st_view password = c->password;
    if (vector_has(test, "login_password"))
        password = vector_hex(run, test, "login_password");
    if (vector_has(test, "client_context"))
        c->setup.parties.context = vector_hex(run, test, "client_context");
    err = client_verdict(c, vector_hex(run, test, "KE2"), password, &logged_in);
    vector_expect(run, err == ST_EINTEGRITY || err == ST_EMALFORMED, "the client accepts");
    static const struct opaque_client_logged_in nothing;
    vector_expect_bytes(run, st_view(&logged_in, sizeof logged_in), st_view(&nothing, sizeof nothing),
                        "a refused login leaves something behind");
}

void run_opaque_negative(struct vector_run *run, const cJSON *root)
{
    int index = 0;
    const cJSON *test;
    cJSON_ArrayForEach(test, root)
    {
        vector_case(run, "case %d (%s)", index++, vector_text(run, test, "kind"));
        struct opaque_case c;
        read_case(&c, run, test);
        negative_case(&c, test);
    }
}
