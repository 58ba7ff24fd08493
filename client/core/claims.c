#include "client/core/core.h"

#include <stdio.h>

enum {
    NOTICE_MAX = 256,
    LISTS_AHEAD_MAX = 64 /* so many lists of ours may be ahead of what we know; more is nonsense */
};
#define WITHHELD_MS (INT64_C(48) * 3600 * 1000) /* so long a named list may be on its way (E2E, device lists) */

/* Only people whom the user has accepted can stop anything by what they say. */
static bool is_accepted(struct client *client, const uint8_t *acct)
{
    struct store_contact contact;
    return store_contact_get(client->store, acct, &contact) == ST_OK && contact.relation == STORE_ACCEPTED;
}

/* What is said of the sender's own list. */
static enum st_err take_theirs(struct client *client, const uint8_t *acct, uint64_t seq, struct st_view hash16,
                               bool *fetch_r)
{
    struct store_list list;
    enum st_err err = store_list_get(client->store, acct, &list);
    if (err != ST_OK)
        return err == ST_ENOTFOUND ? ST_OK : err;
    if (seq == list.seq && memcmp(hash16.p, list.hash16, sizeof list.hash16) != 0)
        return is_accepted(client, acct) ? lists_mark_changed(client, acct) : ST_OK;
    if (seq <= list.seq)
        return ST_OK;
    *fetch_r = true;
    if (seq <= list.claimed_seq)
        return ST_OK;
    list.claimed_seq = seq;
    list.claimed_at_ms = core_wall(client);
    return store_list_put(client->store, acct, &list);
}

/* What is said of our list. One notice for each number that is contradicted. */
static enum st_err take_ours(struct client *client, const uint8_t *from, uint64_t seq, struct st_view hash16)
{
    struct store_list list;
    struct store_contact contact;
    char text[NOTICE_MAX];
    enum st_err err = store_list_get(client->store, client->self.acct, &list);
    if (err != ST_OK || seq < list.seq || seq <= list.claimed_seq || seq > list.seq + LISTS_AHEAD_MAX ||
        !is_accepted(client, from))
        return err == ST_ENOTFOUND ? ST_OK : err;
    if (seq == list.seq && memcmp(hash16.p, list.hash16, sizeof list.hash16) == 0)
        return ST_OK;
    list.claimed_seq = seq;
    list.claimed_at_ms = core_wall(client);
    err = store_list_put(client->store, client->self.acct, &list);
    if (err == ST_OK)
        err = store_contact_get(client->store, from, &contact);
    if (err != ST_OK)
        return err == ST_ENOTFOUND ? ST_OK : err;
    snprintf(text, sizeof text, "The server shows @%s a device list of yours that this device does not know.",
             contact.name);
    return lists_notice(client, 0, "list_conflict", text);
}

enum st_err claims_take(struct client *client, const struct store_device *from, const struct payload *payload,
                        bool *fetch_r)
{
    bool own = memcmp(from->acct, client->self.acct, ST_ACCT_LEN) == 0;
    enum st_err err = take_theirs(client, from->acct, payload->own_list_seq, payload->own_list_hash, fetch_r);
    if (err == ST_OK && !own)
        err = take_ours(client, from->acct, payload->peer_list_seq, payload->peer_list_hash);
    return err;
}

bool claims_withheld(struct client *client, const uint8_t acct[static ST_ACCT_LEN])
{
    struct store_list list;
    return store_list_get(client->store, acct, &list) == ST_OK && list.claimed_seq > list.seq &&
           core_wall(client) - list.claimed_at_ms > WITHHELD_MS;
}
