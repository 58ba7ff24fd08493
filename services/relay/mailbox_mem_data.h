/* The data behind mailbox_mem: mailboxes, accounts, and the list of changes that can be undone. Private to
 * mailbox_mem.c and mailbox_mem_data.c. */
#ifndef MAILBOX_MEM_DATA_H
#define MAILBOX_MEM_DATA_H

#include "lib/st_map.h"
#include "services/relay/mailbox.h"

struct mem_entry {
    uint64_t id; /* the last 8 bytes of the entry id; the first 8 are zero */
    struct mailbox_key from;
    uint8_t msg_id[ST_MSG_ID_LEN];
    int64_t at_ms;
    size_t body_len;
    uint8_t body[];
};

struct mem_exposed {
    uint8_t hash[ST_HASH_LEN];
    uint8_t mac_key[ST_KEY_LEN];
    int64_t at_ms;
};

struct mem_box {
    struct mailbox_key key;
    struct mem_entry **slots; /* owned; entries by rising id at [start, start + count) */
    size_t start, count, cap;
    uint64_t bytes; /* of bodies */
    bool has_generation;
    uint8_t generation[ST_GENERATION_LEN];
    struct mem_exposed *exposed; /* owned; oldest first, at most MAILBOX_EXPOSED_MAX */
    size_t exposed_count;
};

struct mem_blob {
    uint8_t blob[ST_BLOB_ID_LEN];
    uint64_t size;
    uint32_t chunks;
    int64_t expires_ms;
};

struct mem_account {
    uint8_t acct[ST_ACCT_LEN];
    uint64_t seq;
    int64_t until_ms; /* of a purged account: when it is forgotten */
    uint32_t devs[ST_DEVICES_MAX];
    size_t dev_count;       /* of the mailboxes that are open */
    struct mem_blob *blobs; /* owned; by rising id */
    size_t blob_count, blob_cap;
};

/* A change that can be undone. */
struct mem_change {
    enum mem_change_kind { MEM_APPENDED, MEM_REMOVED, MEM_OPENED, MEM_CLOSED, MEM_SEQ, MEM_GENERATION } kind;
    struct mailbox_key key;
    struct mem_entry *entry; /* MEM_REMOVED: owned */
    struct mem_box *box;     /* MEM_CLOSED: owned */
    uint64_t number;         /* MEM_APPENDED: id; MEM_SEQ: the seq before */
    bool had_generation;
    uint8_t generation[ST_GENERATION_LEN]; /* MEM_GENERATION: the one before */
};

struct mem_data {
    struct st_map *boxes;    /* mailbox_key → struct mem_box, owned */
    struct st_map *accounts; /* acct → struct mem_account, owned */
    uint64_t next_id;
    struct mem_change *changes; /* owned; a ring, which grows up to MAILBOX_MEM_UNDO_MAX */
    size_t change_first, change_count, change_cap;
};

enum st_err mem_data_init(struct mem_data *data, const struct st_env *env) ST_MUST_CHECK;
void mem_data_deinit(struct mem_data *data);

struct mem_box *mem_data_box(const struct mem_data *data, const struct mailbox_key *key);

/* The account's node, made if need be; NULL without memory. */
struct mem_account *mem_data_account(struct mem_data *data, const uint8_t *acct);

/* The entry with this id, or NULL. */
struct mem_entry *mem_box_entry(const struct mem_box *box, uint64_t id);

/* Index (0 = oldest) of the first entry whose id is above `id`. */
size_t mem_box_after(const struct mem_box *box, uint64_t id);

/* Appends a copy of the item's message and notes the change; sets *id_r. */
enum st_err mem_data_append(struct mem_data *data, struct mem_box *box, const struct mailbox_append *item,
                            uint64_t *id_r) ST_MUST_CHECK;

/* Takes the entry at this index out and notes the change. */
void mem_data_remove(struct mem_data *data, struct mem_box *box, size_t index);

enum st_err mem_data_open_box(struct mem_data *data, struct mem_account *account, uint32_t dev) ST_MUST_CHECK;
void mem_data_close_box(struct mem_data *data, struct mem_account *account, uint32_t dev);
void mem_data_set_seq(struct mem_data *data, struct mem_account *account, uint64_t seq);
void mem_data_set_generation(struct mem_data *data, struct mem_box *box, const uint8_t *generation);

/* Undoes the newest change; false if there is none. */
bool mem_data_undo(struct mem_data *data);

#endif
