#include "services/relay/relay_groups.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "lib/st_bytes.h"

struct relay_groups {
    size_t key_len, count;
    size_t slot_count; /* power of two, at least twice the keys */
    uint32_t *slots;   /* owned; number + 1, 0 = free */
    size_t *places;    /* owned; the slot of each number, to clear only what was used */
    uint8_t *keys;     /* owned; key_len each */
    uint8_t seed[crypto_shorthash_KEYBYTES];
};

enum st_err relay_groups_new(struct relay_groups **groups_r, size_t key_len, size_t max, const struct st_env *env)
{
    *groups_r = NULL;
    struct relay_groups *groups = calloc(1, sizeof *groups);
    if (groups == NULL)
        return ST_ENOMEM;
    groups->key_len = key_len;
    groups->slot_count = 2;
    while (groups->slot_count < 2 * max)
        groups->slot_count *= 2;
    groups->slots = calloc(groups->slot_count, sizeof *groups->slots);
    groups->places = calloc(max, sizeof *groups->places);
    groups->keys = calloc(max, key_len);
    if (groups->slots == NULL || groups->places == NULL || groups->keys == NULL) {
        relay_groups_free(&groups);
        return ST_ENOMEM;
    }
    st_env_random(env, groups->seed, sizeof groups->seed);
    *groups_r = groups;
    return ST_OK;
}

void relay_groups_free(struct relay_groups **groups)
{
    if (*groups == NULL)
        return;
    free((*groups)->slots);
    free((*groups)->places);
    free((*groups)->keys);
    free(*groups);
    *groups = NULL;
}

size_t relay_groups_add(struct relay_groups *groups, const void *key, bool *new_r)
{
    uint8_t hash[crypto_shorthash_BYTES];
    (void)crypto_shorthash(hash, key, groups->key_len, groups->seed); /* cannot fail */
    size_t mask = groups->slot_count - 1;
    size_t i = (size_t)st_get_u64(hash) & mask;
    for (; groups->slots[i] != 0; i = (i + 1) & mask) {
        size_t number = groups->slots[i] - 1;
        if (memcmp(groups->keys + number * groups->key_len, key, groups->key_len) == 0) {
            *new_r = false;
            return number;
        }
    }
    size_t number = groups->count++;
    memcpy(groups->keys + number * groups->key_len, key, groups->key_len);
    groups->slots[i] = (uint32_t)number + 1;
    groups->places[number] = i;
    *new_r = true;
    return number;
}

size_t relay_groups_count(const struct relay_groups *groups)
{
    return groups->count;
}

void relay_groups_clear(struct relay_groups *groups)
{
    for (size_t number = 0; number < groups->count; number++)
        groups->slots[groups->places[number]] = 0;
    groups->count = 0;
}
