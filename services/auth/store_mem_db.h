/* Under the memory backend: its tables, and how a call begins and ends. Private to store_mem*.c. */
#ifndef AUTH_STORE_MEM_DB_H
#define AUTH_STORE_MEM_DB_H

#include "services/auth/store_mem.h"
#include "services/auth/store_mem_table.h"

/* Keys: joined ids, numbers big-endian, so that they sort. */
enum {
    MEM_DEVICE_KEY = ST_ACCT_LEN + 4,                         /* acct, dev */
    MEM_LIST_KEY = ST_ACCT_LEN + 8,                           /* acct, seq */
    MEM_OPK_KEY = ST_ACCT_LEN + 4 + 4,                        /* acct, dev, id */
    MEM_GRANT_KEY = ST_ACCT_LEN + 4 + ST_ACCT_LEN + 4,        /* target, dev, requester, day */
    MEM_BY_REQUESTER_KEY = ST_ACCT_LEN + 4 + ST_ACCT_LEN + 4, /* requester, day, target, dev */
    MEM_THROTTLE_KEY = ST_HASH_LEN + 8,                       /* k, win */
    MEM_SETTING_KEY = AUTH_SETTING_KEY_MAX + 1,               /* zero-padded text */
    MEM_KEY_MAX = 64
};

struct mem_account {
    uint8_t key[ST_ACCT_LEN];
    struct auth_account account;
};

struct mem_name {
    struct auth_text key; /* zero-padded */
    uint8_t acct[ST_ACCT_LEN];
};

struct mem_tombstone {
    uint8_t key[ST_HASH_LEN];
    int64_t at_ms;
};

struct mem_device {
    uint8_t key[MEM_DEVICE_KEY];
    struct auth_device device;
};

struct mem_tk {
    uint8_t key[ST_KEY_LEN];
    uint8_t device[MEM_DEVICE_KEY];
};

struct mem_list {
    uint8_t key[MEM_LIST_KEY];
    struct auth_list list;
};

struct mem_opk {
    uint8_t key[MEM_OPK_KEY];
    struct auth_opk opk;
};

struct mem_grant {
    uint8_t key[MEM_GRANT_KEY];
    struct auth_grant grant;
};

struct mem_by_requester {
    uint8_t key[MEM_BY_REQUESTER_KEY];
};

struct mem_offer {
    uint8_t key[MEM_DEVICE_KEY];
    struct auth_offer offer;
};

struct mem_invite {
    uint8_t key[ST_HASH_LEN];
    struct auth_invite_row invite;
};

struct mem_throttle {
    uint8_t key[MEM_THROTTLE_KEY];
    int64_t until_ms;
    uint64_t count;
};

struct mem_erase {
    uint8_t key[ST_ACCT_LEN];
    struct auth_erase job;
};

struct mem_audit {
    uint8_t key[8];
    int64_t at_ms;
    char who[AUTH_AUDIT_MAX + 1];
    char what[AUTH_AUDIT_MAX + 1];
};

struct mem_setting {
    uint8_t key[MEM_SETTING_KEY];
    uint8_t len;
    uint8_t value[AUTH_SETTING_MAX];
};

enum mem_table_id {
    MEM_ACCOUNT,
    MEM_NAME,
    MEM_TOMBSTONE,
    MEM_DEVICE,
    MEM_TK,
    MEM_LIST,
    MEM_OPK,
    MEM_GRANT,
    MEM_BY_REQUESTER,
    MEM_OFFER,
    MEM_INVITE,
    MEM_THROTTLE,
    MEM_ERASE,
    MEM_AUDIT,
    MEM_SETTING,
    MEM_TABLES
};

struct auth_mem {
    struct mem_table tables[MEM_TABLES];
    struct mem_undo undo;     /* changes that are not committed */
    struct mem_store *holder; /* whose transaction is open; NULL: none */
    uint64_t calls;
    auth_mem_fault_fn fault;
    void *fault_ctx;
};

/* A store on it. */
struct mem_store {
    struct auth_mem *mem;
    int depth;       /* open transactions, 0 to 2 */
    size_t marks[2]; /* where the log stood when each began */
    bool broken;     /* a call inside the transaction failed: all of it is lost */
    bool dead;       /* crashed */
};

/* A call between its two ends. */
struct mem_call {
    struct mem_store *store;
    size_t mark; /* where the log stood */
    enum auth_mem_fault fault;
};

/* Every call of the backend stands between these two. The first says whether it may go on; the second carries out a
 * fault, takes back what a failed call did, and makes what stands outside of a transaction durable. */
enum st_err mem_call_begin(struct mem_call *call, void *ctx) ST_MUST_CHECK;
enum st_err mem_call_end(struct mem_call *call, enum st_err err) ST_MUST_CHECK;

static inline struct mem_table *mem_table_of(const struct mem_call *call, enum mem_table_id id)
{
    return &call->store->mem->tables[id];
}

static inline struct mem_undo *mem_undo_of(const struct mem_call *call)
{
    return &call->store->mem->undo;
}

void mem_device_key(uint8_t out[static MEM_DEVICE_KEY], const uint8_t *acct, uint32_t dev);

/* Parts of calls: deletes a device with all that hangs on it, its transport key only, a grant, the grants that an
 * account took. */
enum st_err mem_device_drop(struct mem_call *call, const uint8_t *device_key) ST_MUST_CHECK;
enum st_err mem_device_forget_tk(struct mem_call *call, const uint8_t *device_key) ST_MUST_CHECK;
enum st_err mem_grant_drop(struct mem_call *call, const uint8_t *grant_key) ST_MUST_CHECK;
enum st_err mem_grants_drop(struct mem_call *call, const uint8_t *requester) ST_MUST_CHECK;

/* The operation of the same name. */
enum st_err mem_sweep(void *ctx, enum auth_sweep what, int64_t before, size_t *removed_r) ST_MUST_CHECK;

/* Each fills its part of the table of operations. */
void mem_account_ops(struct auth_store_ops *ops);
void mem_device_ops(struct auth_store_ops *ops);
void mem_prekey_ops(struct auth_store_ops *ops);
void mem_policy_ops(struct auth_store_ops *ops);

#endif
