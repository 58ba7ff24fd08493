#include "services/relay/mailbox_mem_extra.h"

#include <stdlib.h>

enum { BLOBS_MAX = 65536 }; /* attachments of one account */

/* ---- exposed keys ---- */

static const struct mem_exposed *find_exposed(const struct mem_box *box, const uint8_t *hash)
{
    for (size_t i = 0; i < box->exposed_count; i++) {
        if (memcmp(box->exposed[i].hash, hash, ST_HASH_LEN) == 0)
            return &box->exposed[i];
    }
    return NULL;
}

enum st_err mem_extra_exposed_put(struct mailbox_mem *mem, struct mailbox_exposed_put *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct mailbox_exposed_put *item = &items[i];
        struct mem_box *box = mem_data_box(&mem->data, &item->key);
        item->stored = box != NULL;
        if (box == NULL || find_exposed(box, item->hash) != NULL)
            continue;
        if (box->exposed == NULL)
            box->exposed = calloc(MAILBOX_EXPOSED_MAX, sizeof *box->exposed);
        if (box->exposed == NULL)
            return ST_ENOMEM;
        if (box->exposed_count == MAILBOX_EXPOSED_MAX) {
            memmove(box->exposed, box->exposed + 1, (MAILBOX_EXPOSED_MAX - 1) * sizeof *box->exposed);
            box->exposed_count--;
        }
        struct mem_exposed *exposed = &box->exposed[box->exposed_count++];
        memcpy(exposed->hash, item->hash, ST_HASH_LEN);
        memcpy(exposed->mac_key, item->mac_key, ST_KEY_LEN);
        exposed->at_ms = item->at_ms;
    }
    return ST_OK;
}

void mem_extra_exposed_get(struct mailbox_mem *mem, struct mailbox_exposed_get *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct mem_box *box = mem_data_box(&mem->data, &items[i].key);
        const struct mem_exposed *exposed = box == NULL ? NULL : find_exposed(box, items[i].hash);
        items[i].found = exposed != NULL;
        memset(items[i].mac_key, 0, ST_KEY_LEN);
        if (exposed != NULL)
            memcpy(items[i].mac_key, exposed->mac_key, ST_KEY_LEN);
    }
}

/* ---- quota of attachments ---- */

/* Index of the first attachment whose id is not below `blob`. */
static size_t blob_at(const struct mem_account *account, const uint8_t *blob)
{
    size_t i = 0;
    while (i < account->blob_count && memcmp(account->blobs[i].blob, blob, ST_BLOB_ID_LEN) < 0)
        i++;
    return i;
}

static struct mem_blob *find_blob(const struct mem_account *account, const uint8_t *blob)
{
    if (account == NULL)
        return NULL;
    size_t i = blob_at(account, blob);
    if (i == account->blob_count || memcmp(account->blobs[i].blob, blob, ST_BLOB_ID_LEN) != 0)
        return NULL;
    return &account->blobs[i];
}

static void drop_expired(struct mem_account *account, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < account->blob_count; i++) {
        if (account->blobs[i].expires_ms > now_ms)
            account->blobs[kept++] = account->blobs[i];
    }
    account->blob_count = kept;
}

static uint64_t blob_bytes(const struct mem_account *account)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < account->blob_count; i++)
        bytes += mailbox_blob_charge(account->blobs[i].size);
    return bytes;
}

static enum st_err insert_blob(struct mem_account *account, const struct mailbox_blob_add *item)
{
    if (account->blob_count == account->blob_cap) {
        size_t cap = account->blob_cap == 0 ? 8 : account->blob_cap * 2;
        struct mem_blob *blobs = realloc(account->blobs, cap * sizeof *blobs);
        if (blobs == NULL)
            return ST_ENOMEM;
        account->blobs = blobs;
        account->blob_cap = cap;
    }
    size_t at = blob_at(account, item->blob);
    struct mem_blob *blob = &account->blobs[at];
    memmove(blob + 1, blob, (account->blob_count - at) * sizeof *blob);
    account->blob_count++;
    memcpy(blob->blob, item->blob, ST_BLOB_ID_LEN);
    blob->size = item->size;
    blob->chunks = item->chunks;
    blob->expires_ms = item->expires_ms;
    return ST_OK;
}

static enum st_err blob_add_one(struct mailbox_mem *mem, struct mailbox_blob_add *item)
{
    item->fate = MAILBOX_BLOB_UNAVAILABLE;
    struct mem_account *account = mem_data_account(&mem->data, item->acct);
    if (account == NULL)
        return ST_ENOMEM;
    drop_expired(account, item->now_ms);
    const struct mem_blob *there = find_blob(account, item->blob);
    if (there != NULL) {
        bool same = there->size == item->size && there->chunks == item->chunks;
        item->fate = same ? MAILBOX_BLOB_OK : MAILBOX_BLOB_CONFLICT;
        return ST_OK;
    }
    uint64_t used = blob_bytes(account);
    item->fate = MAILBOX_BLOB_QUOTA;
    uint64_t charge = mailbox_blob_charge(item->size);
    if (used > item->account_bytes_max || charge > item->account_bytes_max - used || account->blob_count >= BLOBS_MAX)
        return ST_OK;
    enum st_err err = insert_blob(account, item);
    item->fate = err == ST_OK ? MAILBOX_BLOB_OK : MAILBOX_BLOB_UNAVAILABLE;
    return err;
}

enum st_err mem_extra_blob_add(struct mailbox_mem *mem, struct mailbox_blob_add *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum st_err err = blob_add_one(mem, &items[i]);
        if (err != ST_OK)
            return err;
    }
    return ST_OK;
}

void mem_extra_blob_get(struct mailbox_mem *mem, struct mailbox_blob_get *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct mem_blob *blob = find_blob(st_map_get(mem->data.accounts, items[i].acct), items[i].blob);
        items[i].found = blob != NULL;
        items[i].size = blob == NULL ? 0 : blob->size;
        items[i].chunks = blob == NULL ? 0 : blob->chunks;
    }
}

void mem_extra_blob_list(struct mailbox_mem *mem, struct mailbox_blob_list *item)
{
    const struct mem_account *account = st_map_get(mem->data.accounts, item->acct);
    item->blob_count = 0;
    for (; account != NULL && item->blob_count < account->blob_count && item->blob_count < item->blob_max;
         item->blob_count++)
        memcpy(item->blobs[item->blob_count], account->blobs[item->blob_count].blob, ST_BLOB_ID_LEN);
}

void mem_extra_blob_drop(struct mailbox_mem *mem, struct mailbox_blob_drop *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct mem_account *account = st_map_get(mem->data.accounts, items[i].acct);
        struct mem_blob *blob = find_blob(account, items[i].blob);
        if (blob == NULL)
            continue;
        size_t behind = account->blob_count - (size_t)(blob - account->blobs) - 1;
        memmove(blob, blob + 1, behind * sizeof *blob);
        account->blob_count--;
    }
}

/* ---- sweep ---- */

static uint64_t sweep_box(struct mailbox_mem *mem, struct mem_box *box, const struct mailbox_sweep *step)
{
    uint64_t expired = 0;
    while (box->count > 0 && box->slots[box->start]->at_ms < step->entries_before_ms) {
        mem_data_remove(&mem->data, box, 0);
        expired++;
    }
    size_t old = 0;
    while (old < box->exposed_count && box->exposed[old].at_ms < step->exposed_before_ms)
        old++;
    if (old > 0) {
        box->exposed_count -= old;
        memmove(box->exposed, box->exposed + old, box->exposed_count * sizeof *box->exposed);
    }
    return expired;
}

static void sweep_accounts(struct mailbox_mem *mem, int64_t now_ms)
{
    size_t cursor = 0;
    void *value;
    while (st_map_next(mem->data.accounts, &cursor, NULL, &value)) {
        struct mem_account *account = value;
        drop_expired(account, now_ms);
        if (account->seq != MAILBOX_SEQ_PURGED || account->until_ms > now_ms || account->blob_count > 0)
            continue;
        st_map_remove(mem->data.accounts, account->acct);
        free(account->blobs);
        free(account);
    }
}

void mem_extra_sweep(struct mailbox_mem *mem, struct mailbox_sweep *step)
{
    size_t cursor;
    void *value;
    memcpy(&cursor, step->cursor, sizeof cursor);
    step->expired = 0;
    step->done = false;
    for (size_t i = 0; i < step->box_max; i++) {
        if (!st_map_next(mem->data.boxes, &cursor, NULL, &value)) {
            sweep_accounts(mem, step->now_ms);
            step->done = true;
            break;
        }
        step->expired += sweep_box(mem, value, step);
    }
    memcpy(step->cursor, &cursor, sizeof cursor);
}
