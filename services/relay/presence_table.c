#include "services/relay/presence_table.h"

#include <stdlib.h>

#include "lib/st_map.h"

struct lease {
    struct mailbox_key key;
    struct mailbox_presence presence;
    int64_t ends_ms; /* monotonic */
};

struct presence_table {
    struct st_env env;
    struct st_map *leases; /* mailbox_key → struct lease, owned */
};

enum st_err presence_table_new(struct presence_table **table_r, size_t max, const struct st_env *env)
{
    *table_r = NULL;
    struct presence_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return ST_ENOMEM;
    table->env = *env;
    uint8_t seed[ST_MAP_SEED_BYTES];
    st_env_random(env, seed, sizeof seed);
    enum st_err err = st_map_new(&table->leases, sizeof(struct mailbox_key), max, seed);
    if (err != ST_OK) {
        free(table);
        return err;
    }
    *table_r = table;
    return ST_OK;
}

void presence_table_clear(struct presence_table *table)
{
    size_t cursor = 0;
    void *value;
    while (st_map_next(table->leases, &cursor, NULL, &value)) {
        struct lease *lease = value;
        st_map_remove(table->leases, &lease->key);
        free(lease);
    }
}

void presence_table_free(struct presence_table **table)
{
    if (*table == NULL)
        return;
    presence_table_clear(*table);
    st_map_free(&(*table)->leases);
    free(*table);
    *table = NULL;
}

/* The lease of `key` if it is not over. */
static struct lease *living(struct presence_table *table, const struct mailbox_key *key)
{
    struct lease *lease = st_map_get(table->leases, key);
    if (lease == NULL || lease->ends_ms > st_env_mono_ms(&table->env))
        return lease;
    st_map_remove(table->leases, key);
    free(lease);
    return NULL;
}

static void drop_ended(struct presence_table *table)
{
    int64_t now_ms = st_env_mono_ms(&table->env);
    size_t cursor = 0;
    void *value;
    while (st_map_next(table->leases, &cursor, NULL, &value)) {
        struct lease *lease = value;
        if (lease->ends_ms > now_ms)
            continue;
        st_map_remove(table->leases, &lease->key);
        free(lease);
    }
}

const struct mailbox_presence *presence_table_get(struct presence_table *table, const struct mailbox_key *key)
{
    const struct lease *lease = living(table, key);
    return lease == NULL ? NULL : &lease->presence;
}

enum st_err presence_table_set(struct presence_table *table, const struct mailbox_key *key,
                               const struct mailbox_presence *presence, int64_t lease_ms)
{
    struct lease *lease = living(table, key);
    if (lease == NULL) {
        lease = malloc(sizeof *lease);
        if (lease == NULL)
            return ST_ENOMEM;
        lease->key = *key;
        enum st_err err = st_map_put(table->leases, key, lease);
        if (err == ST_ELIMIT) {
            drop_ended(table);
            err = st_map_put(table->leases, key, lease);
        }
        if (err != ST_OK) {
            free(lease);
            return err;
        }
    }
    lease->presence = *presence;
    lease->ends_ms = st_env_mono_ms(&table->env) + lease_ms;
    return ST_OK;
}

void presence_table_keep(struct presence_table *table, const struct mailbox_key *key, int64_t lease_ms)
{
    struct lease *lease = living(table, key);
    if (lease != NULL)
        lease->ends_ms = st_env_mono_ms(&table->env) + lease_ms;
}

void presence_table_remove(struct presence_table *table, const struct mailbox_key *key)
{
    free(st_map_remove(table->leases, key));
}
