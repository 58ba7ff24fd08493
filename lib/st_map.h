/* A hash map from byte keys of one fixed length to pointers. Open addressing with SipHash-2-4
 * (crypto_shorthash) under a seed of its own, so that nobody outside can aim keys at one slot; the number of
 * entries is bounded at birth. Not for secret keys: a look-up compares with memcmp. */
#ifndef ST_MAP_H
#define ST_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_err.h"

struct st_map;

enum {
    ST_MAP_SEED_BYTES = 16,
    ST_MAP_KEY_MAX = 64,       /* bytes of one key */
    ST_MAP_COUNT_MAX = 1 << 26 /* entries: no map is larger than this */
};

/* Returns new: an empty map for keys of `key_len` bytes (1 to ST_MAP_KEY_MAX) that holds at most `max_count`
 * entries (1 to ST_MAP_COUNT_MAX). `seed` is random (st_env_random) and copied. Memory grows with the entries,
 * not with the bound. ST_ELIMIT for a length or count out of range, ST_ENOMEM. *map_r is NULL on failure. */
enum st_err st_map_new(struct st_map **map_r, size_t key_len, size_t max_count,
                       const uint8_t seed[static ST_MAP_SEED_BYTES]) ST_MUST_CHECK;

/* Frees the map and NULLs the pointer; the values are the caller's. NULL is fine. */
void st_map_free(struct st_map **map);

/* Entries in it. */
size_t st_map_count(const struct st_map *map);

/* The value under `key` (key_len bytes, borrowed), or NULL. */
void *st_map_get(const struct st_map *map, const void *key);

/* Adds an entry; the key is copied, the value borrowed and not NULL. ST_EEXISTS if the key is there (nothing is
 * changed), ST_ELIMIT when the map is full, ST_ENOMEM. */
enum st_err st_map_put(struct st_map *map, const void *key, void *value) ST_MUST_CHECK;

/* Takes the entry out and returns its value, or NULL if there is none. Never allocates. */
void *st_map_remove(struct st_map *map, const void *key);

/* Walks the map in no particular order: start with *cursor = 0; false at the end. key_r and value_r may be
 * NULL; the key is borrowed until the map changes. While walking, entries may be removed (also others than the
 * one just returned), but not added. */
bool st_map_next(const struct st_map *map, size_t *cursor, const void **key_r, void **value_r);

#endif
