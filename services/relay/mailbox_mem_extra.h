/* The insides of mailbox_mem: the database itself, and what mailbox_mem_boxes.c (mailboxes, presence, generation) and
 * mailbox_mem_extra.c (exposed keys, quota of attachments, sweeps) do to it. Private to the files of this backend. */
#ifndef MAILBOX_MEM_EXTRA_H
#define MAILBOX_MEM_EXTRA_H

#include "services/relay/mailbox_mem.h"
#include "services/relay/mailbox_mem_data.h"

struct presence_table;

struct mailbox_mem {
    struct st_env env;
    struct mem_data data;
    struct presence_table *presences;
    uint8_t epochs[MAILBOX_MEM_PARTS][ST_EPOCH_LEN]; /* of each part of the store */
    uint64_t changes;                                /* of the epoch */
    int64_t skew_ms;
    unsigned open_count;
    uint64_t calls;
    uint64_t fail_in; /* calls until one fails, 0 = never */
    uint64_t fail_more;
    enum st_err fail_err;
    bool fail_after; /* fail once it was carried out */
    bool fail_now;
    void (*between)(void *between_ctx, const struct mailbox_key *to);
    void *between_ctx;
};

/* The epoch of the part where this account lies. */
static inline const uint8_t *mem_epoch(const struct mailbox_mem *mem, const uint8_t *acct)
{
    return mem->epochs[acct[0] % MAILBOX_MEM_PARTS];
}

/* As the functions of struct mailbox_ops with these names. mailbox_mem_boxes.c: */
enum st_err mem_boxes_look(struct mailbox_mem *mem, struct mailbox_look *items, size_t count) ST_MUST_CHECK;
enum st_err mem_boxes_boxes_set(struct mailbox_mem *mem, struct mailbox_boxes *items, size_t count) ST_MUST_CHECK;
enum st_err mem_boxes_purge(struct mailbox_mem *mem, struct mailbox_purge *items, size_t count) ST_MUST_CHECK;
enum st_err mem_boxes_presence_set(struct mailbox_mem *mem, struct mailbox_presence_set *items,
                                   size_t count) ST_MUST_CHECK;
enum st_err mem_boxes_presence_get(struct mailbox_mem *mem, struct mailbox_presence_get *items,
                                   size_t count) ST_MUST_CHECK;
enum st_err mem_boxes_presence_keep(struct mailbox_mem *mem, struct mailbox_presence_keep *items,
                                    size_t count) ST_MUST_CHECK;
enum st_err mem_boxes_presence_clear(struct mailbox_mem *mem, struct mailbox_presence_clear *items,
                                     size_t count) ST_MUST_CHECK;
enum st_err mem_boxes_generation(struct mailbox_mem *mem, struct mailbox_generation *items, size_t count) ST_MUST_CHECK;

/* mailbox_mem_extra.c: */
enum st_err mem_extra_exposed_put(struct mailbox_mem *mem, struct mailbox_exposed_put *items,
                                  size_t count) ST_MUST_CHECK;
void mem_extra_exposed_get(struct mailbox_mem *mem, struct mailbox_exposed_get *items, size_t count);
enum st_err mem_extra_blob_add(struct mailbox_mem *mem, struct mailbox_blob_add *items, size_t count) ST_MUST_CHECK;
void mem_extra_blob_get(struct mailbox_mem *mem, struct mailbox_blob_get *items, size_t count);
void mem_extra_blob_list(struct mailbox_mem *mem, struct mailbox_blob_list *item);
void mem_extra_blob_drop(struct mailbox_mem *mem, struct mailbox_blob_drop *items, size_t count);
void mem_extra_sweep(struct mailbox_mem *mem, struct mailbox_sweep *step);

#endif
