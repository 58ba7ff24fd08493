/* The folder of one account: store.db (and SQLite's companions -wal, -shm), slots, blobs/. This is the door to the
 * store for everything that has a password. The lock file and its holder are not its business. */
#ifndef CLIENT_STORE_VAULT_H
#define CLIENT_STORE_VAULT_H

#include "client/store/slots.h"
#include "client/store/store_db.h"

/* Makes store.db, blobs/ and slots in `dir` (which exists, mode 0700) under a fresh K_db, and opens the store.
 * slots is written last; a database without slots, which nobody can open, is put aside as lost.db first. Passwords are
 * borrowed, NFC. ST_EEXISTS: there are slots already. ST_ELIMIT: password or cost (slots.h). */
enum st_err vault_create(struct store **store_r, const char *dir, struct st_view password,
                         const struct slots_cost *cost, const struct st_env *env) ST_MUST_CHECK;

/* Opens the store with the password; ends a rekey that a crash cut short. ST_ENOTFOUND: no account here (or its keys
 * were wiped); ST_EREFUSED: wrong password; ST_EINTEGRITY: the slot file is damaged; ST_EFOREIGN: as slots_read and
 * store_open. */
enum st_err vault_open(struct store **store_r, const char *dir, struct st_view password, enum store_mode mode,
                       const struct st_env *env) ST_MUST_CHECK;

/* Tries the password only. Errors as vault_open. */
enum st_err vault_check_password(const char *dir, struct st_view password) ST_MUST_CHECK;

/* Wraps the same K_db under another password. The store may be open. ST_ECONFLICT: a rekey was cut short; vault_open
 * ends it. Else the errors of vault_open and of slots.h. */
enum st_err vault_change_password(const char *dir, struct st_view old_password, struct st_view new_password,
                                  const struct slots_cost *cost, const struct st_env *env) ST_MUST_CHECK;

/* A new K_db under `password` (the present one or a new one; the caller has checked the old one): the new slots are
 * durable as `slots.new` first, then the database is encrypted anew, then slots.new becomes slots. A crash anywhere
 * leaves a folder that vault_open opens, with the old password before the database's commit and the new one after. */
enum st_err vault_rekey(struct store *store, const char *dir, struct st_view password, const struct slots_cost *cost,
                        const struct st_env *env) ST_MUST_CHECK;

/* `account lock --wipe-keys`: overwrites and removes the slots. The history is gone for ever, also for us. */
enum st_err vault_wipe_keys(const char *dir) ST_MUST_CHECK;

/* `account logout --erase`: wipes the keys, then removes database, blobs and companions; the folder itself and the
 * lock file stay. The store is closed. */
enum st_err vault_erase(const char *dir) ST_MUST_CHECK;

#endif
