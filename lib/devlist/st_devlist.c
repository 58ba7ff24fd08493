#include "lib/devlist/st_devlist.h"

#include <sodium.h>

#include "lib/devlist/st_prekey.h"

void st_devlist_acct_id(uint8_t out[static ST_ACCT_BYTES], const uint8_t ak[static ST_SIGN_PUB_BYTES])
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    const struct st_view key = st_view(ak, ST_SIGN_PUB_BYTES);
    st_label_hash(hash, ST_LABEL_ACCOUNT_ID, &key, 1);
    memcpy(out, hash, ST_ACCT_BYTES);
}

static size_t body_len(const struct st_devlist *list)
{
    return ST_DEVLIST_HEAD_BYTES + (size_t)list->count * ST_DEVLIST_ENTRY_BYTES;
}

static void put_device(uint8_t *out, const struct st_device *device)
{
    st_put_u32(out, device->dev_id);
    memcpy(out + 4, device->dsk, 32);
    memcpy(out + 36, device->dik, 32);
    st_put_u64(out + 68, device->added);
}

static void get_device(const uint8_t *in, struct st_device *device)
{
    device->dev_id = st_get_u32(in);
    memcpy(device->dsk, in + 4, 32);
    memcpy(device->dik, in + 36, 32);
    device->added = st_get_u64(in + 68);
}

enum st_err st_devlist_body(const struct st_devlist *list, uint8_t out[static ST_DEVLIST_BODY_MAX], size_t *out_len)
{
    *out_len = 0;
    if (list->count < 1 || list->count > ST_DEVLIST_DEVICES_MAX)
        return ST_EMALFORMED;
    memcpy(out, list->acct_id, ST_ACCT_BYTES);
    st_put_u64(out + 16, list->seq);
    memcpy(out + 24, list->prev_hash, ST_DEVLIST_HASH_BYTES);
    st_put_u64(out + 56, list->issued);
    st_put_u64(out + 64, list->expires);
    out[72] = list->count;
    for (size_t i = 0; i < list->count; i++)
        put_device(out + ST_DEVLIST_HEAD_BYTES + i * ST_DEVLIST_ENTRY_BYTES, &list->devices[i]);
    *out_len = body_len(list);
    return ST_OK;
}

enum st_err st_devlist_write(const struct st_devlist *list, struct st_buf *out)
{
    uint8_t body[ST_DEVLIST_BODY_MAX];
    size_t len;
    enum st_err err = st_devlist_body(list, body, &len);
    if (err != ST_OK)
        return err;
    st_buf_append(out, body, len);
    st_buf_append(out, list->sig, ST_SIG_BYTES);
    st_buf_append(out, list->accept, (size_t)list->count * ST_SIG_BYTES);
    return st_buf_error(out);
}

static enum st_err parse(struct st_view wire, struct st_devlist *list)
{
    if (wire.len < ST_DEVLIST_WIRE_MIN || wire.len > ST_DEVLIST_WIRE_MAX)
        return ST_EMALFORMED;
    list->count = wire.p[72];
    if (list->count < 1 || list->count > ST_DEVLIST_DEVICES_MAX)
        return ST_EMALFORMED;
    if (wire.len != body_len(list) + (1 + (size_t)list->count) * ST_SIG_BYTES)
        return ST_EMALFORMED;
    memcpy(list->acct_id, wire.p, ST_ACCT_BYTES);
    list->seq = st_get_u64(wire.p + 16);
    memcpy(list->prev_hash, wire.p + 24, ST_DEVLIST_HASH_BYTES);
    list->issued = st_get_u64(wire.p + 56);
    list->expires = st_get_u64(wire.p + 64);
    for (size_t i = 0; i < list->count; i++) {
        get_device(wire.p + ST_DEVLIST_HEAD_BYTES + i * ST_DEVLIST_ENTRY_BYTES, &list->devices[i]);
        if (i > 0 && list->devices[i].dev_id <= list->devices[i - 1].dev_id)
            return ST_EMALFORMED;
    }
    const uint8_t *sigs = wire.p + body_len(list);
    memcpy(list->sig, sigs, ST_SIG_BYTES);
    memcpy(list->accept, sigs + ST_SIG_BYTES, (size_t)list->count * ST_SIG_BYTES);
    return ST_OK;
}

enum st_err st_devlist_parse(struct st_view wire, struct st_devlist *out_r)
{
    memset(out_r, 0, sizeof *out_r);
    enum st_err err = parse(wire, out_r);
    if (err != ST_OK)
        memset(out_r, 0, sizeof *out_r);
    return err;
}

enum st_err st_devlist_hash(const struct st_devlist *list, uint8_t out[static ST_DEVLIST_HASH_BYTES])
{
    uint8_t body[ST_DEVLIST_BODY_MAX];
    size_t len;
    memset(out, 0, ST_DEVLIST_HASH_BYTES);
    enum st_err err = st_devlist_body(list, body, &len);
    if (err != ST_OK)
        return err;
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, body, len);
    crypto_hash_sha256_update(&state, list->sig, ST_SIG_BYTES);
    crypto_hash_sha256_final(&state, out);
    return ST_OK;
}

const struct st_device *st_devlist_find(const struct st_devlist *list, uint32_t dev_id)
{
    for (size_t i = 0; i < list->count && i < ST_DEVLIST_DEVICES_MAX; i++)
        if (list->devices[i].dev_id == dev_id)
            return &list->devices[i];
    return NULL;
}

enum st_err st_devlist_sign(struct st_devlist *list, const uint8_t ak_secret[static ST_SIGN_SECRET_BYTES])
{
    uint8_t body[ST_DEVLIST_BODY_MAX];
    size_t len;
    enum st_err err = st_devlist_body(list, body, &len);
    if (err != ST_OK)
        return err;
    const struct st_view part = st_view(body, len);
    return st_label_sign(list->sig, ak_secret, ST_LABEL_DEVICE_LIST, &part, 1);
}

enum st_err st_devlist_accept_sign(uint8_t sig[static ST_SIG_BYTES],
                                   const uint8_t dsk_secret[static ST_SIGN_SECRET_BYTES],
                                   const uint8_t ak[static ST_SIGN_PUB_BYTES], const struct st_device *device)
{
    uint8_t head[ST_ACCT_BYTES + 4];
    st_devlist_acct_id(head, ak);
    st_put_u32(head + ST_ACCT_BYTES, device->dev_id);
    const struct st_view parts[] = {
        st_view(head, sizeof head),
        st_view(ak, ST_SIGN_PUB_BYTES),
        st_view(device->dik, sizeof device->dik),
    };
    return st_label_sign(sig, dsk_secret, ST_LABEL_DEVICE_ACCEPT, parts, 3);
}

enum st_err st_devlist_accept_check(const uint8_t sig[static ST_SIG_BYTES], const uint8_t ak[static ST_SIGN_PUB_BYTES],
                                    const struct st_device *device)
{
    uint8_t head[ST_ACCT_BYTES + 4];
    st_devlist_acct_id(head, ak);
    st_put_u32(head + ST_ACCT_BYTES, device->dev_id);
    const struct st_view parts[] = {
        st_view(head, sizeof head),
        st_view(ak, ST_SIGN_PUB_BYTES),
        st_view(device->dik, sizeof device->dik),
    };
    return st_label_check(sig, device->dsk, ST_LABEL_DEVICE_ACCEPT, parts, 3);
}

/* seq and past fit each other: only the first list has none. */
static bool has_right_start(const struct st_devlist *list)
{
    if (list->seq < 1 || list->seq > ST_DEVLIST_SEQ_MAX)
        return false;
    return (list->seq == 1) == (sodium_is_zero(list->prev_hash, sizeof list->prev_hash) == 1);
}

static bool rises(const struct st_devlist *list)
{
    if (list->count < 1 || list->count > ST_DEVLIST_DEVICES_MAX)
        return false;
    for (size_t i = 1; i < list->count; i++)
        if (list->devices[i].dev_id <= list->devices[i - 1].dev_id)
            return false;
    return true;
}

enum st_err st_devlist_verify(const struct st_devlist *list, const uint8_t ak[static ST_SIGN_PUB_BYTES])
{
    uint8_t acct_id[ST_ACCT_BYTES];
    if (!rises(list) || !has_right_start(list))
        return ST_EMALFORMED;
    st_devlist_acct_id(acct_id, ak);
    if (memcmp(acct_id, list->acct_id, sizeof acct_id) != 0)
        return ST_EREFUSED;
    if (list->expires <= list->issued || list->expires - list->issued > ST_DEVLIST_LIFE_MAX_S)
        return ST_EREFUSED;
    uint8_t body[ST_DEVLIST_BODY_MAX];
    size_t len;
    enum st_err err = st_devlist_body(list, body, &len);
    const struct st_view part = st_view(body, len);
    if (err == ST_OK)
        err = st_label_check(list->sig, ak, ST_LABEL_DEVICE_LIST, &part, 1);
    for (size_t i = 0; i < list->count && err == ST_OK; i++) {
        err = st_devlist_accept_check(list->accept[i], ak, &list->devices[i]);
        if (err == ST_OK && !st_prekey_usable(list->devices[i].dik))
            err = ST_EREFUSED;
    }
    return err;
}

static bool device_equal(const struct st_device *a, const struct st_device *b)
{
    return a->dev_id == b->dev_id && a->added == b->added && memcmp(a->dsk, b->dsk, sizeof a->dsk) == 0 &&
           memcmp(a->dik, b->dik, sizeof a->dik) == 0;
}

/* No device that both lists name changed a key or its time. */
static bool keeps_devices(const struct st_devlist *stored, const struct st_devlist *next)
{
    for (size_t i = 0; i < next->count; i++) {
        const struct st_device *old = st_devlist_find(stored, next->devices[i].dev_id);
        if (old != NULL && !device_equal(old, &next->devices[i]))
            return false;
    }
    return true;
}

static bool issued_ahead(const struct st_devlist *list, uint64_t now_s)
{
    return list->issued > now_s && list->issued - now_s > ST_DEVLIST_AHEAD_MAX_S;
}

/* The same body and signature, told by their hash. The acceptances need not be the same bytes. */
static bool same_list(const struct st_devlist *a, const struct st_devlist *b)
{
    uint8_t hash_a[ST_DEVLIST_HASH_BYTES];
    uint8_t hash_b[ST_DEVLIST_HASH_BYTES];
    return st_devlist_hash(a, hash_a) == ST_OK && st_devlist_hash(b, hash_b) == ST_OK &&
           memcmp(hash_a, hash_b, sizeof hash_a) == 0;
}

static bool follows(const struct st_devlist *stored, const struct st_devlist *next)
{
    uint8_t hash[ST_DEVLIST_HASH_BYTES];
    return next->seq == stored->seq + 1 && st_devlist_hash(stored, hash) == ST_OK &&
           memcmp(next->prev_hash, hash, sizeof hash) == 0;
}

enum st_err st_devlist_continues(const struct st_devlist *stored, const struct st_devlist *next,
                                 const uint8_t ak[static ST_SIGN_PUB_BYTES], uint64_t now_s, bool newest)
{
    enum st_err err = st_devlist_verify(next, ak);
    if (err != ST_OK)
        return err;
    if (stored != NULL && next->seq == stored->seq && same_list(stored, next))
        return ST_EEXISTS;
    if (stored == NULL ? next->seq != 1 : !follows(stored, next))
        return ST_ECONFLICT;
    if (issued_ahead(next, now_s) || (newest && now_s > next->expires))
        return ST_EREFUSED;
    return stored == NULL || keeps_devices(stored, next) ? ST_OK : ST_EREFUSED;
}

/* Every device is as it was when first seen, and none comes back that the stored list no longer has. */
static bool fits_seen(const struct st_devlist_offer *offer, const struct st_devlist *list)
{
    if (offer->stored != NULL && !keeps_devices(offer->stored, list))
        return false;
    for (size_t i = 0; i < offer->seen_count; i++) {
        const struct st_device *now = st_devlist_find(list, offer->seen[i].dev_id);
        if (now == NULL)
            continue;
        if (offer->stored != NULL && st_devlist_find(offer->stored, now->dev_id) == NULL)
            return false;
        if (!device_equal(now, &offer->seen[i]))
            return false;
    }
    return true;
}

static enum st_devlist_verdict judge(const struct st_devlist_offer *offer, struct st_devlist *list)
{
    const struct st_devlist *stored = offer->stored;
    if (st_devlist_parse(offer->wire, list) != ST_OK || st_devlist_verify(list, offer->ak) != ST_OK)
        return ST_DEVLIST_REJECT;
    if (memcmp(list->acct_id, offer->acct_id, ST_ACCT_BYTES) != 0 || issued_ahead(list, offer->now_s))
        return ST_DEVLIST_REJECT;
    if ((stored != NULL && list->seq < stored->seq) || !fits_seen(offer, list))
        return ST_DEVLIST_REJECT;
    bool same = stored != NULL && list->seq == stored->seq && same_list(stored, list);
    if (stored != NULL && !same) {
        if (list->seq > stored->seq + 1)
            return ST_DEVLIST_GAP;
        if (!follows(stored, list))
            return ST_DEVLIST_CHANGED;
    }
    if (!offer->between && offer->now_s > list->expires)
        return ST_DEVLIST_STALE;
    return ST_DEVLIST_OK;
}

enum st_devlist_verdict st_devlist_judge(const struct st_devlist_offer *offer, struct st_devlist *list_r)
{
    enum st_devlist_verdict verdict = judge(offer, list_r);
    if (verdict == ST_DEVLIST_REJECT)
        memset(list_r, 0, sizeof *list_r);
    return verdict;
}
