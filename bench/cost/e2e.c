#include "bench/cost/measurements.h"

#include <stdlib.h>
#include <string.h>

#include "client/e2e/e2e.h"

enum {
    NOW_S = 1800000000,
    PLAIN_BYTES = 255, /* what fills a ciphertext of 256 bytes */
    RUN_LEN = 1000,    /* messages in one direction before the recorded states are taken again */
    WIRE_BYTES = E2E_HEADER_BYTES + E2E_PAD_MIN + E2E_TAG_BYTES
};

struct party {
    struct e2e_self self;
    struct e2e_sign_pair ak;
    struct e2e_sign_pair dsk;
    struct e2e_pair dik;
    struct e2e_pair spk;
    struct e2e_set set;
    struct st_buf saved; /* the set before a run */
};

struct talk {
    struct st_env env;
    struct party a;
    struct party b;
    struct st_buf wire;
    struct st_buf plain;
    uint8_t text[PLAIN_BYTES];
    unsigned sent;              /* in this run */
    struct st_buf wires;        /* RUN_LEN messages of A, all for the state b.saved */
    struct party *next_speaker; /* of the ping-pong */
};

static enum st_err find_spk(void *ctx, uint32_t spk_id, struct e2e_pair *pair_r)
{
    const struct party *party = ctx;
    (void)spk_id;
    *pair_r = party->spk;
    return ST_OK;
}

static enum st_err find_none(void *ctx, uint32_t id, struct e2e_pair *pair_r)
{
    (void)ctx;
    (void)id;
    (void)pair_r;
    return ST_ENOTFOUND;
}

static enum st_err find_ek(void *ctx, const uint8_t ek_hash[static E2E_HASH_BYTES])
{
    (void)ctx;
    (void)ek_hash;
    return ST_ENOTFOUND;
}

static enum st_err make_party(const struct st_env *env, struct party *party, uint32_t dev_id)
{
    struct e2e_ident *ident = &party->self.ident;
    enum st_err err = e2e_identity_sign_pair(env, &party->ak);
    if (err == ST_OK)
        err = e2e_identity_sign_pair(env, &party->dsk);
    if (err == ST_OK)
        err = e2e_identity_pair(env, &party->dik);
    if (err == ST_OK)
        err = e2e_identity_pair(env, &party->spk);
    st_devlist_acct_id(ident->acct_id, party->ak.pub);
    ident->dev_id = dev_id;
    memcpy(ident->ak, party->ak.pub, sizeof ident->ak);
    memcpy(ident->dsk, party->dsk.pub, sizeof ident->dsk);
    memcpy(ident->dik, party->dik.pub, sizeof ident->dik);
    party->self.dik_secret = party->dik.secret;
    st_buf_init(&party->saved, E2E_SAVED_MAX);
    return err;
}

static enum st_err open_session(struct talk *talk)
{
    const struct party *b = &talk->b;
    struct st_devlist list;
    struct st_bundle bundle;
    memset(&list, 0, sizeof list);
    memset(&bundle, 0, sizeof bundle);
    memcpy(list.acct_id, b->self.ident.acct_id, sizeof list.acct_id);
    list.count = 1;
    list.devices[0].dev_id = b->self.ident.dev_id;
    memcpy(list.devices[0].dsk, b->dsk.pub, sizeof b->dsk.pub);
    memcpy(list.devices[0].dik, b->dik.pub, sizeof b->dik.pub);
    memcpy(bundle.acct_id, list.acct_id, sizeof bundle.acct_id);
    memcpy(bundle.ak, b->ak.pub, sizeof bundle.ak);
    bundle.device = list.devices[0];
    bundle.spk.spk_id = 1;
    bundle.spk.created = NOW_S;
    memcpy(bundle.spk.pub, b->spk.pub, sizeof bundle.spk.pub);
    enum st_err err = st_prekey_sign(&bundle.spk, b->dsk.secret, list.acct_id, bundle.device.dev_id);
    const struct e2e_start start = {
        .self = &talk->a.self, .bundle = &bundle, .list = &list, .ak = b->ak.pub, .now_s = NOW_S
    };
    return err == ST_OK ? e2e_open_outgoing(&talk->a.set, &talk->env, &start) : err;
}

static enum st_err send_one(struct talk *talk, struct party *from)
{
    struct e2e_sent sent;
    st_buf_clear(&talk->wire);
    return e2e_encrypt(&from->set, &talk->env, st_view(talk->text, PLAIN_BYTES), NOW_S, &talk->wire, &sent);
}

static enum st_err read_one(struct talk *talk, struct party *to, struct st_view wire)
{
    const struct party *from = to == &talk->a ? &talk->b : &talk->a;
    const struct e2e_prekeys prekeys = { to, find_spk, find_none, find_ek };
    struct e2e_budget budget = { 0, 0, 0 };
    struct e2e_received received;
    const struct e2e_incoming incoming = { .self = &to->self,
                                           .from_acct = from->self.ident.acct_id,
                                           .from_dev = from->self.ident.dev_id,
                                           .listed = &from->self.ident,
                                           .prekeys = &prekeys,
                                           .account_budget = &budget,
                                           .envelope = wire,
                                           .now_s = NOW_S };
    enum st_err err = e2e_decrypt(&to->set, &incoming, &talk->plain, &received);
    return err == ST_OK && received.verdict != E2E_READ ? ST_EINTEGRITY : err;
}

static enum st_err pass(struct talk *talk, struct party *from)
{
    enum st_err err = send_one(talk, from);
    if (err == ST_OK)
        err = read_one(talk, from == &talk->a ? &talk->b : &talk->a, st_buf_view(&talk->wire));
    return err;
}

static enum st_err reload(struct party *party)
{
    e2e_set_deinit(&party->set);
    return e2e_set_load(&party->set, st_buf_view(&party->saved));
}

static void teardown(void *state)
{
    struct talk *talk = state;
    if (talk == NULL)
        return;
    e2e_set_deinit(&talk->a.set);
    e2e_set_deinit(&talk->b.set);
    st_buf_wipe_free(&talk->a.saved);
    st_buf_wipe_free(&talk->b.saved);
    st_buf_wipe_free(&talk->plain);
    st_buf_free(&talk->wire);
    st_buf_free(&talk->wires);
    free(talk);
}

/* Returns new: two parties that have both spoken; a step is due for A. */
static enum st_err setup_talk(void **state_r)
{
    static const uint8_t birth[E2E_BIRTH_BYTES] = { 1 };
    struct talk *talk = calloc(1, sizeof *talk);
    *state_r = talk;
    if (talk == NULL)
        return ST_ENOMEM;
    talk->env = st_env_system();
    talk->next_speaker = &talk->a;
    st_buf_init(&talk->wire, E2E_ENVELOPE_MAX);
    st_buf_init(&talk->plain, E2E_PAD_MAX);
    st_buf_init(&talk->wires, RUN_LEN * WIRE_BYTES);
    enum st_err err = make_party(&talk->env, &talk->a, 1);
    if (err == ST_OK)
        err = make_party(&talk->env, &talk->b, 2);
    e2e_set_init(&talk->a.set, talk->b.self.ident.acct_id, 2, birth);
    e2e_set_init(&talk->b.set, talk->a.self.ident.acct_id, 1, birth);
    if (err == ST_OK)
        err = open_session(talk);
    for (int i = 0; i < 4 && err == ST_OK; i++)
        err = pass(talk, i % 2 == 0 ? &talk->a : &talk->b);
    return err;
}

/* The same, with both states recorded before A's step, and A's message that does it in talk->wire. */
static enum st_err setup_step(void **state_r)
{
    enum st_err err = setup_talk(state_r);
    struct talk *talk = *state_r;
    if (err == ST_OK)
        err = e2e_set_save(&talk->a.set, &talk->a.saved);
    if (err == ST_OK)
        err = e2e_set_save(&talk->b.set, &talk->b.saved);
    return err == ST_OK ? send_one(talk, &talk->a) : err;
}

/* The same inside a chain of A, with RUN_LEN messages for B recorded. */
static enum st_err setup_chain(void **state_r)
{
    enum st_err err = setup_talk(state_r);
    struct talk *talk = *state_r;
    if (err == ST_OK)
        err = pass(talk, &talk->a);
    if (err == ST_OK)
        err = e2e_set_save(&talk->a.set, &talk->a.saved);
    if (err == ST_OK)
        err = e2e_set_save(&talk->b.set, &talk->b.saved);
    for (int i = 0; i < RUN_LEN && err == ST_OK; i++) {
        err = send_one(talk, &talk->a);
        if (err == ST_OK)
            err = st_buf_append(&talk->wires, talk->wire.p, talk->wire.len);
    }
    return err == ST_OK ? reload(&talk->a) : err;
}

static enum st_err run_ping_pong(void *state)
{
    struct talk *talk = state;
    struct party *from = talk->next_speaker;
    talk->next_speaker = from == &talk->a ? &talk->b : &talk->a;
    return pass(talk, from);
}

static enum st_err run_step_encrypt(void *state)
{
    struct talk *talk = state;
    enum st_err err = reload(&talk->a);
    return err == ST_OK ? send_one(talk, &talk->a) : err;
}

static enum st_err run_step_decrypt(void *state)
{
    struct talk *talk = state;
    enum st_err err = reload(&talk->b);
    return err == ST_OK ? read_one(talk, &talk->b, st_buf_view(&talk->wire)) : err;
}

static enum st_err run_chain_encrypt(void *state)
{
    struct talk *talk = state;
    enum st_err err = talk->sent++ % RUN_LEN == 0 ? reload(&talk->a) : ST_OK;
    return err == ST_OK ? send_one(talk, &talk->a) : err;
}

static enum st_err run_chain_decrypt(void *state)
{
    struct talk *talk = state;
    unsigned index = talk->sent++ % RUN_LEN;
    enum st_err err = index == 0 ? reload(&talk->b) : ST_OK;
    struct st_view wire = st_view(talk->wires.p + index * WIRE_BYTES, WIRE_BYTES);
    return err == ST_OK ? read_one(talk, &talk->b, wire) : err;
}

static enum st_err run_one_way(void *state)
{
    struct talk *talk = state;
    enum st_err err = ST_OK;
    if (talk->sent++ % RUN_LEN == 0) {
        err = reload(&talk->a);
        if (err == ST_OK)
            err = reload(&talk->b);
    }
    return err == ST_OK ? pass(talk, &talk->a) : err;
}

#define MEASUREMENT(variable, name, what, setup, run)                                                                  \
    const struct measurement measurement_##variable = { name, what, setup, run, teardown }

MEASUREMENT(e2e_ping_pong, "e2e-ping-pong", "SafeTalk/1, 256 B: encrypt and decrypt, a ratchet step each", setup_talk,
            run_ping_pong);
MEASUREMENT(e2e_one_way, "e2e-one-way", "SafeTalk/1, 256 B: encrypt and decrypt, one direction", setup_chain,
            run_one_way);
MEASUREMENT(e2e_step_encrypt, "e2e-step-encrypt", "SafeTalk/1, 256 B: load the state, encrypt with a step", setup_step,
            run_step_encrypt);
MEASUREMENT(e2e_step_decrypt, "e2e-step-decrypt", "SafeTalk/1, 256 B: load the state, decrypt with a step", setup_step,
            run_step_decrypt);
MEASUREMENT(e2e_encrypt, "e2e-encrypt", "SafeTalk/1, 256 B: encrypt, one direction", setup_chain, run_chain_encrypt);
MEASUREMENT(e2e_decrypt, "e2e-decrypt", "SafeTalk/1, 256 B: decrypt, one direction", setup_chain, run_chain_decrypt);
