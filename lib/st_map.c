#include "lib/st_map.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

enum { FIRST_SLOTS = 16 };

struct slot {
    uint64_t hash;
    void *value; /* NULL: never used; &removed_mark: removed, look further */
};

struct st_map {
    struct slot *slots;
    uint8_t *keys;     /* slot i's key at i × key_len */
    size_t slot_count; /* power of two, 0 before the first entry */
    size_t used;       /* slots that are not NULL */
    size_t count;      /* entries */
    size_t max_count;
    size_t key_len;
    uint8_t seed[ST_MAP_SEED_BYTES];
};

static char removed_mark; /* only its address counts */

static bool is_entry(const struct slot *slot)
{
    return slot->value != NULL && slot->value != &removed_mark;
}

static uint64_t hash_of(const struct st_map *map, const void *key)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t hash;
    _Static_assert(sizeof out == sizeof hash, "SipHash-2-4 gives 64 bits");
    _Static_assert(ST_MAP_SEED_BYTES == crypto_shorthash_KEYBYTES, "the seed is a SipHash key");
    /* Cannot fail: libsodium declares a result only for symmetry. */
    (void)crypto_shorthash(out, key, map->key_len, map->seed);
    memcpy(&hash, out, sizeof hash);
    return hash;
}

static uint8_t *key_at(const struct st_map *map, size_t i)
{
    return map->keys + i * map->key_len;
}

enum st_err st_map_new(struct st_map **map_r, size_t key_len, size_t max_count,
                       const uint8_t seed[static ST_MAP_SEED_BYTES])
{
    *map_r = NULL;
    if (key_len == 0 || key_len > ST_MAP_KEY_MAX || max_count == 0 || max_count > ST_MAP_COUNT_MAX)
        return ST_ELIMIT;
    struct st_map *map = calloc(1, sizeof *map);
    if (map == NULL)
        return ST_ENOMEM;
    map->key_len = key_len;
    map->max_count = max_count;
    memcpy(map->seed, seed, ST_MAP_SEED_BYTES);
    *map_r = map;
    return ST_OK;
}

void st_map_free(struct st_map **map)
{
    if (*map == NULL)
        return;
    free((*map)->slots);
    free((*map)->keys);
    free(*map);
    *map = NULL;
}

size_t st_map_count(const struct st_map *map)
{
    return map->count;
}

/* The slot that holds `key`, or SIZE_MAX. There is always an unused slot, so the walk ends. */
static size_t find(const struct st_map *map, const void *key, uint64_t hash)
{
    if (map->count == 0)
        return SIZE_MAX;
    size_t mask = map->slot_count - 1;
    for (size_t i = (size_t)hash & mask; map->slots[i].value != NULL; i = (i + 1) & mask) {
        const struct slot *slot = &map->slots[i];
        if (slot->hash == hash && is_entry(slot) && memcmp(key_at(map, i), key, map->key_len) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* Puts an entry that is not there yet into slots that have room. */
static void place(struct st_map *map, const void *key, void *value, uint64_t hash)
{
    size_t mask = map->slot_count - 1;
    size_t i = (size_t)hash & mask;
    while (is_entry(&map->slots[i]))
        i = (i + 1) & mask;
    if (map->slots[i].value == NULL)
        map->used++;
    map->slots[i].hash = hash;
    map->slots[i].value = value;
    memcpy(key_at(map, i), key, map->key_len);
    map->count++;
}

/* Moves all entries to new slots, so many that they are at most half full: removed ones are forgotten. */
static enum st_err rebuild(struct st_map *map)
{
    size_t slot_count = FIRST_SLOTS;
    while (slot_count / 2 < map->count + 1)
        slot_count *= 2;
    struct st_map next = *map;
    next.slots = calloc(slot_count, sizeof *next.slots);
    next.keys = calloc(slot_count, map->key_len);
    if (next.slots == NULL || next.keys == NULL) {
        free(next.slots);
        free(next.keys);
        return ST_ENOMEM;
    }
    next.slot_count = slot_count;
    next.used = 0;
    next.count = 0;
    for (size_t i = 0; i < map->slot_count; i++) {
        if (is_entry(&map->slots[i]))
            place(&next, key_at(map, i), map->slots[i].value, map->slots[i].hash);
    }
    free(map->slots);
    free(map->keys);
    *map = next;
    return ST_OK;
}

void *st_map_get(const struct st_map *map, const void *key)
{
    size_t i = find(map, key, hash_of(map, key));
    return i == SIZE_MAX ? NULL : map->slots[i].value;
}

enum st_err st_map_put(struct st_map *map, const void *key, void *value)
{
    uint64_t hash = hash_of(map, key);
    if (find(map, key, hash) != SIZE_MAX)
        return ST_EEXISTS;
    if (map->count >= map->max_count)
        return ST_ELIMIT;
    /* At most three quarters of the slots in use, removed ones counted. */
    if (map->used + 1 > map->slot_count - map->slot_count / 4) {
        enum st_err err = rebuild(map);
        if (err != ST_OK)
            return err;
    }
    place(map, key, value, hash);
    return ST_OK;
}

void *st_map_remove(struct st_map *map, const void *key)
{
    size_t i = find(map, key, hash_of(map, key));
    if (i == SIZE_MAX)
        return NULL;
    void *value = map->slots[i].value;
    size_t mask = map->slot_count - 1;
    map->slots[i].value = &removed_mark;
    map->count--;
    /* Nobody looks past an unused slot, so removed ones right before it may be unused too. */
    if (map->slots[(i + 1) & mask].value == NULL) {
        for (; map->slots[i].value == &removed_mark; i = (i - 1) & mask) {
            map->slots[i].value = NULL;
            map->used--;
        }
    }
    return value;
}

bool st_map_next(const struct st_map *map, size_t *cursor, const void **key_r, void **value_r)
{
    while (*cursor < map->slot_count) {
        size_t i = (*cursor)++;
        if (!is_entry(&map->slots[i]))
            continue;
        if (key_r != NULL)
            *key_r = key_at(map, i);
        if (value_r != NULL)
            *value_r = map->slots[i].value;
        return true;
    }
    return false;
}
