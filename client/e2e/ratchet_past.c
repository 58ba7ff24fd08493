#include "client/e2e/ratchet_past.h"

#include <stdlib.h>

#include "lib/st_wipe.h"

size_t ratchet_past_find(const struct ratchet *ratchet, uint32_t chain, uint32_t n)
{
    for (size_t i = 0; i < ratchet->key_count; i++)
        if (ratchet->keys[i].n == n && ratchet->keys[i].chain == chain)
            return i;
    return RATCHET_NO_KEY;
}

const struct ratchet_chain *ratchet_past_chain(const struct ratchet *ratchet, const uint8_t r[static E2E_KEY_BYTES])
{
    for (size_t i = 0; i < ratchet->old_count; i++)
        if (memcmp(ratchet->old[i].r, r, E2E_KEY_BYTES) == 0)
            return &ratchet->old[i];
    return NULL;
}

bool ratchet_past_is_gone(const struct ratchet *ratchet, const uint8_t r[static E2E_KEY_BYTES])
{
    for (size_t i = 0; i < ratchet->gone_count; i++)
        if (memcmp(ratchet->gone[i], r, RATCHET_GONE_BYTES) == 0)
            return true;
    return false;
}

/* A larger copy of an array of secrets; the old one is wiped. NULL without memory, and nothing changed. */
static void *grow(void *old, size_t used_bytes, size_t new_bytes)
{
    void *p = malloc(new_bytes);
    if (p == NULL)
        return NULL;
    if (used_bytes > 0)
        memcpy(p, old, used_bytes);
    if (old != NULL)
        st_wipe(old, used_bytes);
    free(old);
    return p;
}

enum st_err ratchet_past_reserve(struct ratchet *ratchet, size_t count)
{
    size_t need = ratchet->key_count + count;
    if (need > E2E_KEYS_MAX)
        need = E2E_KEYS_MAX;
    if (need > ratchet->key_cap) {
        size_t cap = need + need / 2 < E2E_KEYS_MAX ? need + need / 2 : E2E_KEYS_MAX;
        void *p = grow(ratchet->keys, ratchet->key_count * sizeof *ratchet->keys, cap * sizeof *ratchet->keys);
        if (p == NULL)
            return ST_ENOMEM;
        ratchet->keys = p;
        ratchet->key_cap = cap;
    }
    if (ratchet->old_count == ratchet->old_cap && ratchet->old_cap < E2E_OLD_CHAINS_MAX) {
        size_t cap = ratchet->old_cap == 0 ? 4 : ratchet->old_cap * 2;
        if (cap > E2E_OLD_CHAINS_MAX)
            cap = E2E_OLD_CHAINS_MAX;
        void *p = grow(ratchet->old, ratchet->old_count * sizeof *ratchet->old, cap * sizeof *ratchet->old);
        if (p == NULL)
            return ST_ENOMEM;
        ratchet->old = p;
        ratchet->old_cap = cap;
    }
    return ST_OK;
}

static bool has_keys(const struct ratchet *ratchet, uint32_t chain)
{
    for (size_t i = 0; i < ratchet->key_count; i++)
        if (ratchet->keys[i].chain == chain)
            return true;
    return false;
}

/* Removes the keys from `index` on, `count` of them. */
static void cut_keys(struct ratchet *ratchet, size_t index, size_t count)
{
    struct ratchet_key *keys = ratchet->keys;
    size_t behind = ratchet->key_count - index - count;
    memmove(keys + index, keys + index + count, behind * sizeof *keys);
    ratchet->key_count -= count;
    st_wipe(keys + ratchet->key_count, count * sizeof *keys);
}

static void remember(struct ratchet *ratchet, const uint8_t *r)
{
    if (ratchet->gone_count == E2E_OLD_CHAINS_MAX) {
        memmove(ratchet->gone[0], ratchet->gone[1], (E2E_OLD_CHAINS_MAX - 1) * sizeof ratchet->gone[0]);
        ratchet->gone_count--;
    }
    memcpy(ratchet->gone[ratchet->gone_count++], r, RATCHET_GONE_BYTES);
}

/* A closed chain goes, with its own m and its keys. */
static void drop_chain(struct ratchet *ratchet, size_t index)
{
    struct ratchet_chain *old = ratchet->old;
    for (size_t i = ratchet->key_count; i-- > 0;)
        if (ratchet->keys[i].chain == old[index].id)
            cut_keys(ratchet, i, 1);
    remember(ratchet, old[index].r);
    memmove(old + index, old + index + 1, (ratchet->old_count - index - 1) * sizeof *old);
    ratchet->old_count--;
    st_wipe(old + ratchet->old_count, sizeof *old);
}

static void drop_empty_chains(struct ratchet *ratchet)
{
    for (size_t i = 0; i < ratchet->old_count;) {
        if (has_keys(ratchet, ratchet->old[i].id))
            i++;
        else
            drop_chain(ratchet, i);
    }
}

void ratchet_past_add(struct ratchet *ratchet, const struct ratchet_key *keys, size_t count)
{
    if (count == 0)
        return;
    size_t room = E2E_KEYS_MAX - ratchet->key_count;
    if (count > room) {
        cut_keys(ratchet, 0, count - room);
        drop_empty_chains(ratchet);
    }
    memcpy(ratchet->keys + ratchet->key_count, keys, count * sizeof *keys);
    ratchet->key_count += count;
}

void ratchet_past_use(struct ratchet *ratchet, size_t index)
{
    uint32_t chain = ratchet->keys[index].chain;
    cut_keys(ratchet, index, 1);
    if (chain != ratchet->peer.id && !has_keys(ratchet, chain))
        drop_empty_chains(ratchet);
}

void ratchet_past_close(struct ratchet *ratchet, uint64_t now_s)
{
    if (!has_keys(ratchet, ratchet->peer.id)) {
        remember(ratchet, ratchet->peer.r);
        return;
    }
    if (ratchet->old_count == E2E_OLD_CHAINS_MAX)
        drop_chain(ratchet, 0);
    ratchet->old[ratchet->old_count] = ratchet->peer;
    ratchet->old[ratchet->old_count].closed_s = now_s;
    ratchet->old_count++;
}

void ratchet_past_age(struct ratchet *ratchet, uint64_t now_s)
{
    for (size_t i = 0; i < ratchet->old_count;) {
        uint64_t closed_s = ratchet->old[i].closed_s;
        if (now_s > closed_s && now_s - closed_s > E2E_KEY_LIFE_S)
            drop_chain(ratchet, i);
        else
            i++;
    }
}

void ratchet_past_drop_spk(struct ratchet *ratchet)
{
    for (size_t i = 0; i < ratchet->old_count;) {
        if (ratchet->old[i].own.is_spk)
            drop_chain(ratchet, i);
        else
            i++;
    }
}
