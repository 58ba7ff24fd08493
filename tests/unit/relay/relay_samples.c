#include "tests/unit/relay/relay_samples.h"

#include <string.h>

const struct relay_sample relay_samples[RELAY_SAMPLES] = {
    { "message", ST_MESSAGE, ST_HOP_DEVICE },       { "ack", ST_ACK, ST_HOP_DEVICE },
    { "fetch", ST_FETCH, ST_HOP_DEVICE },           { "epochs", ST_EPOCHS, ST_HOP_DEVICE },
    { "expose_key", ST_EXPOSE_KEY, ST_HOP_DEVICE }, { "get_exposed", ST_GET_EXPOSED, ST_HOP_DEVICE },
    { "put_blob", ST_PUT_BLOB, ST_HOP_DEVICE },     { "put_chunk", ST_PUT_CHUNK, ST_HOP_DEVICE },
    { "get_blob", ST_GET_BLOB, ST_HOP_DEVICE },     { "svc_ping", ST_SVC_PING, ST_HOP_SERVICE },
    { "boxes_set", ST_BOXES_SET, ST_HOP_SERVICE },  { "purge", ST_PURGE, ST_HOP_SERVICE },
    { "attach", ST_ATTACH, ST_HOP_DEVICE },         { "detach", ST_DETACH, ST_HOP_DEVICE },
    { "alive", ST_ALIVE, ST_HOP_SERVICE },          { "wake", ST_WAKE, ST_HOP_SERVICE },
    { "notify", ST_NOTIFY, ST_HOP_SERVICE },
};

/* What the samples are made of. */
struct parts {
    struct st_view acct, token, id, generation, hash, body;
    const uint8_t *devs;
};

static enum st_err write_client(enum st_type type, const struct parts *parts, struct st_buf *out)
{
    struct st_msg_copy copies[2] = { { .dev = 1, .body = parts->body },
                                     { .dev = 2, .body = parts->body, .token = parts->token } };
    ST_SET(&copies[1], 3);
    struct st_msg_exposed exposed = { .hash = parts->hash, .key = parts->hash };
    struct st_msg_message message = { .to = parts->acct, .id = parts->id, .copies = { .count = 2, .items = copies } };
    struct st_msg_ack ack = { .tokens = { .count = 1, .items = parts->token.p }, .generation = parts->generation };
    ST_SET(&ack, 2);
    struct st_msg_fetch fetch = { 0 };
    struct st_msg_epochs epochs = { .accts = { .count = 1, .items = parts->acct.p } };
    struct st_msg_expose_key expose = { .keys = { .count = 1, .items = &exposed } };
    struct st_msg_get_exposed get_exposed = { .acct = parts->acct, .dev = 1, .hash = parts->hash };
    struct st_msg_put_blob put_blob = { .blob = parts->id, .size = 500, .chunks = 1 };
    struct st_msg_put_chunk put_chunk = { .blob = parts->id, .index = 0, .data = parts->body };
    struct st_msg_get_blob get_blob = { .blob = parts->id, .index = 0 };
    const struct {
        enum st_type type;
        const void *msg;
    } table[] = {
        { ST_MESSAGE, &message },   { ST_ACK, &ack },
        { ST_FETCH, &fetch },       { ST_EPOCHS, &epochs },
        { ST_EXPOSE_KEY, &expose }, { ST_GET_EXPOSED, &get_exposed },
        { ST_PUT_BLOB, &put_blob }, { ST_PUT_CHUNK, &put_chunk },
        { ST_GET_BLOB, &get_blob },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].type == type)
            return st_frame_write(type, 7, table[i].msg, out);
    }
    return ST_ENOTFOUND;
}

static enum st_err write_internal(enum st_type type, const struct parts *parts, struct st_buf *out)
{
    const struct st_records devs = { .count = 2, .items = parts->devs };
    struct st_int_alive_item living = {
        .acct = parts->acct, .dev = 1, .sid = 5, .attach = 6, .generation = parts->generation
    };
    ST_SET(&living, 5);
    struct st_int_svc_ping ping = { .boot = 1 };
    struct st_int_boxes_set boxes = { .acct = parts->acct, .seq = 2, .devs = devs };
    struct st_int_purge purge = { .acct = parts->acct, .devs = devs };
    struct st_int_attach attach = { .generation = parts->generation, .list_seq = 1, .devs = devs };
    ST_SET(&attach, 1);
    struct st_int_detach detach = { .attach = 6 };
    struct st_int_alive alive = { .items = { .count = 1, .items = &living } };
    struct st_int_wake wake = { .acct = parts->acct, .dev = 1 };
    struct st_int_notify notify = { .acct = parts->acct, .dev = 1, .kind = 1, .number = 3 };
    ST_SET(&notify, 4);
    const struct {
        enum st_type type;
        const void *msg;
    } table[] = {
        { ST_SVC_PING, &ping }, { ST_BOXES_SET, &boxes }, { ST_PURGE, &purge }, { ST_ATTACH, &attach },
        { ST_DETACH, &detach }, { ST_ALIVE, &alive },     { ST_WAKE, &wake },   { ST_NOTIFY, &notify },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].type == type)
            return st_frame_write(type, 7, table[i].msg, out);
    }
    return ST_ENOTFOUND;
}

enum st_err relay_sample_write(size_t i, const uint8_t *acct, const uint8_t *token, struct st_buf *out)
{
    static const uint8_t id[ST_MSG_ID_LEN] = { 1, 2, 3 };
    static const uint8_t generation[ST_GENERATION_LEN] = { 0, 0, 0, 0, 0, 0, 0, 4 };
    static const uint8_t hash[ST_HASH_LEN] = { 8 };
    static const uint8_t body[ST_ENVELOPE_MIN] = { 9 };
    static const uint8_t devs[8] = { 0, 0, 0, 1, 0, 0, 0, 2 };
    struct parts parts = { .acct = st_view(acct, ST_ACCT_LEN),
                           .token = st_view(token, ST_TOKEN_LEN),
                           .id = st_view(id, sizeof id),
                           .generation = st_view(generation, sizeof generation),
                           .hash = st_view(hash, sizeof hash),
                           .body = st_view(body, sizeof body),
                           .devs = devs };
    enum st_type type = relay_samples[i].type;
    return type < 128 ? write_client(type, &parts, out) : write_internal(type, &parts, out);
}
