/* SafeTalk/1 conversations, byte for byte, through the interface that the client core uses. After every call the
 * sessions are saved and loaded again; after every refusal their saved bytes must be what they were. */
#include "tests/vectors_tool/runners.h"

#include <stdlib.h>

#include <sodium.h>

#include "client/e2e/e2e.h"
#include "client/e2e/e2e_envelope.h"
#include "tests/vectors_tool/vector.h"

enum { NOW_S = 1790000000, SENDS_MAX = 4096, DRAWS_MAX = 8 };

/* What the environment's random source gives out, in order. */
struct draws {
    struct vector_run *run;
    uint8_t bytes[DRAWS_MAX][E2E_KEY_BYTES];
    size_t count;
    size_t next;
};

static void draw(void *ctx, void *out, size_t len)
{
    struct draws *draws = ctx;
    bool there = len == E2E_KEY_BYTES && draws->next < draws->count;
    vector_expect(draws->run, there, "a random string more than the vector has");
    memset(out, 1, len);
    if (there)
        memcpy(out, draws->bytes[draws->next++], len);
}

static int64_t no_clock(void *ctx)
{
    struct draws *draws = ctx;
    vector_expect(draws->run, false, "a clock was read");
    return 0;
}

/* One side. */
struct party {
    struct e2e_self self;
    struct e2e_sign_pair ak;
    struct e2e_sign_pair dsk;
    struct e2e_pair dik;
    struct e2e_set set;
    /* The responder's prekeys, and the EKs it remembers. */
    uint32_t spk_id;
    struct e2e_pair spk;
    uint32_t opk_id; /* 0: none, or used */
    struct e2e_pair opk;
    uint8_t ek_hash[E2E_HASH_BYTES];
    bool ek_kept;
};

struct talk {
    struct vector_run *run;
    struct party a;
    struct party b;
    struct draws draws;
    struct st_view wires[SENDS_MAX];
    size_t wire_count;
};

static enum st_err find_spk(void *ctx, uint32_t spk_id, struct e2e_pair *pair_r)
{
    const struct party *party = ctx;
    *pair_r = party->spk;
    return spk_id == party->spk_id ? ST_OK : ST_ENOTFOUND;
}

static enum st_err find_opk(void *ctx, uint32_t opk_id, struct e2e_pair *pair_r)
{
    const struct party *party = ctx;
    *pair_r = party->opk;
    return party->opk_id != 0 && opk_id == party->opk_id ? ST_OK : ST_ENOTFOUND;
}

static enum st_err find_ek(void *ctx, const uint8_t ek_hash[static E2E_HASH_BYTES])
{
    const struct party *party = ctx;
    return party->ek_kept && memcmp(party->ek_hash, ek_hash, E2E_HASH_BYTES) == 0 ? ST_OK : ST_ENOTFOUND;
}

static void pair_of(struct vector_run *run, const cJSON *json, const char *key, struct e2e_pair *pair)
{
    uint8_t secret[E2E_KEY_BYTES];
    vector_hex_into(run, json, key, secret, sizeof secret);
    vector_expect_ok(run, e2e_identity_pair_of(secret, pair), key);
}

static void read_party(struct vector_run *run, const cJSON *json, struct party *party)
{
    uint8_t seed[ST_SIGN_SEED_BYTES];
    struct e2e_ident *ident = &party->self.ident;
    vector_hex_into(run, json, "ak", seed, sizeof seed);
    vector_expect_ok(run, e2e_identity_sign_pair_of(seed, &party->ak), "ak");
    vector_hex_into(run, json, "dsk", seed, sizeof seed);
    vector_expect_ok(run, e2e_identity_sign_pair_of(seed, &party->dsk), "dsk");
    pair_of(run, json, "dik", &party->dik);
    st_devlist_acct_id(ident->acct_id, party->ak.pub);
    ident->dev_id = (uint32_t)vector_number(run, json, "dev_id");
    memcpy(ident->ak, party->ak.pub, sizeof ident->ak);
    memcpy(ident->dsk, party->dsk.pub, sizeof ident->dsk);
    memcpy(ident->dik, party->dik.pub, sizeof ident->dik);
    party->self.dik_secret = party->dik.secret;
    if (vector_has(json, "ident")) {
        uint8_t bytes[E2E_IDENT_BYTES];
        e2e_identity_write(ident, bytes);
        vector_expect_bytes(run, st_view(bytes, sizeof bytes), vector_hex(run, json, "ident"), "ident");
    }
    if (!vector_has(json, "spk_id"))
        return;
    party->spk_id = (uint32_t)vector_number(run, json, "spk_id");
    party->opk_id = (uint32_t)vector_number(run, json, "opk_id");
    pair_of(run, json, "spk", &party->spk);
    if (party->opk_id != 0)
        pair_of(run, json, "opk", &party->opk);
}

/* The responder's published half: a device list of one device, and a bundle. */
static void publish(struct vector_run *run, const struct party *b, struct st_devlist *list, struct st_bundle *bundle)
{
    const struct e2e_ident *ident = &b->self.ident;
    memset(list, 0, sizeof *list);
    memset(bundle, 0, sizeof *bundle);
    memcpy(list->acct_id, ident->acct_id, sizeof list->acct_id);
    list->seq = 1;
    list->issued = NOW_S;
    list->expires = NOW_S + 86400;
    list->count = 1;
    list->devices[0].dev_id = ident->dev_id;
    memcpy(list->devices[0].dsk, ident->dsk, sizeof ident->dsk);
    memcpy(list->devices[0].dik, ident->dik, sizeof ident->dik);
    memcpy(bundle->acct_id, ident->acct_id, sizeof bundle->acct_id);
    memcpy(bundle->ak, ident->ak, sizeof bundle->ak);
    bundle->device = list->devices[0];
    bundle->spk.spk_id = b->spk_id;
    bundle->spk.created = NOW_S;
    memcpy(bundle->spk.pub, b->spk.pub, sizeof bundle->spk.pub);
    bundle->opk_id = b->opk_id;
    memcpy(bundle->opk, b->opk.pub, sizeof bundle->opk);
    vector_expect_ok(run, st_prekey_sign(&bundle->spk, b->dsk.secret, ident->acct_id, ident->dev_id), "sign prekey");
}

static struct st_env env_of(struct draws *draws)
{
    struct st_env env = { draws, no_clock, no_clock, draw };
    draws->next = 0;
    return env;
}

static void add_draw(struct draws *draws, const uint8_t *bytes)
{
    if (vector_expect(draws->run, draws->count < DRAWS_MAX, "too many random strings"))
        memcpy(draws->bytes[draws->count++], bytes, E2E_KEY_BYTES);
}

static void add_draw_hex(struct draws *draws, const char *hex)
{
    struct st_view bytes = vector_unhex(draws->run, hex);
    if (vector_expect(draws->run, bytes.len == E2E_KEY_BYTES, "a random string of another length"))
        add_draw(draws, bytes.p);
}

static void read_draws(struct draws *draws, const cJSON *list)
{
    const cJSON *item = NULL;
    draws->count = 0;
    cJSON_ArrayForEach(item, list) add_draw_hex(draws, item->valuestring);
}

static void start_talk(struct talk *talk, const cJSON *json)
{
    struct vector_run *run = talk->run;
    const cJSON *initiate = vector_get(run, json, "initiate");
    static const uint8_t birth[E2E_BIRTH_BYTES] = { 0 };
    struct st_devlist list;
    struct st_bundle bundle;
    read_party(run, vector_get(run, json, "A"), &talk->a);
    read_party(run, vector_get(run, json, "B"), &talk->b);
    e2e_set_init(&talk->a.set, talk->b.self.ident.acct_id, talk->b.self.ident.dev_id, birth);
    e2e_set_init(&talk->b.set, talk->a.self.ident.acct_id, talk->a.self.ident.dev_id, birth);
    publish(run, &talk->b, &list, &bundle);
    talk->draws = (struct draws) { .run = run };
    add_draw_hex(&talk->draws, vector_text(run, initiate, "ek"));
    add_draw_hex(&talk->draws, vector_text(run, initiate, "r"));
    add_draw_hex(&talk->draws, vector_text(run, initiate, "m"));
    struct st_env env = env_of(&talk->draws);
    struct e2e_start start = {
        .self = &talk->a.self, .bundle = &bundle, .list = &list, .ak = talk->b.ak.pub, .now_s = NOW_S
    };
    vector_expect_ok(run, e2e_open_outgoing(&talk->a.set, &env, &start), "open");
    vector_expect(run, talk->draws.next == 3, "EK, r, m are drawn");
    if (talk->a.set.count != 1 || !vector_has(initiate, "session_id"))
        return;
    const struct e2e_session *session = talk->a.set.sessions[0];
    vector_expect_bytes(run, st_view(session->sid, E2E_SID_BYTES), vector_hex(run, initiate, "session_id"), "sid");
    vector_expect_bytes(run, st_view(session->ratchet.th, E2E_HASH_BYTES), vector_hex(run, initiate, "transcript"),
                        "TH");
}

static void end_talk(struct talk *talk)
{
    e2e_set_deinit(&talk->a.set);
    e2e_set_deinit(&talk->b.set);
    free(talk);
}

/* The saved bytes of a set, which the run keeps. */
static struct st_view saved(struct vector_run *run, const struct e2e_set *set)
{
    struct st_buf buf;
    st_buf_init(&buf, E2E_SAVED_MAX);
    vector_expect_ok(run, e2e_set_save(set, &buf), "save");
    uint8_t *p = vector_alloc(run, buf.len);
    size_t len = buf.len;
    if (len > 0)
        memcpy(p, buf.p, len);
    st_buf_free(&buf);
    return st_view(p, len);
}

static void reload(struct vector_run *run, struct e2e_set *set)
{
    struct st_view bytes = saved(run, set);
    e2e_set_deinit(set);
    vector_expect_ok(run, e2e_set_load(set, bytes), "load what was saved");
    vector_expect_bytes(run, saved(run, set), bytes, "saved, loaded, saved");
}

/* Encrypts with the strings in talk->draws, and remembers the wire. */
static struct st_view send_plain(struct talk *talk, struct party *by, struct st_view plain)
{
    struct vector_run *run = talk->run;
    struct st_buf out;
    struct e2e_sent sent;
    struct st_env env = env_of(&talk->draws);
    st_buf_init(&out, E2E_ENVELOPE_MAX);
    vector_expect_ok(run, e2e_encrypt(&by->set, &env, plain, NOW_S, &out, &sent), "encrypt");
    vector_expect(run, talk->draws.next == talk->draws.count, "all random strings are drawn");
    uint8_t *p = vector_alloc(run, out.len);
    struct st_view wire = st_view(p, out.len);
    if (out.len > 0)
        memcpy(p, out.p, out.len);
    st_buf_free(&out);
    struct e2e_envelope envelope;
    if (vector_expect_ok(run, e2e_envelope_parse(wire, &envelope), "own envelope")) {
        bool told = memcmp(sent.sid, envelope.sid, E2E_SID_BYTES) == 0 && sent.n == envelope.n &&
                    memcmp(sent.r, envelope.r, E2E_KEY_BYTES) == 0 && sent.initial == envelope.initial;
        vector_expect(run, told, "e2e_sent is not what was sent");
    }
    return wire;
}

static void do_send(struct talk *talk, struct party *by, const cJSON *op)
{
    read_draws(&talk->draws, vector_get(talk->run, op, "rng"));
    struct st_view wire = send_plain(talk, by, vector_hex(talk->run, op, "plaintext"));
    reload(talk->run, &by->set);
    if (vector_has(op, "wire"))
        vector_expect_bytes(talk->run, wire, vector_hex(talk->run, op, "wire"), "wire");
    if (vector_expect(talk->run, talk->wire_count < SENDS_MAX, "too many sends"))
        talk->wires[talk->wire_count++] = wire;
}

/* e of message `index` = SHA-256(seed ‖ u32 index). */
static void draw_from_seed(struct draws *draws, struct st_view seed, uint32_t index)
{
    uint8_t number[4];
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    st_put_u32(number, index);
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, seed.p, seed.len);
    crypto_hash_sha256_update(&state, number, sizeof number);
    crypto_hash_sha256_final(&state, hash);
    add_draw(draws, hash);
}

static void do_burst(struct talk *talk, struct party *by, const cJSON *op)
{
    uint32_t count = (uint32_t)vector_number(talk->run, op, "count");
    struct st_view seed = vector_hex(talk->run, op, "seed");
    for (uint32_t i = 0; i < count; i++) {
        char text[16];
        read_draws(&talk->draws, i == 0 ? vector_get(talk->run, op, "rng") : NULL);
        draw_from_seed(&talk->draws, seed, i);
        snprintf(text, sizeof text, "%u", i);
        send_plain(talk, by, st_view_text(text));
    }
    reload(talk->run, &by->set);
}

/* A list that names whoever the block names, so that the checks behind the list are reached too. */
static const struct e2e_ident *list_of(struct st_view wire, struct e2e_block *block)
{
    struct e2e_envelope envelope;
    if (e2e_envelope_parse(wire, &envelope) != ST_OK || !envelope.initial)
        return NULL;
    e2e_envelope_block_read(envelope.block, block);
    return &block->ident;
}

static void take_effects(struct party *by, const struct e2e_received *received)
{
    if (!received->opened)
        return;
    by->opk_id = 0;
    by->ek_kept = true;
    memcpy(by->ek_hash, received->ek_hash, sizeof by->ek_hash);
}

/* The vectors leave the reason open; what a client does with the copy depends on it, so ours is fixed here. */
static bool is_verdict_for(const cJSON *op, enum e2e_verdict verdict)
{
    static const struct {
        const char *why;
        enum e2e_verdict verdict;
    } reasons[] = {
        { "replay", E2E_REPLAY },
        { "mac", E2E_WRONG_TAG },
        { "skip", E2E_BEYOND_SKIP },
        { "unknown prekey", E2E_UNKNOWN_PREKEY },
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (vector_text_is(op, "why", reasons[i].why))
            return verdict == reasons[i].verdict;
    return verdict == E2E_MALFORMED || (vector_text_is(op, "why", "session") && verdict == E2E_UNKNOWN_SESSION);
}

static void check_received(struct vector_run *run, const cJSON *op, const struct e2e_received *received,
                           const struct st_buf *plain)
{
    const char *result = vector_text(run, op, "result");
    enum e2e_verdict verdict = received->verdict;
    bool read = verdict == E2E_READ;
    bool unreadable = verdict == E2E_UNREADABLE;
    if (strcmp(result, "ok") == 0)
        vector_expect(run, read, "should be read");
    else if (strcmp(result, "unreadable") == 0)
        vector_expect(run, unreadable, "should be unreadable");
    else
        vector_expect(run, strcmp(result, "reject") == 0 && !read && !unreadable, "should be rejected");
    if (strcmp(result, "reject") == 0)
        vector_expect(run, is_verdict_for(op, verdict), vector_text(run, op, "why"));
    if (vector_has(op, "plaintext"))
        vector_expect_bytes(run, st_buf_view(plain), vector_hex(run, op, "plaintext"), "plaintext");
    if (vector_has(op, "mac_key"))
        vector_expect_bytes(run, st_view(received->mac_key, E2E_KEY_BYTES), vector_hex(run, op, "mac_key"), "mac_key");
}

static void receive_wire(struct talk *talk, struct party *by, struct st_view wire, const cJSON *op)
{
    struct vector_run *run = talk->run;
    const struct party *peer = by == &talk->a ? &talk->b : &talk->a;
    const struct e2e_prekeys prekeys = { by, find_spk, find_opk, find_ek };
    struct e2e_budget budget = { 0, 0, 0 };
    struct e2e_block block;
    struct e2e_received received;
    struct st_buf plain;
    const struct e2e_incoming incoming = {
        .self = &by->self,
        .from_acct = peer->self.ident.acct_id,
        .from_dev = peer->self.ident.dev_id,
        .listed = list_of(wire, &block),
        .prekeys = &prekeys,
        .account_budget = &budget,
        .envelope = wire,
        .now_s = NOW_S,
    };
    st_buf_init(&plain, E2E_PAD_MAX);
    struct st_view before = saved(run, &by->set);
    vector_expect_ok(run, e2e_decrypt(&by->set, &incoming, &plain, &received), "decrypt");
    check_received(run, op, &received, &plain);
    if (received.verdict != E2E_READ && received.verdict != E2E_UNREADABLE)
        vector_expect_bytes(run, saved(run, &by->set), before, "a refusal changed the state");
    take_effects(by, &received);
    reload(run, &by->set);
    st_buf_wipe_free(&plain);
}

static void do_recv(struct talk *talk, struct party *by, const cJSON *op)
{
    if (vector_has(op, "wire")) {
        receive_wire(talk, by, vector_hex(talk->run, op, "wire"), op);
        return;
    }
    uint64_t index = vector_number(talk->run, op, "wire_of");
    if (vector_expect(talk->run, index < talk->wire_count, "wire_of names no send"))
        receive_wire(talk, by, talk->wires[index], op);
}

static struct talk *new_talk(struct vector_run *run)
{
    struct talk *talk = calloc(1, sizeof *talk);
    if (talk == NULL)
        abort();
    talk->run = run;
    return talk;
}

void run_safetalk1_talks(struct vector_run *run, const cJSON *root)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, root)
    {
        vector_case(run, "%s", vector_text(run, item, vector_has(item, "seed") ? "seed" : "name"));
        struct talk *talk = new_talk(run);
        start_talk(talk, item);
        const cJSON *op = NULL;
        cJSON_ArrayForEach(op, vector_get(run, item, "ops"))
        {
            struct party *by = vector_text_is(op, "by", "A") ? &talk->a : &talk->b;
            if (vector_text_is(op, "op", "send"))
                do_send(talk, by, op);
            else if (vector_text_is(op, "op", "burst"))
                do_burst(talk, by, op);
            else if (vector_expect(run, vector_text_is(op, "op", "recv"), "unknown op"))
                do_recv(talk, by, op);
        }
        end_talk(talk);
    }
}

void run_safetalk1_skip_limit(struct vector_run *run, const cJSON *root)
{
    enum { COUNT = 1003 };
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, root)
    {
        vector_case(run, "skip limit");
        struct talk *talk = new_talk(run);
        start_talk(talk, item);
        struct st_view seed = vector_hex(run, item, "seed_e");
        for (uint32_t i = 0; i < COUNT; i++) {
            char text[16];
            talk->draws.count = 0;
            draw_from_seed(&talk->draws, seed, i);
            snprintf(text, sizeof text, "%u", i);
            talk->wires[talk->wire_count++] = send_plain(talk, &talk->a, st_view_text(text));
        }
        const cJSON *op = NULL;
        cJSON_ArrayForEach(op, vector_get(run, item, "deliver"))
        {
            uint64_t n = vector_number(run, op, "n");
            struct st_view wire = vector_hex(run, op, "wire");
            if (vector_expect(run, n < COUNT, "n"))
                vector_expect_bytes(run, talk->wires[n], wire, "wire");
            receive_wire(talk, &talk->b, wire, op);
        }
        end_talk(talk);
    }
}
