/* Numbers the different keys of one batch in the order of their first appearance: who sent, who receives. */
#ifndef RELAY_GROUPS_H
#define RELAY_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_env.h"
#include "lib/st_err.h"

enum { RELAY_GROUPS_KEY = 64 };

struct relay_groups;

/* Returns new, for at most `max` different keys of `key_len` bytes (up to RELAY_GROUPS_KEY). ST_ENOMEM. */
enum st_err relay_groups_new(struct relay_groups **groups_r, size_t key_len, size_t max,
                             const struct st_env *env) ST_MUST_CHECK;

/* Frees and NULLs. NULL is fine. */
void relay_groups_free(struct relay_groups **groups);

/* The number of this key; *new_r tells whether it came for the first time. The caller adds no more than `max` keys. */
size_t relay_groups_add(struct relay_groups *groups, const void *key, bool *new_r);

/* How many there are. */
size_t relay_groups_count(const struct relay_groups *groups);

/* Forgets all. */
void relay_groups_clear(struct relay_groups *groups);

#endif
