/* Presences in memory, each with the end of its lease: for the backends that do not keep them elsewhere. Bounded; a
 * lease that is over counts as absent and makes room when room is needed. */
#ifndef PRESENCE_TABLE_H
#define PRESENCE_TABLE_H

#include "lib/st_env.h"
#include "services/relay/mailbox.h"

struct presence_table;

/* Returns new: an empty table for at most `max` presences. `env` is copied (clock, hash seed). ST_ENOMEM, ST_ELIMIT. */
enum st_err presence_table_new(struct presence_table **table_r, size_t max, const struct st_env *env) ST_MUST_CHECK;

/* Frees and NULLs. NULL is fine. */
void presence_table_free(struct presence_table **table);

/* Who is present there now, or NULL; borrowed until the table changes. */
const struct mailbox_presence *presence_table_get(struct presence_table *table, const struct mailbox_key *key);

/* Makes `presence` the one that counts. ST_ELIMIT when the table is full of living leases, ST_ENOMEM. */
enum st_err presence_table_set(struct presence_table *table, const struct mailbox_key *key,
                               const struct mailbox_presence *presence, int64_t lease_ms) ST_MUST_CHECK;

/* Extends the lease of a presence that is there. */
void presence_table_keep(struct presence_table *table, const struct mailbox_key *key, int64_t lease_ms);

void presence_table_remove(struct presence_table *table, const struct mailbox_key *key);

/* Forgets all. */
void presence_table_clear(struct presence_table *table);

#endif
