#include "tests/fuzz/e2e/fuzz_talk.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/e2e/e2e_envelope.h"

enum { NOW_S = 1800000000 };

void fuzz_require(bool holds)
{
    if (!holds)
        abort();
}

static int64_t no_clock(void *ctx)
{
    (void)ctx;
    abort();
}

static void draw(void *ctx, void *out, size_t len)
{
    struct fuzz_talk *talk = ctx;
    uint8_t seed[randombytes_SEEDBYTES] = { 1 };
    st_put_u32(seed + 1, talk->draws++);
    randombytes_buf_deterministic(out, len, seed);
}

static void make_party(struct fuzz_talk *talk, struct fuzz_party *party, uint32_t dev_id)
{
    struct e2e_ident *ident = &party->self.ident;
    fuzz_require(e2e_identity_sign_pair(&talk->env, &party->ak) == ST_OK);
    fuzz_require(e2e_identity_sign_pair(&talk->env, &party->dsk) == ST_OK);
    fuzz_require(e2e_identity_pair(&talk->env, &party->dik) == ST_OK);
    fuzz_require(e2e_identity_pair(&talk->env, &party->spk) == ST_OK);
    fuzz_require(e2e_identity_pair(&talk->env, &party->opk) == ST_OK);
    st_devlist_acct_id(ident->acct_id, party->ak.pub);
    ident->dev_id = dev_id;
    memcpy(ident->ak, party->ak.pub, sizeof ident->ak);
    memcpy(ident->dsk, party->dsk.pub, sizeof ident->dsk);
    memcpy(ident->dik, party->dik.pub, sizeof ident->dik);
    party->self.dik_secret = party->dik.secret;
}

static void open_session(struct fuzz_talk *talk)
{
    const struct fuzz_party *b = &talk->b;
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
    bundle.opk_id = 1;
    memcpy(bundle.opk, b->opk.pub, sizeof bundle.opk);
    fuzz_require(st_prekey_sign(&bundle.spk, b->dsk.secret, list.acct_id, bundle.device.dev_id) == ST_OK);
    const struct e2e_start start = {
        .self = &talk->a.self, .bundle = &bundle, .list = &list, .ak = b->ak.pub, .now_s = NOW_S
    };
    fuzz_require(e2e_open_outgoing(&talk->a.set, &talk->env, &start) == ST_OK);
}

void fuzz_talk_init(struct fuzz_talk *talk)
{
    static const uint8_t birth[E2E_BIRTH_BYTES] = { 1 };
    fuzz_require(sodium_init() >= 0);
    memset(talk, 0, sizeof *talk);
    talk->env = (struct st_env) { talk, no_clock, no_clock, draw };
    make_party(talk, &talk->a, 1);
    make_party(talk, &talk->b, 2);
    e2e_set_init(&talk->a.set, talk->b.self.ident.acct_id, 2, birth);
    e2e_set_init(&talk->b.set, talk->a.self.ident.acct_id, 1, birth);
    st_buf_init(&talk->wire, E2E_ENVELOPE_MAX);
    open_session(talk);
    fuzz_talk_send(talk, &talk->a, st_view_text("the first"));
}

void fuzz_talk_send(struct fuzz_talk *talk, struct fuzz_party *from, struct st_view plain)
{
    struct e2e_sent sent;
    st_buf_clear(&talk->wire);
    fuzz_require(e2e_encrypt(&from->set, &talk->env, plain, NOW_S, &talk->wire, &sent) == ST_OK);
}

static enum st_err find_spk(void *ctx, uint32_t spk_id, struct e2e_pair *pair_r)
{
    const struct fuzz_party *party = ctx;
    *pair_r = party->spk;
    return spk_id == 1 ? ST_OK : ST_ENOTFOUND;
}

static enum st_err find_opk(void *ctx, uint32_t opk_id, struct e2e_pair *pair_r)
{
    const struct fuzz_party *party = ctx;
    *pair_r = party->opk;
    return opk_id == 1 ? ST_OK : ST_ENOTFOUND;
}

static enum st_err find_ek(void *ctx, const uint8_t ek_hash[static E2E_HASH_BYTES])
{
    (void)ctx;
    (void)ek_hash;
    return ST_ENOTFOUND;
}

/* A list that names whoever the block names, so that what lies behind that check is reached. */
static const struct e2e_ident *list_of(struct st_view wire, struct e2e_block *block)
{
    struct e2e_envelope envelope;
    if (e2e_envelope_parse(wire, &envelope) != ST_OK || !envelope.initial)
        return NULL;
    e2e_envelope_block_read(envelope.block, block);
    return &block->ident;
}

enum e2e_verdict fuzz_talk_receive(struct fuzz_talk *talk, struct fuzz_party *to, struct st_view wire)
{
    const struct fuzz_party *from = to == &talk->a ? &talk->b : &talk->a;
    const struct e2e_prekeys prekeys = { to, find_spk, find_opk, find_ek };
    struct e2e_budget budget = { 0, 0, 0 };
    struct e2e_block block;
    struct e2e_received received;
    struct st_buf plain;
    const struct e2e_incoming incoming = { .self = &to->self,
                                           .from_acct = from->self.ident.acct_id,
                                           .from_dev = from->self.ident.dev_id,
                                           .listed = list_of(wire, &block),
                                           .prekeys = &prekeys,
                                           .account_budget = &budget,
                                           .envelope = wire,
                                           .now_s = NOW_S };
    st_buf_init(&plain, E2E_PAD_MAX);
    fuzz_require(e2e_decrypt(&to->set, &incoming, &plain, &received) == ST_OK);
    fuzz_require(received.verdict == E2E_READ || plain.len == 0);
    st_buf_free(&plain);
    return received.verdict;
}

void fuzz_talk_save(const struct e2e_set *set, struct st_buf *out)
{
    st_buf_clear(out);
    fuzz_require(e2e_set_save(set, out) == ST_OK);
}

void fuzz_talk_load(struct e2e_set *set, struct st_view bytes)
{
    fuzz_require(e2e_set_load(set, bytes) == ST_OK);
}
