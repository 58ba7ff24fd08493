#include "tests/contract/mailbox/mailbox_contract.h"
#include "services/relay/mailbox_mem.h"

static void *make(const struct st_env *env)
{
    struct mailbox_mem *mem;
    return mailbox_mem_new(&mem, env) == ST_OK ? mem : NULL;
}

static enum st_err open_store(void *db, const struct st_env *env, struct mailbox *box_r)
{
    (void)env;
    mailbox_mem_open(db, box_r);
    return ST_OK;
}

static void destroy(void *db)
{
    struct mailbox_mem *mem = db;
    mailbox_mem_free(&mem);
}

int main(void)
{
    static const struct mailbox_contract_backend backend = {
        .name = "mem", .make = make, .open = open_store, .destroy = destroy
    };
    return mailbox_contract_run(&backend);
}
