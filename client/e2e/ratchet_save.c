#include "client/e2e/ratchet.h"

#include <stdlib.h>

#include "lib/st_wipe.h"

/* Which parts of the state follow. */
enum {
    HAS_R = 1,        /* r is held */
    HAS_STEP_DUE = 2, /* a step is due */
    HAS_SENDING = 4,
    HAS_RECEIVING = 8,
    HAS_OWN_SPK = 16,  /* the newest own m is the signed prekey */
    HAS_PEER_SPK = 32, /* the open receiving chain answers to the signed prekey */
    HAS_SAME_OWN = 64, /* the open receiving chain answers to the newest own M: not written twice */
    HAS_ALL = 127
};

enum {
    OLD_SPK = 1,
    OLD_BYTES = 4 + 8 + 2 * E2E_KEY_BYTES + 1 + E2E_KEY_BYTES, /* without the secret */
    KEY_BYTES = 4 + 2 + E2E_KEY_BYTES
};

static void put_u8(struct st_buf *out, uint8_t v)
{
    st_buf_append(out, &v, 1);
}

static void put_u16(struct st_buf *out, uint32_t v)
{
    uint8_t bytes[2];
    st_put_u16(bytes, (uint16_t)v);
    st_buf_append(out, bytes, sizeof bytes);
}

static void put_u32(struct st_buf *out, uint32_t v)
{
    uint8_t bytes[4];
    st_put_u32(bytes, v);
    st_buf_append(out, bytes, sizeof bytes);
}

static void put_u64(struct st_buf *out, uint64_t v)
{
    uint8_t bytes[8];
    st_put_u64(bytes, v);
    st_buf_append(out, bytes, sizeof bytes);
}

static void put_key(struct st_buf *out, const uint8_t key[static E2E_KEY_BYTES])
{
    st_buf_append(out, key, E2E_KEY_BYTES);
}

static void put_own(struct st_buf *out, const struct ratchet_own *own)
{
    put_key(out, own->pub);
    if (!own->is_spk)
        put_key(out, own->secret);
}

static bool same_own(const struct ratchet *ratchet)
{
    return ratchet->own.is_spk == ratchet->peer.own.is_spk &&
           memcmp(ratchet->own.pub, ratchet->peer.own.pub, E2E_KEY_BYTES) == 0;
}

static uint8_t flags_of(const struct ratchet *ratchet)
{
    unsigned flags = 0;
    flags |= ratchet->r_held ? HAS_R : 0;
    flags |= ratchet->step_due ? HAS_STEP_DUE : 0;
    flags |= ratchet->sending ? HAS_SENDING : 0;
    flags |= ratchet->own.is_spk ? HAS_OWN_SPK : 0;
    if (ratchet->receiving) {
        flags |= HAS_RECEIVING;
        flags |= ratchet->peer.own.is_spk ? HAS_PEER_SPK : 0;
        flags |= same_own(ratchet) ? HAS_SAME_OWN : 0;
    }
    return (uint8_t)flags;
}

static void put_past(const struct ratchet *ratchet, struct st_buf *out)
{
    put_u8(out, (uint8_t)ratchet->gone_count);
    st_buf_append(out, ratchet->gone, ratchet->gone_count * sizeof ratchet->gone[0]);
    put_u8(out, (uint8_t)ratchet->old_count);
    for (size_t i = 0; i < ratchet->old_count; i++) {
        const struct ratchet_chain *old = &ratchet->old[i];
        put_u32(out, old->id);
        put_u64(out, old->closed_s);
        put_key(out, old->r);
        put_key(out, old->m);
        put_u8(out, old->own.is_spk ? OLD_SPK : 0);
        put_own(out, &old->own);
    }
    put_u16(out, (uint32_t)ratchet->key_count);
    for (size_t i = 0; i < ratchet->key_count; i++) {
        put_u32(out, ratchet->keys[i].chain);
        put_u16(out, ratchet->keys[i].n);
        put_key(out, ratchet->keys[i].p);
    }
}

enum st_err ratchet_save(const struct ratchet *ratchet, struct st_buf *out)
{
    uint8_t flags = flags_of(ratchet);
    put_u8(out, flags);
    put_key(out, ratchet->th);
    put_key(out, ratchet->rk);
    put_key(out, ratchet->r_pub);
    if (ratchet->r_held && !ratchet->own.is_spk)
        put_key(out, ratchet->r_secret);
    put_own(out, &ratchet->own);
    put_u16(out, ratchet->sent);
    put_u16(out, ratchet->sent_pn);
    if (ratchet->sending)
        put_key(out, ratchet->ck_send);
    put_key(out, ratchet->peer.r);
    put_key(out, ratchet->peer.m);
    put_u32(out, ratchet->next_chain);
    if (ratchet->receiving) {
        put_u32(out, ratchet->peer.id);
        put_u16(out, ratchet->received);
        put_key(out, ratchet->ck_recv);
        if ((flags & HAS_SAME_OWN) == 0)
            put_own(out, &ratchet->peer.own);
    }
    put_past(ratchet, out);
    return st_buf_error(out);
}

/* ---- reading: a sticky error, so that it runs straight through ---- */

struct reader {
    struct st_view in;
    bool failed;
};

/* The next `len` bytes, or NULL. */
static const uint8_t *take(struct reader *reader, size_t len)
{
    if (reader->failed || len > reader->in.len) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *p = reader->in.p;
    reader->in.p += len;
    reader->in.len -= len;
    return p;
}

static uint8_t get_u8(struct reader *reader)
{
    const uint8_t *p = take(reader, 1);
    return p != NULL ? p[0] : 0;
}

static uint32_t get_u16(struct reader *reader)
{
    const uint8_t *p = take(reader, 2);
    return p != NULL ? st_get_u16(p) : 0;
}

static uint32_t get_u32(struct reader *reader)
{
    const uint8_t *p = take(reader, 4);
    return p != NULL ? st_get_u32(p) : 0;
}

static uint64_t get_u64(struct reader *reader)
{
    const uint8_t *p = take(reader, 8);
    return p != NULL ? st_get_u64(p) : 0;
}

static void get_key(struct reader *reader, uint8_t key[static E2E_KEY_BYTES])
{
    const uint8_t *p = take(reader, E2E_KEY_BYTES);
    if (p != NULL)
        memcpy(key, p, E2E_KEY_BYTES);
}

static void get_own(struct reader *reader, struct ratchet_own *own, bool is_spk)
{
    own->is_spk = is_spk;
    get_key(reader, own->pub);
    if (!is_spk)
        get_key(reader, own->secret);
}

/* A number that is at most `max`. */
static uint32_t at_most(struct reader *reader, uint32_t value, uint32_t max)
{
    if (value > max)
        reader->failed = true;
    return reader->failed ? 0 : value;
}

static void get_peer(struct reader *reader, struct ratchet *ratchet, unsigned flags)
{
    ratchet->peer.id = get_u32(reader);
    if (ratchet->peer.id >= ratchet->next_chain)
        reader->failed = true;
    ratchet->received = at_most(reader, get_u16(reader), E2E_CHAIN_MAX);
    get_key(reader, ratchet->ck_recv);
    if ((flags & HAS_SAME_OWN) == 0)
        get_own(reader, &ratchet->peer.own, (flags & HAS_PEER_SPK) != 0);
    else
        ratchet->peer.own = ratchet->own;
}

static void get_head(struct reader *reader, struct ratchet *ratchet)
{
    unsigned flags = get_u8(reader);
    ratchet->r_held = (flags & HAS_R) != 0;
    ratchet->step_due = (flags & HAS_STEP_DUE) != 0;
    ratchet->sending = (flags & HAS_SENDING) != 0;
    ratchet->receiving = (flags & HAS_RECEIVING) != 0;
    if (flags > HAS_ALL || (ratchet->step_due && (!ratchet->receiving || ratchet->r_held)))
        reader->failed = true;
    get_key(reader, ratchet->th);
    get_key(reader, ratchet->rk);
    get_key(reader, ratchet->r_pub);
    if (ratchet->r_held && (flags & HAS_OWN_SPK) == 0)
        get_key(reader, ratchet->r_secret);
    get_own(reader, &ratchet->own, (flags & HAS_OWN_SPK) != 0);
    ratchet->sent = at_most(reader, get_u16(reader), E2E_CHAIN_MAX);
    ratchet->sent_pn = at_most(reader, get_u16(reader), E2E_CHAIN_MAX);
    if (ratchet->sending)
        get_key(reader, ratchet->ck_send);
    get_key(reader, ratchet->peer.r);
    get_key(reader, ratchet->peer.m);
    ratchet->next_chain = get_u32(reader);
    if (ratchet->receiving)
        get_peer(reader, ratchet, flags);
    /* One form only: what is read is what would be written. */
    if (flags_of(ratchet) != flags)
        reader->failed = true;
}

static enum st_err get_old(struct reader *reader, struct ratchet *ratchet)
{
    size_t count = at_most(reader, get_u8(reader), E2E_OLD_CHAINS_MAX);
    if (reader->failed || count == 0)
        return ST_OK;
    if (count * OLD_BYTES > reader->in.len) {
        reader->failed = true;
        return ST_OK;
    }
    ratchet->old = calloc(count, sizeof *ratchet->old);
    if (ratchet->old == NULL)
        return ST_ENOMEM;
    ratchet->old_cap = count;
    ratchet->old_count = count;
    for (size_t i = 0; i < count; i++) {
        struct ratchet_chain *old = &ratchet->old[i];
        old->id = get_u32(reader);
        old->closed_s = get_u64(reader);
        get_key(reader, old->r);
        get_key(reader, old->m);
        uint32_t is_spk = at_most(reader, get_u8(reader), OLD_SPK);
        get_own(reader, &old->own, is_spk == OLD_SPK);
        if (old->id >= ratchet->next_chain || (ratchet->receiving && old->id == ratchet->peer.id))
            reader->failed = true;
    }
    return ST_OK;
}

/* Does the key belong to a chain that is there? */
static bool is_owned(const struct ratchet *ratchet, const struct ratchet_key *key)
{
    if (ratchet->receiving && key->chain == ratchet->peer.id)
        return key->n < ratchet->received;
    for (size_t i = 0; i < ratchet->old_count; i++)
        if (ratchet->old[i].id == key->chain)
            return true;
    return false;
}

static enum st_err get_keys(struct reader *reader, struct ratchet *ratchet)
{
    size_t count = at_most(reader, get_u16(reader), E2E_KEYS_MAX);
    if (reader->failed || count == 0)
        return ST_OK;
    if (count * KEY_BYTES > reader->in.len) {
        reader->failed = true;
        return ST_OK;
    }
    ratchet->keys = calloc(count, sizeof *ratchet->keys);
    if (ratchet->keys == NULL)
        return ST_ENOMEM;
    ratchet->key_cap = count;
    ratchet->key_count = count;
    for (size_t i = 0; i < count; i++) {
        struct ratchet_key *key = &ratchet->keys[i];
        key->chain = get_u32(reader);
        key->n = at_most(reader, get_u16(reader), E2E_CHAIN_MAX - 1);
        get_key(reader, key->p);
        if (!is_owned(ratchet, key))
            reader->failed = true;
    }
    return ST_OK;
}

enum st_err ratchet_load(struct ratchet *ratchet, struct st_view *in)
{
    struct reader reader = { *in, false };
    memset(ratchet, 0, sizeof *ratchet);
    get_head(&reader, ratchet);
    ratchet->gone_count = at_most(&reader, get_u8(&reader), E2E_OLD_CHAINS_MAX);
    const uint8_t *gone = take(&reader, ratchet->gone_count * sizeof ratchet->gone[0]);
    if (gone != NULL)
        memcpy(ratchet->gone, gone, ratchet->gone_count * sizeof ratchet->gone[0]);
    enum st_err err = get_old(&reader, ratchet);
    if (err == ST_OK)
        err = get_keys(&reader, ratchet);
    if (err == ST_OK && reader.failed)
        err = ST_EFOREIGN;
    if (err != ST_OK)
        ratchet_deinit(ratchet);
    else
        *in = reader.in;
    return err;
}
