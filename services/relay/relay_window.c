#include "services/relay/relay_window.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

enum { WAYS = 4 };

struct relay_window {
    struct relay_window_slot *slots; /* owned; WAYS neighbours make a place */
    size_t places;
    uint8_t seed[crypto_shorthash_KEYBYTES];
};

enum st_err relay_window_new(struct relay_window **window_r, size_t copies, const struct st_env *env)
{
    *window_r = NULL;
    struct relay_window *window = calloc(1, sizeof *window);
    if (window == NULL)
        return ST_ENOMEM;
    window->places = (copies + WAYS - 1) / WAYS;
    window->slots = calloc(window->places * WAYS, sizeof *window->slots);
    if (window->slots == NULL) {
        free(window);
        return ST_ENOMEM;
    }
    st_env_random(env, window->seed, sizeof window->seed);
    *window_r = window;
    return ST_OK;
}

void relay_window_free(struct relay_window **window)
{
    if (*window == NULL)
        return;
    free((*window)->slots);
    free(*window);
    *window = NULL;
}

void relay_window_key(uint8_t out[static RELAY_WINDOW_KEY], const struct mailbox_key *from,
                      const uint8_t msg_id[static ST_MSG_ID_LEN], const struct mailbox_key *to)
{
    memcpy(out, from->acct, ST_ACCT_LEN);
    st_put_u32(out + ST_ACCT_LEN, from->dev);
    memcpy(out + ST_ACCT_LEN + 4, msg_id, ST_MSG_ID_LEN);
    memcpy(out + ST_ACCT_LEN + 4 + ST_MSG_ID_LEN, to->acct, ST_ACCT_LEN);
    st_put_u32(out + RELAY_WINDOW_KEY - 4, to->dev);
}

static struct relay_window_slot *place_of(struct relay_window *window, const uint8_t *key)
{
    uint8_t hash[crypto_shorthash_BYTES];
    (void)crypto_shorthash(hash, key, RELAY_WINDOW_KEY, window->seed); /* cannot fail */
    return window->slots + (size_t)(st_get_u64(hash) % window->places) * WAYS;
}

struct relay_window_slot *relay_window_find(struct relay_window *window, const uint8_t key[static RELAY_WINDOW_KEY],
                                            int64_t now_ms)
{
    struct relay_window_slot *place = place_of(window, key);
    for (size_t i = 0; i < WAYS; i++) {
        if (place[i].used && memcmp(place[i].key, key, RELAY_WINDOW_KEY) == 0)
            return now_ms - place[i].at_ms < RELAY_WINDOW_MS ? &place[i] : NULL;
    }
    return NULL;
}

struct relay_window_slot *relay_window_put(struct relay_window *window, const uint8_t key[static RELAY_WINDOW_KEY],
                                           int64_t now_ms)
{
    struct relay_window_slot *place = place_of(window, key);
    struct relay_window_slot *slot = place;
    for (size_t i = 0; i < WAYS; i++) {
        if (!place[i].used || memcmp(place[i].key, key, RELAY_WINDOW_KEY) == 0) {
            slot = &place[i];
            break;
        }
        if (place[i].at_ms < slot->at_ms)
            slot = &place[i];
    }
    memset(slot, 0, sizeof *slot);
    memcpy(slot->key, key, RELAY_WINDOW_KEY);
    slot->used = true;
    slot->at_ms = now_ms;
    return slot;
}
