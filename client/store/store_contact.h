/* Contacts: the other accounts, and what the user thinks of them. */
#ifndef CLIENT_STORE_STORE_CONTACT_H
#define CLIENT_STORE_STORE_CONTACT_H

#include "client/store/store_db.h"
#include "client/store/store_list.h"

enum { STORE_NICKNAME_MAX = 64, STORE_NOTE_MAX = 1000 };

/* On disk: only ever add. */
enum store_trust { STORE_UNVERIFIED = 0, STORE_VERIFIED = 1, STORE_CHANGED = 2 };
enum store_relation { STORE_NONE = 0, STORE_REQUESTED = 1, STORE_ACCEPTED = 2, STORE_BLOCKED = 3 };

struct store_contact {
    uint8_t acct[STORE_ACCT_BYTES];
    char name[STORE_NAME_MAX + 1];
    uint8_t ak[32];
    enum store_trust trust;
    enum store_relation relation;
    char nickname[STORE_NICKNAME_MAX + 1]; /* empty: none */
    char note[STORE_NOTE_MAX + 1];         /* empty: none */
    int64_t first_at_ms;                   /* when we first heard of it */
    uint32_t request_count;                /* messages while not accepted */
};

/* Adds, or replaces every field of, the contact with this acct. ST_EEXISTS: the name belongs to another acct.
 * ST_ELIMIT: a text without its NUL. A name whose account key changed stays with the old contact until
 * store_contact_adopt. */
enum st_err store_contact_put(struct store *store, const struct store_contact *contact) ST_MUST_CHECK;
enum st_err store_contact_get(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                              struct store_contact *out) ST_MUST_CHECK;
/* By login name, exact. ST_ENOTFOUND. */
enum st_err store_contact_find(struct store *store, const char *name, struct store_contact *out) ST_MUST_CHECK;
enum st_err store_contact_set_trust(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                                    enum store_trust trust) ST_MUST_CHECK;
enum st_err store_contact_set_relation(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                                       enum store_relation relation) ST_MUST_CHECK;
/* Forgets the contact with its lists, devices seen and pending key; not its chat. */
enum st_err store_contact_delete(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES]) ST_MUST_CHECK;

typedef enum st_err (*store_contact_fn)(void *ctx, const struct store_contact *contact);
/* By name. */
enum st_err store_contact_each(struct store *store, store_contact_fn fn, void *ctx) ST_MUST_CHECK;

/* A new account key that the server (or a message) showed under the name of a contact, and that the user has not
 * confirmed. acct is that of the new key; `list` is the signed list as received. */
struct store_pending_key {
    uint8_t acct[STORE_ACCT_BYTES];
    uint8_t ak[32];
    int64_t seen_at_ms;
    size_t list_len; /* 0: none */
    uint8_t list[STORE_LIST_MAX];
};

/* Keeps (or replaces) the pending key of the contact `acct` and sets its trust to `changed`. */
enum st_err store_contact_set_pending(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                                      const struct store_pending_key *pending) ST_MUST_CHECK;
/* ST_ENOTFOUND: none is pending. */
enum st_err store_contact_get_pending(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                                      struct store_pending_key *out) ST_MUST_CHECK;
enum st_err store_contact_drop_pending(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES]) ST_MUST_CHECK;
/* The user confirmed: the contact (name, nickname, note, relation) and its chat go over to the pending account and
 * key with the trust given. The sessions and the outbox copies of the old account are erased; the caller offers what
 * was queued for encryption to the new key (A.7). The pending list is not judged here: the caller has. ST_ENOTFOUND. */
enum st_err store_contact_adopt(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                                enum store_trust trust) ST_MUST_CHECK;

#endif
