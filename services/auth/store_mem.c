#include "services/auth/store_mem.h"

#include <stdlib.h>

#include "services/auth/store_mem_db.h"

static const struct {
    size_t row_len;
    size_t key_len;
} layouts[MEM_TABLES] = {
    [MEM_ACCOUNT] = { sizeof(struct mem_account), ST_ACCT_LEN },
    [MEM_NAME] = { sizeof(struct mem_name), sizeof(struct auth_text) },
    [MEM_TOMBSTONE] = { sizeof(struct mem_tombstone), ST_HASH_LEN },
    [MEM_DEVICE] = { sizeof(struct mem_device), MEM_DEVICE_KEY },
    [MEM_TK] = { sizeof(struct mem_tk), ST_KEY_LEN },
    [MEM_LIST] = { sizeof(struct mem_list), MEM_LIST_KEY },
    [MEM_OPK] = { sizeof(struct mem_opk), MEM_OPK_KEY },
    [MEM_GRANT] = { sizeof(struct mem_grant), MEM_GRANT_KEY },
    [MEM_BY_REQUESTER] = { sizeof(struct mem_by_requester), MEM_BY_REQUESTER_KEY },
    [MEM_OFFER] = { sizeof(struct mem_offer), MEM_DEVICE_KEY },
    [MEM_INVITE] = { sizeof(struct mem_invite), ST_HASH_LEN },
    [MEM_THROTTLE] = { sizeof(struct mem_throttle), MEM_THROTTLE_KEY },
    [MEM_ERASE] = { sizeof(struct mem_erase), ST_ACCT_LEN },
    [MEM_AUDIT] = { sizeof(struct mem_audit), 8 },
    [MEM_SETTING] = { sizeof(struct mem_setting), MEM_SETTING_KEY },
};

enum st_err auth_mem_new(struct auth_mem **mem_r)
{
    *mem_r = calloc(1, sizeof **mem_r);
    if (*mem_r == NULL)
        return ST_ENOMEM;
    for (size_t i = 0; i < MEM_TABLES; i++)
        mem_table_init(&(*mem_r)->tables[i], layouts[i].row_len, layouts[i].key_len);
    return ST_OK;
}

void auth_mem_free(struct auth_mem **mem)
{
    if (*mem == NULL)
        return;
    for (size_t i = 0; i < MEM_TABLES; i++)
        mem_table_deinit(&(*mem)->tables[i]);
    mem_undo_deinit(&(*mem)->undo);
    free(*mem);
    *mem = NULL;
}

void auth_mem_set_fault(struct auth_mem *mem, auth_mem_fault_fn hook, void *hook_ctx)
{
    mem->fault = hook;
    mem->fault_ctx = hook_ctx;
}

uint64_t auth_mem_calls(const struct auth_mem *mem)
{
    return mem->calls;
}

/* ---- transactions ---- */

/* Undoes everything of the store's transaction and ends it. */
static void abandon(struct mem_store *store)
{
    if (store->mem->holder == store) {
        mem_undo_to(&store->mem->undo, 0);
        store->mem->holder = NULL;
    }
    store->depth = 0;
    store->broken = false;
}

static void crash(struct mem_store *store)
{
    abandon(store);
    store->dead = true;
}

/* Counts the call and asks what shall happen to it. The answer is an error, or ST_OK with the fault to be carried out
 * at the call's end. */
static enum st_err ask_fault(struct mem_store *store, enum auth_mem_fault *fault_r)
{
    struct auth_mem *mem = store->mem;
    *fault_r = AUTH_MEM_OK;
    mem->calls++;
    if (store->dead)
        return ST_EUNAVAILABLE;
    if (mem->fault != NULL)
        *fault_r = mem->fault(mem->fault_ctx, mem->calls);
    switch (*fault_r) {
    case AUTH_MEM_FAIL:
    case AUTH_MEM_FULL:
        store->broken = store->depth > 0;
        return *fault_r == AUTH_MEM_FAIL ? ST_EUNAVAILABLE : ST_EFULL;
    case AUTH_MEM_CRASH:
        crash(store);
        return ST_EUNAVAILABLE;
    case AUTH_MEM_OK:
    case AUTH_MEM_CRASH_AFTER:
        break;
    }
    return ST_OK;
}

static enum st_err mem_begin(void *ctx)
{
    struct mem_store *store = ctx;
    enum auth_mem_fault fault;
    enum st_err err = ask_fault(store, &fault);
    if (err != ST_OK)
        return err;
    if (store->broken || (store->mem->holder != NULL && store->mem->holder != store))
        return ST_EUNAVAILABLE;
    if (store->depth >= 2)
        return ST_EREFUSED;
    store->mem->holder = store;
    store->marks[store->depth++] = store->mem->undo.count;
    if (fault == AUTH_MEM_CRASH_AFTER) {
        crash(store);
        return ST_EUNCERTAIN;
    }
    return ST_OK;
}

static enum st_err mem_commit(void *ctx)
{
    struct mem_store *store = ctx;
    if (store->depth == 0 && !store->dead)
        return ST_EREFUSED;
    enum auth_mem_fault fault;
    enum st_err err = ask_fault(store, &fault);
    if (err == ST_OK && store->broken)
        err = ST_EUNAVAILABLE;
    if (store->dead)
        return err;
    store->depth--;
    if (store->depth == 0 && err != ST_OK)
        abandon(store);
    if (store->depth == 0 && err == ST_OK) {
        mem_undo_forget(&store->mem->undo);
        store->mem->holder = NULL;
    }
    if (fault == AUTH_MEM_CRASH_AFTER) {
        crash(store);
        return ST_EUNCERTAIN;
    }
    return err;
}

static void mem_rollback(void *ctx)
{
    struct mem_store *store = ctx;
    if (store->depth == 0)
        return;
    store->depth--;
    mem_undo_to(&store->mem->undo, store->marks[store->depth]);
    if (store->depth == 0)
        abandon(store);
}

enum st_err mem_call_begin(struct mem_call *call, void *ctx)
{
    struct mem_store *store = ctx;
    *call = (struct mem_call) { store, 0, AUTH_MEM_OK };
    enum st_err err = ask_fault(store, &call->fault);
    if (err != ST_OK)
        return err;
    if (store->broken || (store->mem->holder != NULL && store->mem->holder != store))
        return ST_EUNAVAILABLE;
    call->mark = store->mem->undo.count;
    return ST_OK;
}

enum st_err mem_call_end(struct mem_call *call, enum st_err err)
{
    struct mem_store *store = call->store;
    if (err != ST_OK)
        mem_undo_to(&store->mem->undo, call->mark);
    if (store->depth == 0)
        mem_undo_forget(&store->mem->undo);
    else if (auth_store_failed(err))
        store->broken = true;
    if (call->fault == AUTH_MEM_CRASH_AFTER) {
        crash(store);
        return ST_EUNCERTAIN;
    }
    return err;
}

/* ---- opening and closing ---- */

/* One allocation: the store and the table that struct auth_store points to. */
struct mem_handle {
    struct mem_store store; /* first: ctx points to it */
    struct auth_store_ops ops;
};

static void mem_close(void *ctx)
{
    struct mem_handle *handle = ctx;
    abandon(&handle->store);
    free(handle);
}

enum st_err auth_mem_open(struct auth_mem *mem, struct auth_store *store_r)
{
    memset(store_r, 0, sizeof *store_r);
    struct mem_handle *handle = calloc(1, sizeof *handle);
    if (handle == NULL)
        return ST_ENOMEM;
    handle->store.mem = mem;
    handle->ops = (struct auth_store_ops) {
        .name = "mem",
        .begin = mem_begin,
        .commit = mem_commit,
        .rollback = mem_rollback,
        .close = mem_close,
    };
    mem_account_ops(&handle->ops);
    mem_device_ops(&handle->ops);
    mem_prekey_ops(&handle->ops);
    mem_policy_ops(&handle->ops);
    store_r->ops = &handle->ops;
    store_r->ctx = &handle->store;
    return ST_OK;
}

/* ---- backups ---- */

enum st_err auth_mem_snapshot(const struct auth_mem *mem, struct auth_mem **copy_r)
{
    *copy_r = NULL;
    if (mem->holder != NULL)
        return ST_EUNAVAILABLE;
    struct auth_mem *copy;
    enum st_err err = auth_mem_new(&copy);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; i < MEM_TABLES && err == ST_OK; i++)
        err = mem_table_copy(&copy->tables[i], &mem->tables[i]);
    if (err != ST_OK) {
        auth_mem_free(&copy);
        return err;
    }
    *copy_r = copy;
    return ST_OK;
}

enum st_err auth_mem_restore(struct auth_mem *mem, const struct auth_mem *copy)
{
    if (mem->holder != NULL)
        return ST_EUNAVAILABLE;
    struct auth_mem *fresh;
    enum st_err err = auth_mem_snapshot(copy, &fresh);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; i < MEM_TABLES; i++) {
        struct mem_table old = mem->tables[i];
        mem->tables[i] = fresh->tables[i];
        fresh->tables[i] = old;
    }
    auth_mem_free(&fresh);
    return ST_OK;
}
