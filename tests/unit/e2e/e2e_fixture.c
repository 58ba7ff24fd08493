#include "tests/unit/e2e/e2e_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <sodium.h>

static int64_t no_clock(void *ctx)
{
    (void)ctx;
    fail_msg("a clock was read");
    return 0;
}

static void draw(void *ctx, void *out, size_t len)
{
    struct fixture *f = ctx;
    uint8_t seed[randombytes_SEEDBYTES] = { 0x5a };
    st_put_u32(seed + 1, f->draws);
    randombytes_buf_deterministic(out, len, seed);
    if (len == E2E_KEY_BYTES)
        memcpy(f->last_draws[f->draws % FIXTURE_DRAWS], out, len);
    f->draws++;
}

static void make_list(struct fixture_party *party)
{
    struct st_devlist *list = &party->list;
    const struct e2e_ident *ident = &party->self.ident;
    memcpy(list->acct_id, ident->acct_id, sizeof list->acct_id);
    list->seq = 1;
    list->issued = FIXTURE_NOW - 100;
    list->expires = FIXTURE_NOW + 20 * FIXTURE_DAY;
    list->count = 1;
    list->devices[0].dev_id = ident->dev_id;
    list->devices[0].added = FIXTURE_NOW - 100;
    memcpy(list->devices[0].dsk, ident->dsk, sizeof ident->dsk);
    memcpy(list->devices[0].dik, ident->dik, sizeof ident->dik);
    assert_int_equal(st_devlist_accept_sign(list->accept[0], party->dsk.secret, party->ak.pub, &list->devices[0]),
                     ST_OK);
    assert_int_equal(st_devlist_sign(list, party->ak.secret), ST_OK);
    assert_int_equal(st_devlist_verify(list, party->ak.pub), ST_OK);
}

static void make_party(struct fixture *f, struct fixture_party *party, uint32_t dev_id)
{
    struct e2e_ident *ident = &party->self.ident;
    assert_int_equal(e2e_identity_sign_pair(&f->env, &party->ak), ST_OK);
    assert_int_equal(e2e_identity_sign_pair(&f->env, &party->dsk), ST_OK);
    assert_int_equal(e2e_identity_pair(&f->env, &party->dik), ST_OK);
    st_devlist_acct_id(ident->acct_id, party->ak.pub);
    ident->dev_id = dev_id;
    memcpy(ident->ak, party->ak.pub, sizeof ident->ak);
    memcpy(ident->dsk, party->dsk.pub, sizeof ident->dsk);
    memcpy(ident->dik, party->dik.pub, sizeof ident->dik);
    party->self.dik_secret = party->dik.secret;
    e2e_set_birth(&f->env, FIXTURE_NOW, party->birth);
    fixture_add_spk(f, party, 1);
    for (uint32_t i = 0; i < FIXTURE_PREKEYS; i++) {
        party->opk[i].id = i + 1;
        assert_int_equal(e2e_identity_pair(&f->env, &party->opk[i].pair), ST_OK);
    }
    make_list(party);
}

int fixture_setup(void **state)
{
    assert_true(sodium_init() >= 0);
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->env = (struct st_env) { f, no_clock, no_clock, draw };
    f->now_s = FIXTURE_NOW;
    st_buf_init(&f->wire, E2E_ENVELOPE_MAX);
    st_buf_init(&f->plain, E2E_PAD_MAX);
    make_party(f, &f->a, 1);
    make_party(f, &f->b, 7);
    e2e_set_init(&f->a.set, f->b.self.ident.acct_id, 7, f->a.birth);
    e2e_set_init(&f->b.set, f->a.self.ident.acct_id, 1, f->b.birth);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    e2e_set_deinit(&f->a.set);
    e2e_set_deinit(&f->b.set);
    st_buf_free(&f->wire);
    st_buf_free(&f->plain);
    free(f);
    return 0;
}

struct fixture_party *fixture_peer(struct fixture *f, const struct fixture_party *party)
{
    return party == &f->a ? &f->b : &f->a;
}

void fixture_add_spk(struct fixture *f, struct fixture_party *party, uint32_t spk_id)
{
    for (size_t i = 0; i < FIXTURE_PREKEYS; i++) {
        if (party->spk[i].id != 0)
            continue;
        party->spk[i].id = spk_id;
        assert_int_equal(e2e_identity_pair(&f->env, &party->spk[i].pair), ST_OK);
        return;
    }
    fail_msg("no room for a signed prekey");
}

static const struct fixture_prekey *find(const struct fixture_prekey *list, uint32_t id)
{
    for (size_t i = 0; i < FIXTURE_PREKEYS; i++)
        if (id != 0 && list[i].id == id)
            return &list[i];
    return NULL;
}

static enum st_err give(const struct fixture_prekey *found, struct e2e_pair *pair_r)
{
    if (found == NULL)
        return ST_ENOTFOUND;
    *pair_r = found->pair;
    return ST_OK;
}

static enum st_err find_spk(void *ctx, uint32_t spk_id, struct e2e_pair *pair_r)
{
    struct fixture_party *party = ctx;
    party->spk_lookups++;
    return give(find(party->spk, spk_id), pair_r);
}

static enum st_err find_opk(void *ctx, uint32_t opk_id, struct e2e_pair *pair_r)
{
    struct fixture_party *party = ctx;
    party->opk_lookups++;
    return give(find(party->opk, opk_id), pair_r);
}

static enum st_err find_ek(void *ctx, const uint8_t ek_hash[static E2E_HASH_BYTES])
{
    const struct fixture_party *party = ctx;
    for (size_t i = 0; i < party->ek_count; i++)
        if (memcmp(party->eks[i], ek_hash, E2E_HASH_BYTES) == 0)
            return ST_OK;
    return ST_ENOTFOUND;
}

struct st_bundle fixture_bundle(const struct fixture_party *of, uint32_t spk_id, uint32_t opk_id)
{
    struct st_bundle bundle;
    const struct fixture_prekey *spk = find(of->spk, spk_id);
    memset(&bundle, 0, sizeof bundle);
    assert_non_null(spk);
    memcpy(bundle.acct_id, of->self.ident.acct_id, sizeof bundle.acct_id);
    memcpy(bundle.ak, of->ak.pub, sizeof bundle.ak);
    bundle.device = of->list.devices[0];
    bundle.spk.spk_id = spk_id;
    bundle.spk.created = FIXTURE_NOW - 50;
    memcpy(bundle.spk.pub, spk->pair.pub, sizeof bundle.spk.pub);
    assert_int_equal(st_prekey_sign(&bundle.spk, of->dsk.secret, of->self.ident.acct_id, of->self.ident.dev_id), ST_OK);
    bundle.opk_id = opk_id;
    const struct fixture_prekey *opk = find(of->opk, opk_id);
    if (opk_id != 0) {
        assert_non_null(opk);
        memcpy(bundle.opk, opk->pair.pub, sizeof bundle.opk);
    }
    return bundle;
}

enum st_err fixture_open(struct fixture *f, struct fixture_party *from, uint32_t opk_id, bool bypass_held)
{
    struct fixture_party *to = fixture_peer(f, from);
    struct st_bundle bundle = fixture_bundle(to, 1, opk_id);
    struct e2e_start start = { .self = &from->self,
                               .bundle = &bundle,
                               .list = &to->list,
                               .ak = to->ak.pub,
                               .bypass_held = bypass_held,
                               .now_s = f->now_s };
    return e2e_open_outgoing(&from->set, &f->env, &start);
}

void fixture_send(struct fixture *f, struct fixture_party *from, const char *text)
{
    st_buf_clear(&f->wire);
    enum st_err err = e2e_encrypt(&from->set, &f->env, st_view_text(text), f->now_s, &f->wire, &f->sent);
    assert_int_equal(err, ST_OK);
}

static void take_effects(struct fixture_party *to, const struct e2e_received *received)
{
    if (!received->opened)
        return;
    for (size_t i = 0; i < FIXTURE_PREKEYS; i++)
        if (received->opk_used != 0 && to->opk[i].id == received->opk_used)
            to->opk[i].id = 0;
    assert_true(to->ek_count < FIXTURE_EKS);
    memcpy(to->eks[to->ek_count++], received->ek_hash, E2E_HASH_BYTES);
}

enum e2e_verdict fixture_receive(struct fixture *f, struct fixture_party *to, struct st_view wire)
{
    const struct fixture_party *from = fixture_peer(f, to);
    const struct e2e_prekeys prekeys = { to, find_spk, find_opk, find_ek };
    const struct e2e_incoming incoming = {
        .self = &to->self,
        .from_acct = from->self.ident.acct_id,
        .from_dev = from->self.ident.dev_id,
        .listed = &from->self.ident,
        .prekeys = &prekeys,
        .account_budget = &to->budget,
        .envelope = wire,
        .now_s = f->now_s,
    };
    assert_int_equal(e2e_decrypt(&to->set, &incoming, &f->plain, &f->received), ST_OK);
    take_effects(to, &f->received);
    return f->received.verdict;
}

void fixture_pass(struct fixture *f, struct fixture_party *from, const char *text)
{
    fixture_send(f, from, text);
    assert_int_equal(fixture_receive(f, fixture_peer(f, from), st_buf_view(&f->wire)), E2E_READ);
    assert_true(st_view_equal(st_buf_view(&f->plain), st_view_text(text)));
}

void fixture_pass_known(struct fixture *f, struct fixture_party *from, const char *text)
{
    struct fixture_party *to = fixture_peer(f, from);
    struct e2e_known known;
    const struct e2e_session *session = e2e_set_choose(&from->set, f->now_s);
    assert_non_null(session);
    e2e_set_known(&from->set, session, &known);
    fixture_pass(f, from, text);
    e2e_set_apply_known(&to->set, f->received.sid, &known, f->now_s);
}

void fixture_talk(struct fixture *f)
{
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_pass(f, &f->a, "first");
    fixture_pass(f, &f->b, "answer");
}

void fixture_save(const struct e2e_set *set, struct st_buf *out)
{
    st_buf_init(out, E2E_SAVED_MAX);
    assert_int_equal(e2e_set_save(set, out), ST_OK);
}

void fixture_refuse(struct fixture *f, struct fixture_party *to, struct st_view wire, enum e2e_verdict verdict)
{
    static const struct e2e_received nothing;
    struct st_buf before;
    struct st_buf after;
    fixture_save(&to->set, &before);
    assert_int_equal(fixture_receive(f, to, wire), verdict);
    fixture_save(&to->set, &after);
    assert_true(st_view_equal(st_buf_view(&before), st_buf_view(&after)));
    assert_int_equal(f->plain.len, 0);
    assert_memory_equal(f->received.mac_key, nothing.mac_key, E2E_KEY_BYTES);
    assert_false(f->received.opened);
    st_buf_free(&before);
    st_buf_free(&after);
}

bool fixture_contains(const void *memory, size_t len, const uint8_t bytes[static E2E_KEY_BYTES])
{
    const uint8_t *p = memory;
    for (size_t i = 0; i + E2E_KEY_BYTES <= len; i++)
        if (memcmp(p + i, bytes, E2E_KEY_BYTES) == 0)
            return true;
    return false;
}

void fixture_clone(const struct e2e_set *set, struct e2e_set *copy)
{
    struct st_buf bytes;
    fixture_save(set, &bytes);
    assert_int_equal(e2e_set_load(copy, st_buf_view(&bytes)), ST_OK);
    st_buf_free(&bytes);
}

static cJSON *read_json(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    char *text = malloc((size_t)size);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    cJSON *root = cJSON_ParseWithLength(text, (size_t)size);
    free(text);
    assert_non_null(root);
    return root;
}

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

size_t fixture_zero_points(uint8_t points[][E2E_KEY_BYTES], size_t cap)
{
    cJSON *root = read_json("tests/vectors/wycheproof_x25519_test.json");
    size_t count = 0;
    const cJSON *group = NULL;
    cJSON_ArrayForEach(group, cJSON_GetObjectItemCaseSensitive(root, "testGroups"))
    {
        const cJSON *test = NULL;
        cJSON_ArrayForEach(test, cJSON_GetObjectItemCaseSensitive(group, "tests"))
        {
            const char *shared = text_of(test, "shared");
            const char *pub = text_of(test, "public");
            if (strspn(shared, "0") != strlen(shared))
                continue;
            assert_true(count + 2 <= cap);
            assert_int_equal(sodium_hex2bin(points[count], E2E_KEY_BYTES, pub, strlen(pub), NULL, NULL, NULL), 0);
            memcpy(points[count + 1], points[count], E2E_KEY_BYTES);
            points[count + 1][E2E_KEY_BYTES - 1] ^= 0x80;
            count += 2;
        }
    }
    cJSON_Delete(root);
    return count;
}
