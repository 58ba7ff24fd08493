/* Where messages wait for their devices: one struct of function pointers, several backends (mailbox_sqlite.h,
 * mailbox_mem.h). The same contract suite runs over every backend (tests/contract/mailbox).
 *
 * A *mailbox* belongs to one device and exists from the moment mailbox_boxes_set opens it until it is closed or purged;
 * it may be empty. Entries lie in it in the order in which they were appended.
 *
 * A *token* names an entry: store epoch (8) ‖ entry id (16). The *store epoch* changes whenever the store may have lost
 * writes that it had answered. Inside one epoch an entry id is never given twice, and the ids of one mailbox rise
 * (compared as bytes); the id of 16 zero bytes stands before all of them.
 *
 * Every call takes an array of items and costs one round trip, pipeline or transaction. Items are carried out in their
 * order. If a call fails as a whole, none of its results may be used, and any of its changes may or may not have
 * happened (but nothing of it was answered); the errors are
 *   ST_EUNAVAILABLE  the store cannot be reached now        ST_EFULL     its disk is full or not writable
 *   ST_EUNCERTAIN    the connection broke in the middle     ST_EFOREIGN  it is damaged
 *   ST_ENOMEM, ST_EIO
 * Everything that a call answered with ST_OK is on disk, or as durable as the backend promises; the exceptions are
 * removal and presence, whose loss costs a duplicate at most.
 *
 * Epochs in results are those that held *before* the call: a change while it ran is noticed by the next one.
 *
 * One store is used by one thread. Several relays may share one database, each through a store of its own. */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"
#include "proto/st_limits.h"
#include "services/common/service_io.h"

enum {
    MAILBOX_ENTRY_LEN = 16,     /* bytes of an entry id */
    MAILBOX_EXPOSED_MAX = 1000, /* used MAC keys kept for a device */
    MAILBOX_PURGE_DEVS_MAX = 256
};

/* The list seq of a purged account: higher than any, so that no late boxes_set opens a mailbox again. */
#define MAILBOX_SEQ_PURGED (UINT64_C(1) << 53)

/* Whose mailbox. */
struct mailbox_key {
    uint8_t acct[ST_ACCT_LEN];
    uint32_t dev;
};

/* Without padding, so it serves as the key of a hash map as it is. */
_Static_assert(sizeof(struct mailbox_key) == ST_ACCT_LEN + 4, "no padding");

static inline struct mailbox_key mailbox_key(const uint8_t acct[static ST_ACCT_LEN], uint32_t dev)
{
    struct mailbox_key key;
    memcpy(key.acct, acct, ST_ACCT_LEN);
    key.dev = dev;
    return key;
}

static inline bool mailbox_key_equal(const struct mailbox_key *a, const struct mailbox_key *b)
{
    return a->dev == b->dev && memcmp(a->acct, b->acct, ST_ACCT_LEN) == 0;
}

/* Where a device is attached: by which relay, and where its gateway has it. */
struct mailbox_presence {
    struct service_peer relay;
    struct service_peer gateway;
    uint64_t sid;
    uint64_t attach; /* number of this attach, not 0 */
};

static inline bool mailbox_presence_equal(const struct mailbox_presence *a, const struct mailbox_presence *b)
{
    return a->sid == b->sid && a->attach == b->attach && strcmp(a->relay.name, b->relay.name) == 0 &&
           strcmp(a->gateway.name, b->gateway.name) == 0;
}

/* How full a mailbox may be. Checked before an append: the entry that crosses a limit is still taken. */
struct mailbox_limits {
    uint64_t entries_max;
    uint64_t bytes_max; /* of bodies */
};

/* ---- append ---- */

enum mailbox_fate {
    MAILBOX_UNAVAILABLE = 0, /* this item failed; the others may have gone well */
    MAILBOX_STORED,
    MAILBOX_THERE, /* the entry of `token` is still there and is this very message: nothing was appended */
    MAILBOX_FULL,
    MAILBOX_ABSENT /* no such mailbox */
};

struct mailbox_append {
    struct mailbox_key to;
    struct mailbox_key from;       /* who sent it */
    const uint8_t *msg_id;         /* ST_MSG_ID_LEN bytes, borrowed */
    struct st_view body;           /* borrowed */
    int64_t at_ms;                 /* when the relay took it, wall clock */
    const uint8_t *token;          /* ST_TOKEN_LEN bytes, borrowed, or NULL. If its epoch is the store's and the entry
                                    * is there with the same msg_id and sender, the fate is THERE */
    enum mailbox_fate fate;        /* result */
    uint8_t token_r[ST_TOKEN_LEN]; /* result of STORED and THERE */
    uint64_t length;               /* result of STORED: entries in the mailbox after this append */
    bool present;                  /* result of STORED: somebody is attached … */
    struct mailbox_presence presence; /* … here. Read after the append */
};

/* ---- read ---- */

/* An entry as read; all views are borrowed for the call of the sink only. */
struct mailbox_entry {
    const uint8_t *token; /* ST_TOKEN_LEN bytes */
    struct mailbox_key from;
    const uint8_t *msg_id; /* ST_MSG_ID_LEN bytes */
    int64_t at_ms;
    struct st_view body;
};

struct mailbox_read {
    struct mailbox_key key;
    uint8_t after[MAILBOX_ENTRY_LEN]; /* read what stands behind this entry id; zero = from the beginning */
    size_t entry_max;                 /* how many at most */
    bool exists;                      /* result: there is such a mailbox */
    bool more;                        /* result: the mailbox was not read to its end */
    uint8_t epoch[ST_EPOCH_LEN];      /* result, set before the first entry is handed over */
};

/* Gets the entries of `reads[index]`, oldest first, one mailbox after the other. Returns false to have no more of this
 * mailbox (then `more` is true). Must not call the store. */
typedef bool (*mailbox_sink_fn)(void *sink_ctx, size_t index, const struct mailbox_entry *entry);

/* ---- remove ---- */

/* Takes entries out of one mailbox. Tokens of another epoch, of another mailbox or of entries that are gone are passed
 * over in silence. */
struct mailbox_remove {
    struct mailbox_key key;
    const uint8_t *tokens; /* token_count × ST_TOKEN_LEN bytes, borrowed */
    size_t token_count;
    uint64_t removed;            /* result: entries that were there and are gone now */
    uint8_t epoch[ST_EPOCH_LEN]; /* result */
};

/* ---- mailboxes and who is attached ---- */

struct mailbox_look {
    struct mailbox_key key;
    uint64_t seq;                /* result: list seq of the account's last boxes_set, 0 = none */
    bool exists;                 /* result */
    uint64_t length;             /* result: entries */
    uint8_t epoch[ST_EPOCH_LEN]; /* result */
};

/* Opens the mailboxes of `devs`, and closes all others of the account with everything in them. Nothing happens if
 * `seq` is below the stored one, or the account was purged. */
struct mailbox_boxes {
    uint8_t acct[ST_ACCT_LEN];
    uint64_t seq;
    const uint32_t *devs; /* borrowed */
    size_t dev_count;     /* up to ST_DEVICES_MAX */
    uint64_t seq_r;       /* result: stored now */
};

/* Erases everything of an account and remembers MAILBOX_SEQ_PURGED for it until `until_ms`. `devs` names the devices
 * that had mailboxes, for a store that cannot list them; a store that can takes all. */
struct mailbox_purge {
    uint8_t acct[ST_ACCT_LEN];
    const uint32_t *devs; /* borrowed */
    size_t dev_count;     /* up to MAILBOX_PURGE_DEVS_MAX */
    int64_t until_ms;     /* wall clock */
};

/* Makes `presence` the one that counts, for `lease_ms`, and tells whom it replaced. Without a mailbox nothing is set.
 */
struct mailbox_presence_set {
    struct mailbox_key key;
    struct mailbox_presence presence;
    int64_t lease_ms;
    bool exists;                 /* result: there is such a mailbox */
    bool had_old;                /* result: somebody held it … */
    struct mailbox_presence old; /* … namely this one */
    uint64_t length;             /* result: entries in the mailbox, read after the presence was set */
    uint8_t epoch[ST_EPOCH_LEN]; /* result */
};

struct mailbox_presence_get {
    struct mailbox_key key;
    bool present;                     /* result */
    struct mailbox_presence presence; /* result */
};

/* Extends the lease if the presence still has this attach number. */
struct mailbox_presence_keep {
    struct mailbox_key key;
    uint64_t attach;
    int64_t lease_ms;
    bool exists;                      /* result: there is such a mailbox */
    bool kept;                        /* result: it was this one, and lives on */
    bool present;                     /* result: somebody holds it … */
    struct mailbox_presence presence; /* … namely this one */
    uint64_t length;                  /* result: entries */
    uint8_t epoch[ST_EPOCH_LEN];      /* result */
};

/* Removes the presence if it is still this one (compared in all its parts). */
struct mailbox_presence_clear {
    struct mailbox_key key;
    struct mailbox_presence presence;
    bool cleared; /* result */
};

/* ---- generation, exposed keys ---- */

/* Reads the stored generation of a device, then replaces it by `put` unless the counter in its first 8 bytes is below
 * the stored one. Only for a mailbox that exists. */
struct mailbox_generation {
    struct mailbox_key key;
    const uint8_t *put;             /* ST_GENERATION_LEN bytes, borrowed, or NULL: only read */
    bool had_old;                   /* result */
    uint8_t old[ST_GENERATION_LEN]; /* result */
};

struct mailbox_exposed_put {
    struct mailbox_key key; /* of the device that exposes */
    const uint8_t *hash;    /* ST_HASH_LEN bytes, borrowed */
    const uint8_t *mac_key; /* ST_KEY_LEN bytes, borrowed */
    int64_t at_ms;
    bool stored; /* result: false if the mailbox does not exist. A hash that is there keeps its first key */
};

struct mailbox_exposed_get {
    struct mailbox_key key;
    const uint8_t *hash;         /* borrowed */
    bool found;                  /* result */
    uint8_t mac_key[ST_KEY_LEN]; /* result */
};

/* ---- quota of attachments ---- */

/* What even the smallest attachment counts for: a folder and files cost room too, whatever is in them. */
enum { MAILBOX_BLOB_CHARGE_MIN = 65536 };

static inline uint64_t mailbox_blob_charge(uint64_t size)
{
    return size < MAILBOX_BLOB_CHARGE_MIN ? MAILBOX_BLOB_CHARGE_MIN : size;
}

enum mailbox_blob_fate { MAILBOX_BLOB_UNAVAILABLE = 0, MAILBOX_BLOB_OK, MAILBOX_BLOB_QUOTA, MAILBOX_BLOB_CONFLICT };

/* Counts an attachment against its account's quota. A repeat with the same size and chunks is OK and prolongs nothing;
 * with others it is CONFLICT. Rows past their expiry no longer count. */
struct mailbox_blob_add {
    uint8_t acct[ST_ACCT_LEN];
    uint8_t blob[ST_BLOB_ID_LEN];
    uint64_t size; /* bytes */
    uint32_t chunks;
    int64_t now_ms;
    int64_t expires_ms;
    uint64_t account_bytes_max;
    enum mailbox_blob_fate fate; /* result */
};

struct mailbox_blob_get {
    uint8_t acct[ST_ACCT_LEN];
    uint8_t blob[ST_BLOB_ID_LEN];
    bool found;      /* result: it was added by this account and has not been dropped */
    uint64_t size;   /* result */
    uint32_t chunks; /* result */
};

/* Some attachments of an account, to be erased and dropped; the next call lists others then. */
struct mailbox_blob_list {
    uint8_t acct[ST_ACCT_LEN];
    uint8_t (*blobs)[ST_BLOB_ID_LEN]; /* filled; the caller's, blob_max long */
    size_t blob_max;
    size_t blob_count; /* result: less than blob_max means that there are no more */
};

struct mailbox_blob_drop {
    uint8_t acct[ST_ACCT_LEN];
    uint8_t blob[ST_BLOB_ID_LEN];
};

/* ---- sweep ---- */

/* One bounded step of the hourly sweep. Start with a zeroed cursor; repeat until `done`. */
struct mailbox_sweep {
    int64_t entries_before_ms; /* entries older than this go */
    int64_t exposed_before_ms;
    int64_t now_ms;     /* blob rows and memories of purges whose time has come go */
    size_t box_max;     /* mailboxes to look at in this step */
    uint8_t cursor[64]; /* the backend's own */
    bool done;          /* result */
    uint64_t expired;   /* result: entries removed in this step */
};

/* A backend. `ctx` is its own store object. */
struct mailbox_ops {
    const char *name; /* "sqlite", "mem": for the log */
    enum st_err (*epochs)(void *ctx, const uint8_t *accts, size_t count, uint8_t *epochs_r);
    enum st_err (*changes)(void *ctx, uint64_t *changes_r);
    enum st_err (*append)(void *ctx, const struct mailbox_limits *limits, struct mailbox_append *items, size_t count);
    enum st_err (*read)(void *ctx, struct mailbox_read *items, size_t count, mailbox_sink_fn sink, void *sink_ctx);
    enum st_err (*remove)(void *ctx, struct mailbox_remove *items, size_t count);
    enum st_err (*look)(void *ctx, struct mailbox_look *items, size_t count);
    enum st_err (*boxes_set)(void *ctx, struct mailbox_boxes *items, size_t count);
    enum st_err (*purge)(void *ctx, struct mailbox_purge *items, size_t count);
    enum st_err (*presence_set)(void *ctx, struct mailbox_presence_set *items, size_t count);
    enum st_err (*presence_get)(void *ctx, struct mailbox_presence_get *items, size_t count);
    enum st_err (*presence_keep)(void *ctx, struct mailbox_presence_keep *items, size_t count);
    enum st_err (*presence_clear)(void *ctx, struct mailbox_presence_clear *items, size_t count);
    enum st_err (*generation)(void *ctx, struct mailbox_generation *items, size_t count);
    enum st_err (*exposed_put)(void *ctx, struct mailbox_exposed_put *items, size_t count);
    enum st_err (*exposed_get)(void *ctx, struct mailbox_exposed_get *items, size_t count);
    enum st_err (*blob_add)(void *ctx, struct mailbox_blob_add *items, size_t count);
    enum st_err (*blob_get)(void *ctx, struct mailbox_blob_get *items, size_t count);
    enum st_err (*blob_list)(void *ctx, struct mailbox_blob_list *item);
    enum st_err (*blob_drop)(void *ctx, struct mailbox_blob_drop *items, size_t count);
    enum st_err (*sweep)(void *ctx, struct mailbox_sweep *step);
    enum st_err (*time_ms)(void *ctx, int64_t *wall_ms_r);
    void (*close)(void *ctx);
};

/* An open store, by value. What opened it says how long it lives. */
struct mailbox {
    const struct mailbox_ops *ops;
    void *ctx;
};

/* ---- the calls ---- */

/* The store epoch of each account: accts is count × ST_ACCT_LEN bytes, epochs_r count × ST_EPOCH_LEN bytes. From what
 * the store knows already; it looks for changes at least each second, and after an error. */
static inline enum st_err mailbox_epochs(const struct mailbox *box, const uint8_t *accts, size_t count,
                                         uint8_t *epochs_r)
{
    return box->ops->epochs(box->ctx, accts, count, epochs_r);
}

/* A number that rises whenever the epoch of any part of the store has changed. */
static inline enum st_err mailbox_changes(const struct mailbox *box, uint64_t *changes_r)
{
    return box->ops->changes(box->ctx, changes_r);
}

/* Appends in order, all in one durable step, and reads the presences afterwards. */
static inline enum st_err mailbox_append(const struct mailbox *box, const struct mailbox_limits *limits,
                                         struct mailbox_append *items, size_t count)
{
    return box->ops->append(box->ctx, limits, items, count);
}

static inline enum st_err mailbox_read(const struct mailbox *box, struct mailbox_read *items, size_t count,
                                       mailbox_sink_fn sink, void *sink_ctx)
{
    return box->ops->read(box->ctx, items, count, sink, sink_ctx);
}

static inline enum st_err mailbox_remove(const struct mailbox *box, struct mailbox_remove *items, size_t count)
{
    return box->ops->remove(box->ctx, items, count);
}

static inline enum st_err mailbox_look(const struct mailbox *box, struct mailbox_look *items, size_t count)
{
    return box->ops->look(box->ctx, items, count);
}

static inline enum st_err mailbox_boxes_set(const struct mailbox *box, struct mailbox_boxes *items, size_t count)
{
    return box->ops->boxes_set(box->ctx, items, count);
}

static inline enum st_err mailbox_purge(const struct mailbox *box, struct mailbox_purge *items, size_t count)
{
    return box->ops->purge(box->ctx, items, count);
}

static inline enum st_err mailbox_presence_set(const struct mailbox *box, struct mailbox_presence_set *items,
                                               size_t count)
{
    return box->ops->presence_set(box->ctx, items, count);
}

static inline enum st_err mailbox_presence_get(const struct mailbox *box, struct mailbox_presence_get *items,
                                               size_t count)
{
    return box->ops->presence_get(box->ctx, items, count);
}

static inline enum st_err mailbox_presence_keep(const struct mailbox *box, struct mailbox_presence_keep *items,
                                                size_t count)
{
    return box->ops->presence_keep(box->ctx, items, count);
}

static inline enum st_err mailbox_presence_clear(const struct mailbox *box, struct mailbox_presence_clear *items,
                                                 size_t count)
{
    return box->ops->presence_clear(box->ctx, items, count);
}

static inline enum st_err mailbox_generation(const struct mailbox *box, struct mailbox_generation *items, size_t count)
{
    return box->ops->generation(box->ctx, items, count);
}

static inline enum st_err mailbox_exposed_put(const struct mailbox *box, struct mailbox_exposed_put *items,
                                              size_t count)
{
    return box->ops->exposed_put(box->ctx, items, count);
}

static inline enum st_err mailbox_exposed_get(const struct mailbox *box, struct mailbox_exposed_get *items,
                                              size_t count)
{
    return box->ops->exposed_get(box->ctx, items, count);
}

static inline enum st_err mailbox_blob_add(const struct mailbox *box, struct mailbox_blob_add *items, size_t count)
{
    return box->ops->blob_add(box->ctx, items, count);
}

static inline enum st_err mailbox_blob_get(const struct mailbox *box, struct mailbox_blob_get *items, size_t count)
{
    return box->ops->blob_get(box->ctx, items, count);
}

static inline enum st_err mailbox_blob_list(const struct mailbox *box, struct mailbox_blob_list *item)
{
    return box->ops->blob_list(box->ctx, item);
}

static inline enum st_err mailbox_blob_drop(const struct mailbox *box, struct mailbox_blob_drop *items, size_t count)
{
    return box->ops->blob_drop(box->ctx, items, count);
}

static inline enum st_err mailbox_sweep(const struct mailbox *box, struct mailbox_sweep *step)
{
    return box->ops->sweep(box->ctx, step);
}

/* The store's own clock, milliseconds since 1970: the second witness before anything expires. */
static inline enum st_err mailbox_time_ms(const struct mailbox *box, int64_t *wall_ms_r)
{
    return box->ops->time_ms(box->ctx, wall_ms_r);
}

/* Closes the store and frees what it holds; `box` is empty afterwards. An empty one is fine. */
static inline void mailbox_close(struct mailbox *box)
{
    if (box->ops != NULL)
        box->ops->close(box->ctx);
    box->ops = NULL;
    box->ctx = NULL;
}

#endif
