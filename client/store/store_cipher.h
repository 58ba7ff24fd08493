/* Inside the store only: the database's key, its parameters, and what is looked at before a file is believed. */
#ifndef CLIENT_STORE_STORE_CIPHER_H
#define CLIENT_STORE_STORE_CIPHER_H

#include "client/store/store_sql.h"

/* The file at `path` begins as an encrypted one: ST_EFOREIGN if it is too short, or begins with SQLite's own first
 * bytes, which mean that nothing was encrypted. ST_ENOTFOUND. */
enum st_err store_cipher_look(const char *path) ST_MUST_CHECK;

/* Gives SQLCipher the raw key and all parameters of the file. ST_EFOREIGN: no cipher answers, before anything has been
 * written. A wrong key shows when the first page is read. */
enum st_err store_cipher_unlock(struct store *store, const uint8_t key[static STORE_KEY_BYTES]) ST_MUST_CHECK;

/* Sets what every connection needs, and asks whether it is so. */
enum st_err store_cipher_settle(struct store *store) ST_MUST_CHECK;

/* Keeps what is derived from the key: the generation key. */
enum st_err store_cipher_keep(struct store *store, const uint8_t key[static STORE_KEY_BYTES]) ST_MUST_CHECK;

/* ST_EFOREIGN unless the statement's first column answers this text. */
enum st_err store_cipher_expect(struct store *store, const char *sql, const char *answer) ST_MUST_CHECK;

/* What store_open looks at: every page of a small database, of a large one the root of each table. */
enum st_err store_cipher_check(struct store *store, const char *path) ST_MUST_CHECK;

#endif
