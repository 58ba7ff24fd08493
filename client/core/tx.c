#include "client/core/core.h"

enum st_err tx_begin(struct client *client)
{
    return store_begin(client->store);
}

enum st_err tx_commit(struct client *client)
{
    uint64_t generation;
    enum st_err err = peers_save(client);
    if (err == ST_OK)
        err = store_generation_next(client->store, &generation);
    if (err == ST_OK)
        err = store_commit(client->store);
    if (err != ST_OK)
        tx_rollback(client);
    return err;
}

void tx_rollback(struct client *client)
{
    store_rollback(client->store);
    peers_forget(client);
}

enum st_err tx_end(struct client *client, enum st_err err)
{
    if (err == ST_OK)
        return tx_commit(client);
    tx_rollback(client);
    return err;
}
