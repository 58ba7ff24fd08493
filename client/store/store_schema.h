/* Inside the store only: the tables, and how an older schema becomes today's. */
#ifndef CLIENT_STORE_STORE_SCHEMA_H
#define CLIENT_STORE_STORE_SCHEMA_H

#include "client/store/store_sql.h"

/* Brings the schema to STORE_SCHEMA_VERSION, one transaction for each step; an empty database becomes ours.
 * ST_EFOREIGN: not a Safe Talk database, or a newer one; nothing is written then. ST_EUNAVAILABLE: an older one, and
 * the store is open for reading only. */
enum st_err store_schema_migrate(struct store *store) ST_MUST_CHECK;

/* Only looks: ST_OK, ST_EFOREIGN as above; *version_r 0 for an empty database. */
enum st_err store_schema_look(struct store *store, int64_t *version_r) ST_MUST_CHECK;

#endif
