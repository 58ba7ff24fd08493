/* SafeTalk/1 without messages: account ids, device lists, acceptances, prekeys, bundles, safety numbers. */
#include "tests/vectors_tool/runners.h"

#include "client/e2e/e2e_identity.h"
#include "client/e2e/e2e_safety.h"
#include "lib/devlist/st_devlist.h"
#include "lib/devlist/st_prekey.h"
#include "tests/vectors_tool/vector.h"

/* An Ed25519 pair from the seed under `key`. */
static void sign_pair(struct vector_run *run, const cJSON *object, const char *key, struct e2e_sign_pair *pair)
{
    uint8_t seed[ST_SIGN_SEED_BYTES];
    vector_hex_into(run, object, key, seed, sizeof seed);
    vector_expect_ok(run, e2e_identity_sign_pair_of(seed, pair), key);
}

static void x25519_pair(struct vector_run *run, const cJSON *object, const char *key, struct e2e_pair *pair)
{
    uint8_t secret[E2E_KEY_BYTES];
    vector_hex_into(run, object, key, secret, sizeof secret);
    vector_expect_ok(run, e2e_identity_pair_of(secret, pair), key);
}

/* ---- identity ---- */

static void check_device(struct vector_run *run, const cJSON *json, const uint8_t *ak, struct st_devlist *list)
{
    struct st_device *device = &list->devices[list->count];
    uint8_t *sig = list->accept[list->count];
    struct e2e_sign_pair dsk;
    struct e2e_pair dik;
    sign_pair(run, json, "dsk_seed", &dsk);
    x25519_pair(run, json, "dik_priv", &dik);
    device->dev_id = (uint32_t)vector_number(run, json, "dev_id");
    memcpy(device->dsk, dsk.pub, sizeof device->dsk);
    memcpy(device->dik, dik.pub, sizeof device->dik);
    vector_expect_ok(run, st_devlist_accept_sign(sig, dsk.secret, ak, device), "accept");
    vector_expect_bytes(run, st_view(sig, ST_SIG_BYTES), vector_hex(run, json, "accept_sig"), "accept_sig");
    vector_expect_ok(run, st_devlist_accept_check(sig, ak, device), "accept check");
    list->count++;
}

static void check_list(struct vector_run *run, const cJSON *json, const struct e2e_sign_pair *ak,
                       struct st_devlist *list)
{
    uint8_t body[ST_DEVLIST_BODY_MAX];
    uint8_t hash[ST_DEVLIST_HASH_BYTES];
    size_t len = 0;
    list->seq = vector_number(run, json, "seq");
    vector_hex_into(run, json, "prev", list->prev_hash, sizeof list->prev_hash);
    list->issued = vector_number(run, json, "issued");
    list->expires = vector_number(run, json, "expires");
    for (size_t i = 0; i < list->count; i++)
        list->devices[i].added = vector_number(run, json, "added_at");
    vector_expect_ok(run, st_devlist_body(list, body, &len), "body");
    vector_expect_bytes(run, st_view(body, len), vector_hex(run, json, "body"), "body");
    vector_expect_ok(run, st_devlist_sign(list, ak->secret), "sign");
    vector_expect_bytes(run, st_view(list->sig, ST_SIG_BYTES), vector_hex(run, json, "sig"), "sig");
    vector_expect_ok(run, st_devlist_hash(list, hash), "hash");
    vector_expect_bytes(run, st_view(hash, sizeof hash), vector_hex(run, json, "next_prev"), "next_prev");
}

static void check_spk(struct vector_run *run, const cJSON *root, const struct st_devlist *list)
{
    const cJSON *json = vector_get(run, root, "spk");
    const cJSON *devices = vector_get(run, root, "devices");
    const cJSON *device = NULL;
    struct st_spk spk = { .spk_id = (uint32_t)vector_number(run, json, "spk_id"),
                          .created = vector_number(run, json, "created") };
    uint32_t dev_id = (uint32_t)vector_number(run, json, "dev_id");
    vector_hex_into(run, json, "pub", spk.pub, sizeof spk.pub);
    cJSON_ArrayForEach(device, devices)
    {
        if ((uint32_t)vector_number(run, device, "dev_id") != dev_id)
            continue;
        struct e2e_sign_pair dsk;
        sign_pair(run, device, "dsk_seed", &dsk);
        vector_expect_ok(run, st_prekey_sign(&spk, dsk.secret, list->acct_id, dev_id), "sign prekey");
        vector_expect_ok(run, st_prekey_check(&spk, dsk.pub, list->acct_id, dev_id), "check prekey");
    }
    vector_expect_bytes(run, st_view(spk.sig, ST_SIG_BYTES), vector_hex(run, json, "sig"), "spk sig");
}

static void check_safety(struct vector_run *run, const cJSON *json)
{
    uint8_t ak_a[ST_SIGN_PUB_BYTES];
    uint8_t ak_b[ST_SIGN_PUB_BYTES];
    char half_a[E2E_SAFETY_HALF_DIGITS + 1];
    char half_b[E2E_SAFETY_HALF_DIGITS + 1];
    char number[E2E_SAFETY_DIGITS + 1];
    vector_hex_into(run, json, "ak_a", ak_a, sizeof ak_a);
    vector_hex_into(run, json, "ak_b", ak_b, sizeof ak_b);
    vector_expect_ok(run, e2e_safety_half(half_a, ak_a, vector_text(run, json, "user_a")), "half a");
    vector_expect_ok(run, e2e_safety_half(half_b, ak_b, vector_text(run, json, "user_b")), "half b");
    vector_expect(run, strcmp(half_a, vector_text(run, json, "fp_a")) == 0, "fp_a");
    vector_expect(run, strcmp(half_b, vector_text(run, json, "fp_b")) == 0, "fp_b");
    e2e_safety_number(number, half_a, half_b);
    vector_expect(run, strcmp(number, vector_text(run, json, "number")) == 0, "number");
    e2e_safety_number(number, half_b, half_a);
    vector_expect(run, strcmp(number, vector_text(run, json, "number")) == 0, "number seen from the other side");
}

void run_safetalk1_identity(struct vector_run *run, const cJSON *root)
{
    const cJSON *item = NULL;
    unsigned index = 0;
    cJSON_ArrayForEach(item, root)
    {
        vector_case(run, "account %u", index++);
        struct e2e_sign_pair ak;
        struct st_devlist list = { .count = 0 };
        sign_pair(run, item, "ak_seed", &ak);
        vector_expect_bytes(run, st_view(ak.pub, sizeof ak.pub), vector_hex(run, item, "ak"), "ak");
        st_devlist_acct_id(list.acct_id, ak.pub);
        vector_expect_bytes(run, st_view(list.acct_id, sizeof list.acct_id), vector_hex(run, item, "acct_id"),
                            "acct_id");
        const cJSON *device = NULL;
        cJSON_ArrayForEach(device, vector_get(run, item, "devices"))
        {
            if (list.count < ST_DEVLIST_DEVICES_MAX)
                check_device(run, device, ak.pub, &list);
        }
        check_list(run, vector_get(run, item, "list"), &ak, &list);
        check_spk(run, item, &list);
        check_safety(run, vector_get(run, item, "safety"));
    }
}

/* ---- lists and bundles ---- */

/* A list as it travels, from its parts; any length, since the lengths are what is tested. */
static struct st_view join_list(struct vector_run *run, const cJSON *json)
{
    struct st_view body = vector_hex(run, json, "body");
    struct st_view sig = vector_hex(run, json, "sig");
    const cJSON *accept = vector_get(run, json, "accept");
    size_t len = body.len + sig.len;
    uint8_t *p = vector_alloc(run, len + (size_t)cJSON_GetArraySize(accept) * ST_SIG_BYTES);
    memcpy(p, body.p, body.len);
    memcpy(p + body.len, sig.p, sig.len);
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, accept)
    {
        struct st_view one = vector_unhex(run, item->valuestring);
        if (!vector_expect(run, one.len == ST_SIG_BYTES, "acceptance of another length"))
            break;
        memcpy(p + len, one.p, one.len);
        len += one.len;
    }
    return st_view(p, len);
}

static enum st_devlist_verdict wanted(const cJSON *json)
{
    static const struct {
        const char *text;
        enum st_devlist_verdict verdict;
    } results[] = {
        { "ok", ST_DEVLIST_OK },
        { "stale", ST_DEVLIST_STALE },
        { "gap", ST_DEVLIST_GAP },
        { "changed", ST_DEVLIST_CHANGED },
    };
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        if (vector_text_is(json, "result", results[i].text))
            return results[i].verdict;
    return ST_DEVLIST_REJECT;
}

static bool parse_stored(struct vector_run *run, const cJSON *json, struct st_devlist *stored)
{
    const cJSON *item = vector_get(run, json, "stored");
    if (!cJSON_IsObject(item))
        return false;
    vector_expect_ok(run, st_devlist_parse(join_list(run, item), stored), "stored list");
    return true;
}

/* The vectors name the ids ever seen; their keys are those of the stored list, or unknown. */
static size_t read_seen(const cJSON *json, const struct st_devlist *stored, struct st_device *seen, size_t cap)
{
    size_t count = 0;
    const cJSON *id = NULL;
    cJSON_ArrayForEach(id, cJSON_GetObjectItemCaseSensitive(json, "seen_dev_ids"))
    {
        if (count == cap)
            break;
        const struct st_device *known = st_devlist_find(stored, (uint32_t)id->valuedouble);
        seen[count] = known != NULL ? *known : (struct st_device) { .dev_id = (uint32_t)id->valuedouble };
        count++;
    }
    return count;
}

static void check_offer(struct vector_run *run, const cJSON *json)
{
    uint8_t acct_id[ST_ACCT_BYTES];
    uint8_t ak[ST_SIGN_PUB_BYTES];
    struct st_devlist stored = { .count = 0 };
    struct st_devlist list;
    struct st_device seen[16];
    const cJSON *offered = vector_get(run, json, "offered");
    vector_hex_into(run, json, "acct_id", acct_id, sizeof acct_id);
    vector_hex_into(run, offered, "ak", ak, sizeof ak);
    struct st_devlist_offer offer = { .acct_id = acct_id, .ak = ak, .wire = join_list(run, offered), .seen = seen };
    offer.stored = parse_stored(run, json, &stored) ? &stored : NULL;
    offer.seen_count = read_seen(json, &stored, seen, sizeof seen / sizeof seen[0]);
    offer.now_s = vector_number(run, json, "now");
    enum st_devlist_verdict verdict = st_devlist_judge(&offer, &list);
    vector_expect(run, verdict == wanted(json), vector_text(run, json, "result"));
    if (verdict == ST_DEVLIST_REJECT)
        return;
    struct st_buf again;
    st_buf_init(&again, ST_DEVLIST_WIRE_MAX);
    vector_expect_ok(run, st_devlist_write(&list, &again), "write");
    vector_expect_bytes(run, st_buf_view(&again), offer.wire, "written again");
    st_buf_free(&again);
}

static void check_bundle(struct vector_run *run, const cJSON *json)
{
    struct st_devlist list;
    struct st_bundle bundle = { .opk_id = (uint32_t)vector_number(run, json, "opk_id") };
    uint8_t ident_bytes[E2E_IDENT_BYTES];
    struct e2e_ident ident;
    uint8_t ak[ST_SIGN_PUB_BYTES];
    const cJSON *list_json = vector_get(run, json, "list");
    vector_hex_into(run, list_json, "ak", ak, sizeof ak);
    vector_expect_ok(run, st_devlist_parse(join_list(run, list_json), &list), "list");
    vector_hex_into(run, json, "ident", ident_bytes, sizeof ident_bytes);
    e2e_identity_read(ident_bytes, &ident);
    memcpy(bundle.acct_id, ident.acct_id, sizeof bundle.acct_id);
    memcpy(bundle.ak, ident.ak, sizeof bundle.ak);
    bundle.device.dev_id = ident.dev_id;
    memcpy(bundle.device.dsk, ident.dsk, sizeof ident.dsk);
    memcpy(bundle.device.dik, ident.dik, sizeof ident.dik);
    bundle.spk.spk_id = (uint32_t)vector_number(run, json, "spk_id");
    bundle.spk.created = vector_number(run, json, "created");
    vector_hex_into(run, json, "spk", bundle.spk.pub, sizeof bundle.spk.pub);
    vector_hex_into(run, json, "sig", bundle.spk.sig, sizeof bundle.spk.sig);
    if (bundle.opk_id != 0)
        vector_hex_into(run, json, "opk", bundle.opk, sizeof bundle.opk);
    enum st_err err = st_prekey_bundle_check(&bundle, &list, ak, vector_number(run, json, "now"));
    vector_expect(run, (err == ST_OK) == vector_text_is(json, "result", "ok"), vector_text(run, json, "result"));
}

void run_safetalk1_lists(struct vector_run *run, const cJSON *root)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, vector_get(run, root, "lists"))
    {
        vector_case(run, "list: %s", vector_text(run, item, "name"));
        check_offer(run, item);
    }
    cJSON_ArrayForEach(item, vector_get(run, root, "bundles"))
    {
        vector_case(run, "bundle: %s", vector_text(run, item, "name"));
        check_bundle(run, item);
    }
}
