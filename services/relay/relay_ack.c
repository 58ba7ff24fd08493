#include "services/relay/relay_internal.h"

/* ---- ack ---- */

/* The tokens of an ack side by side, as the store takes them. */
static const uint8_t *join_tokens(struct relay_core *core, struct st_records tokens)
{
    uint8_t *joined = relay_arena_take(&core->arena, tokens.count * ST_TOKEN_LEN);
    struct st_view token;
    for (uint8_t *to = joined; to != NULL && st_bytes_list_next(&tokens, &token); to += ST_TOKEN_LEN)
        memcpy(to, token.p, ST_TOKEN_LEN);
    return joined;
}

void relay_ack_take(struct relay_core *core, const struct relay_item *item)
{
    struct st_msg_ack msg;
    if (!relay_send_read(core, item, &msg))
        return;
    const uint8_t *tokens = join_tokens(core, msg.tokens);
    if (tokens == NULL)
        return; /* without memory the entries come again */
    relay_gather_add(core, item, RELAY_BATCH_MAX, relay_ack_finish);
    struct mailbox_remove *remove = &core->gathered.removes[core->gathered.count - 1];
    memset(remove, 0, sizeof *remove);
    remove->key = item->who;
    remove->tokens = tokens;
    remove->token_count = msg.tokens.count;
    if (!ST_HAS(&msg, 2))
        return;
    struct mailbox_generation *generation = &core->gathered.generations[core->gathered.generation_count++];
    memset(generation, 0, sizeof *generation);
    generation->key = item->who;
    generation->put = msg.generation.p;
}

/* The session has credit again. */
static void give_credit(struct relay_core *core, const struct mailbox_remove *remove)
{
    struct relay_session *session = relay_session_get(core, &remove->key);
    core->stats.acked += remove->removed;
    if (session == NULL)
        return;
    relay_session_see_epoch(core, session, remove->epoch);
    for (size_t i = 0; i < remove->token_count; i++) {
        const uint8_t *token = remove->tokens + i * ST_TOKEN_LEN;
        if (memcmp(token, session->epoch, ST_EPOCH_LEN) == 0)
            (void)relay_inflight_take(&session->inflight, token + ST_EPOCH_LEN);
    }
    relay_session_want(core, session);
}

void relay_ack_finish(struct relay_core *core)
{
    struct relay_gathered *gathered = &core->gathered;
    if (gathered->count > 0) {
        enum st_err err = mailbox_remove(&core->deps.mailbox, gathered->removes, gathered->count);
        if (err != ST_OK)
            relay_send_log_store(core, "remove", err); /* the entries come again, and are acknowledged again */
        for (size_t i = 0; err == ST_OK && i < gathered->count; i++)
            give_credit(core, &gathered->removes[i]);
    }
    if (gathered->generation_count > 0) {
        enum st_err err = mailbox_generation(&core->deps.mailbox, gathered->generations, gathered->generation_count);
        if (err != ST_OK)
            relay_send_log_store(core, "generation", err); /* it comes with the next ping too */
    }
    gathered->count = 0;
    gathered->generation_count = 0;
}

/* ---- fetch, wake ---- */

void relay_ack_take_fetch(struct relay_core *core, const struct relay_item *item)
{
    struct st_msg_fetch msg;
    if (!relay_send_read(core, item, &msg))
        return;
    struct relay_session *session = relay_session_get(core, &item->who);
    if (session == NULL || session->sid != item->sid) {
        relay_send_error(core, item, ST_CODE_WRONG_STATE, "this connection is not attached");
        return;
    }
    relay_session_rewind(core, session);
}

void relay_ack_take_wake(struct relay_core *core, const struct relay_item *item)
{
    struct st_int_wake msg;
    if (!relay_send_read(core, item, &msg))
        return;
    struct mailbox_key key = mailbox_key(msg.acct.p, (uint32_t)msg.dev);
    struct relay_session *session = relay_session_get(core, &key);
    core->stats.wakes_taken++;
    /* One that is not attached here reads its mailbox when it attaches. */
    if (session != NULL)
        relay_session_rewind(core, session);
}
