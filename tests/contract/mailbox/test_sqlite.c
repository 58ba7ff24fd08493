#include <stdlib.h>

#include "tests/contract/mailbox/mailbox_contract.h"
#include "services/relay/mailbox_sqlite.h"
#include "tests/contract/mailbox/sqlite_folder.h"

static void *make(const struct st_env *env)
{
    (void)env;
    struct sqlite_folder *folder = calloc(1, sizeof *folder);
    if (folder != NULL && !sqlite_folder_make(folder)) {
        free(folder);
        return NULL;
    }
    return folder;
}

static enum st_err open_store(void *db, const struct st_env *env, struct mailbox *box_r)
{
    const struct sqlite_folder *folder = db;
    return mailbox_sqlite_open(box_r, folder->path, env, NULL);
}

static void destroy(void *db)
{
    sqlite_folder_remove(db);
    free(db);
}

int main(void)
{
    static const struct mailbox_contract_backend backend = {
        .name = "sqlite", .make = make, .open = open_store, .destroy = destroy
    };
    return mailbox_contract_run(&backend);
}
