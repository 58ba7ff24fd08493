#include "client/store/slots.h"

#include <argon2.h>
#include <sodium.h>

#include "client/store/folder.h"
#include "lib/st_file.h"
#include "lib/st_hkdf.h"
#include "lib/st_wipe.h"

enum {
    VERSION = 1,
    /* offsets in the file */
    AT_SALT = 1,
    AT_M = 17,
    AT_T = 21,
    AT_P = 25,
    AT_WRITES = 29,
    AT_WRAPPED = 37,
    AT_TAG = 69,
    AT_DIGEST = 101,
    OKM_BYTES = 88
};
_Static_assert(AT_DIGEST + crypto_hash_sha256_BYTES == SLOTS_FILE_BYTES, "the layout in the header");
_Static_assert(OKM_BYTES == crypto_stream_xchacha20_KEYBYTES + 32 + crypto_stream_xchacha20_NONCEBYTES, "A.4's split");

/* What Argon2id gives, and the slices of it. */
struct okm {
    uint8_t enc_key[32];
    uint8_t mac_key[32];
    uint8_t nonce[24];
};
_Static_assert(sizeof(struct okm) == OKM_BYTES, "no padding");

struct slots_cost slots_cost_default(void)
{
    struct slots_cost cost = { 64 * 1024, 3, 4 };
    return cost;
}

static bool cost_is_allowed(const struct slots_cost *cost)
{
    return cost->m_kib >= SLOTS_M_KIB_MIN && cost->m_kib <= SLOTS_M_KIB_MAX && cost->t >= 1 && cost->t <= SLOTS_T_MAX &&
           cost->p >= 1 && cost->p <= SLOTS_P_MAX;
}

static void digest_of(uint8_t out[static crypto_hash_sha256_BYTES], const uint8_t *file)
{
    static const uint8_t label[] = "\x10SafeTalk/1 slots"; /* L(…): its length first */
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, label, sizeof label - 1);
    crypto_hash_sha256_update(&state, file, AT_DIGEST);
    crypto_hash_sha256_final(&state, out);
}

/* The fixed fields before the tag, as the tag covers them. */
static void put_fields(uint8_t out[static AT_TAG], const struct slots *slots)
{
    out[0] = VERSION;
    memcpy(out + AT_SALT, slots->salt, SLOTS_SALT_BYTES);
    st_put_u32(out + AT_M, slots->cost.m_kib);
    st_put_u32(out + AT_T, slots->cost.t);
    st_put_u32(out + AT_P, slots->cost.p);
    st_put_u64(out + AT_WRITES, slots->writes);
    memcpy(out + AT_WRAPPED, slots->wrapped, SLOTS_KEY_BYTES);
}

enum st_err slots_parse(struct slots *out, struct st_view file)
{
    memset(out, 0, sizeof *out);
    if (file.len != SLOTS_FILE_BYTES || file.p[0] != VERSION)
        return ST_EFOREIGN;
    uint8_t digest[crypto_hash_sha256_BYTES];
    digest_of(digest, file.p);
    if (sodium_memcmp(digest, file.p + AT_DIGEST, sizeof digest) != 0)
        return ST_EINTEGRITY;
    struct slots_cost cost = { st_get_u32(file.p + AT_M), st_get_u32(file.p + AT_T), st_get_u32(file.p + AT_P) };
    if (!cost_is_allowed(&cost))
        return ST_EFOREIGN;
    out->cost = cost;
    memcpy(out->salt, file.p + AT_SALT, SLOTS_SALT_BYTES);
    out->writes = st_get_u64(file.p + AT_WRITES);
    memcpy(out->wrapped, file.p + AT_WRAPPED, SLOTS_KEY_BYTES);
    memcpy(out->tag, file.p + AT_TAG, sizeof out->tag);
    return ST_OK;
}

static enum st_err derive(struct okm *okm, const struct slots *slots, struct st_view password)
{
    if (password.len > SLOTS_PASSWORD_MAX || !cost_is_allowed(&slots->cost))
        return ST_ELIMIT;
    int rc = argon2id_hash_raw(slots->cost.t, slots->cost.m_kib, slots->cost.p, password.p, password.len, slots->salt,
                               SLOTS_SALT_BYTES, okm, OKM_BYTES);
    /* The parameters were checked above: what is left is memory, and threads, which are memory too. */
    return rc == ARGON2_OK ? ST_OK : ST_ENOMEM;
}

static void make_tag(uint8_t tag[static ST_SHA256_BYTES], const struct okm *okm, const struct slots *slots)
{
    uint8_t fields[AT_TAG];
    put_fields(fields, slots);
    struct st_view part = st_view(fields, sizeof fields);
    st_hmac_sha256(tag, st_view(okm->mac_key, sizeof okm->mac_key), &part, 1);
}

enum st_err slots_wrap(uint8_t out[static SLOTS_FILE_BYTES], const uint8_t key[static SLOTS_KEY_BYTES],
                       struct st_view password, const struct slots_cost *cost, uint64_t writes,
                       const struct st_env *env)
{
    memset(out, 0, SLOTS_FILE_BYTES);
    struct slots slots = { .cost = *cost, .writes = writes };
    st_env_random(env, slots.salt, sizeof slots.salt);
    struct okm okm;
    enum st_err err = derive(&okm, &slots, password);
    if (err != ST_OK)
        goto done;
    if (crypto_stream_xchacha20_xor(slots.wrapped, key, SLOTS_KEY_BYTES, okm.nonce, okm.enc_key) != 0) {
        err = ST_EIO;
        goto done;
    }
    make_tag(slots.tag, &okm, &slots);
    put_fields(out, &slots);
    memcpy(out + AT_TAG, slots.tag, sizeof slots.tag);
    digest_of(out + AT_DIGEST, out);
done:
    ST_WIPE(okm);
    return err;
}

enum st_err slots_unwrap(uint8_t **key_r, const struct slots *slots, struct st_view password)
{
    *key_r = NULL;
    struct okm okm;
    uint8_t tag[ST_SHA256_BYTES];
    uint8_t *key = NULL;
    enum st_err err = derive(&okm, slots, password);
    if (err != ST_OK)
        goto done;
    make_tag(tag, &okm, slots);
    if (sodium_memcmp(tag, slots->tag, sizeof tag) != 0) {
        err = ST_EREFUSED;
        goto done;
    }
    key = sodium_malloc(SLOTS_KEY_BYTES);
    if (key == NULL) {
        err = ST_ENOMEM;
        goto done;
    }
    if (crypto_stream_xchacha20_xor(key, slots->wrapped, SLOTS_KEY_BYTES, okm.nonce, okm.enc_key) != 0) {
        sodium_free(key);
        err = ST_EIO;
        goto done;
    }
    *key_r = key;
done:
    ST_WIPE(okm);
    return err;
}

enum st_err slots_read(struct slots *out, const char *path)
{
    memset(out, 0, sizeof *out);
    /* One byte more than it may have, so that a longer file shows. */
    uint8_t file[SLOTS_FILE_BYTES + 1];
    size_t len = 0;
    enum st_err err = folder_read_start(path, file, sizeof file, &len);
    return err != ST_OK ? err : slots_parse(out, st_view(file, len));
}

enum st_err slots_write(const char *path, const uint8_t file[static SLOTS_FILE_BYTES])
{
    return folder_error_of(st_file_write(path, st_view(file, SLOTS_FILE_BYTES), 0600));
}
