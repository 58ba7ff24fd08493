#include "client/core/core.h"

#include <stdlib.h>

#include <sodium.h>

#include "client/e2e/e2e_attachment.h"
#include "lib/st_wipe.h"

/* Attachments as encrypted blobs. Going up: the sealed file lies in the blob folder until the message has its receipt,
 * and is sent chunk by chunk from where the server says it stopped. Coming down: chunks into the blob folder, then the
 * digest, then the plaintext. A chunk of the wire is a piece of client/e2e/e2e_attachment.h. */

enum {
    WINDOW = 4, /* chunks on their way at one time */
    RETRY_MS = 2000
};

/* One transfer. */
struct transfer {
    bool active;
    bool asked;      /* upload: put_blob was sent */
    unsigned serial; /* tells late answers of an earlier transfer apart */
    struct store_attachment attachment;
    uint8_t msg_id[ST_MSG_ID_LEN];
    uint8_t done[STORE_CHUNK_MAP_BYTES];
    uint32_t next; /* chunk to send or ask for next */
    uint32_t in_flight;
    uint32_t finished;       /* chunks */
    int64_t wait_ms;         /* nothing is sent before */
    struct client_sink sink; /* download */
    client_done_fn fn;
    void *ctx;
};

struct blobs {
    struct transfer up;
    struct transfer down;
    bool more_uploads;
};

enum st_err blobs_new(struct client *client)
{
    client->blobs = calloc(1, sizeof *client->blobs);
    if (client->blobs == NULL)
        return ST_ENOMEM;
    client->blobs->more_uploads = true;
    return ST_OK;
}

static void clear(struct transfer *transfer)
{
    unsigned serial = transfer->serial + 1;
    sodium_memzero(transfer, sizeof *transfer);
    transfer->serial = serial;
}

void blobs_free(struct client *client)
{
    if (client->blobs == NULL)
        return;
    clear(&client->blobs->up);
    clear(&client->blobs->down);
    free(client->blobs);
    client->blobs = NULL;
}

static bool has_chunk(const uint8_t *map, uint32_t chunk)
{
    return map[chunk >> 3] >> (chunk & 7) & 1;
}

static void set_chunk(uint8_t *map, uint32_t chunk)
{
    map[chunk >> 3] = (uint8_t)(map[chunk >> 3] | 1u << (chunk & 7));
}

/* Where a piece lies in the blob, and how long it is: the first is longer by the stream's header, the last is what is
 * left. */
static uint64_t piece_offset(uint32_t index)
{
    const uint64_t later = E2E_PIECE_PLAIN + E2E_SEAL_BYTES;
    return index == 0 ? 0 : E2E_PIECE_MAX + (index - 1) * later;
}

static size_t piece_len(const struct store_attachment *attachment, uint32_t index)
{
    uint64_t end = index + 1 == attachment->chunks ? attachment->blob_bytes : piece_offset(index + 1);
    uint64_t len = end - piece_offset(index);
    return end > piece_offset(index) && len <= E2E_PIECE_MAX ? (size_t)len : 0;
}

static void tell_progress(struct client *client, const struct transfer *transfer)
{
    uint64_t total = transfer->attachment.blob_bytes;
    uint64_t done = piece_offset(transfer->finished);
    struct client_event event = { .kind = CLIENT_EVENT_PROGRESS,
                                  .done_bytes = done < total ? done : total,
                                  .total_bytes = total };
    memcpy(event.id, transfer->msg_id, sizeof event.id);
    client->out.event(client->out.ctx, &event);
}

static void pause_transfer(struct client *client, struct transfer *transfer, const struct client_result *failure)
{
    int64_t wait = failure != NULL && failure->retry_after_s > 0 ? (int64_t)failure->retry_after_s * 1000 : RETRY_MS;
    transfer->wait_ms = core_mono(client) + wait;
}

/* ---- sealing ---- */

/* Fills `room` bytes of the file, or fails if it ends earlier. */
static enum st_err read_exactly(const struct client_file *file, uint8_t *out, size_t room)
{
    size_t got = 0;
    while (got < room) {
        size_t len = room - got;
        enum st_err err = file->read(file->ctx, out + got, &len);
        if (err != ST_OK)
            return err;
        if (len == 0)
            return ST_EMALFORMED; /* it became shorter while it was read */
        got += len;
    }
    return ST_OK;
}

static enum st_err seal_pieces(struct client *client, const struct client_file *file, struct e2e_seal *seal,
                               const uint8_t *blob_id)
{
    uint32_t pieces = e2e_attachment_pieces(file->bytes);
    uint8_t *plain = malloc(E2E_PIECE_PLAIN);
    struct st_buf piece;
    st_buf_init(&piece, E2E_PIECE_MAX);
    enum st_err err = plain == NULL ? ST_ENOMEM : ST_OK;
    for (uint32_t i = 0; i < pieces && err == ST_OK; i++) {
        size_t len = e2e_attachment_piece_file_bytes(file->bytes, i);
        st_buf_clear(&piece);
        err = read_exactly(file, plain, len);
        if (err == ST_OK)
            err = e2e_attachment_seal_piece(seal, st_view(plain, len), &piece);
        if (err == ST_OK)
            err = client->out.blob_write(client->out.ctx, blob_id, piece_offset(i), st_buf_view(&piece));
    }
    if (plain != NULL)
        sodium_memzero(plain, E2E_PIECE_PLAIN);
    free(plain);
    st_buf_free(&piece);
    return err;
}

enum st_err blobs_seal(struct client *client, const struct client_file *file, struct store_attachment *out)
{
    memset(out, 0, sizeof *out);
    st_env_random(client->env, out->blob_id, sizeof out->blob_id);
    struct e2e_seal seal;
    enum st_err err = e2e_attachment_seal_begin(&seal, client->env, file->bytes, out->key);
    if (err != ST_OK)
        return err;
    err = seal_pieces(client, file, &seal, out->blob_id);
    if (err == ST_OK)
        err = e2e_attachment_seal_end(&seal, out->digest, out->sha256);
    if (err == ST_OK)
        err = client->out.blob_sync(client->out.ctx, out->blob_id);
    e2e_attachment_seal_drop(&seal);
    if (err != ST_OK) {
        client->out.blob_delete(client->out.ctx, out->blob_id);
        ST_WIPE(out->key);
        return err;
    }
    out->plain_bytes = file->bytes;
    out->blob_bytes = e2e_attachment_blob_bytes(file->bytes);
    out->chunks = e2e_attachment_pieces(file->bytes);
    out->upload = true;
    out->state = STORE_ATTACHMENT_LOCAL;
    size_t name_len = strlen(file->name), mime_len = strlen(file->mime);
    if (name_len > STORE_FILE_NAME_MAX || mime_len > STORE_MIME_MAX)
        return ST_ELIMIT;
    memcpy(out->name, file->name, name_len);
    memcpy(out->mime, file->mime, mime_len);
    return ST_OK;
}

/* ---- going up ---- */

static void push_chunks(struct client *client);
static void start_upload(struct client *client);

/* All chunks are at the server: the messages that waited may go. */
static void finish_upload(struct client *client)
{
    struct transfer *up = &client->blobs->up;
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, store_attachment_finish(client->store, up->attachment.message, up->attachment.index));
    if (err != ST_OK) {
        core_warn(client, "the end of an upload could not be noted");
        up->asked = false; /* the server says again that all is there */
        pause_transfer(client, up, NULL);
        return;
    }
    clear(up);
    outbox_pump(client);
    start_upload(client);
}

static enum st_err drop_copy(void *ctx, const struct store_copy *copy)
{
    struct client *client = ctx;
    struct store_device to = copy->to;
    uint8_t id[ST_MSG_ID_LEN];
    memcpy(id, copy->msg_id, sizeof id);
    return store_outbox_drop(client->store, id, &to, NULL);
}

static enum st_err finish_one(void *ctx, const struct store_attachment *attachment)
{
    struct client *client = ctx;
    return store_attachment_finish(client->store, attachment->message, attachment->index);
}

/* The server will never take this file: its message has failed, and the next upload's turn has come. */
static void fail_upload(struct client *client, const struct client_result *failure)
{
    struct transfer *up = &client->blobs->up;
    struct client_event event = { .kind = CLIENT_EVENT_STATE, .state = STORE_STATE_FAILED, .result = *failure };
    memcpy(event.id, up->msg_id, sizeof event.id);
    struct store_outbox_query query = { .msg_id = up->msg_id };
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = store_outbox_each(client->store, &query, drop_copy, client);
    if (err == ST_OK)
        err = store_attachment_each(client->store, up->attachment.message, finish_one, client);
    if (err == ST_OK)
        err =
            store_message_set_state(client->store, up->attachment.message, STORE_STATE_FAILED, "upload_refused", NULL);
    if (store_in_transaction(client->store))
        err = tx_end(client, err);
    if (err != ST_OK) {
        core_warn(client, "a refused upload could not be noted");
        pause_transfer(client, up, failure);
        return;
    }
    clear(up);
    client->out.event(client->out.ctx, &event);
    client->blobs->more_uploads = true;
    outbox_pump(client);
}

static void on_chunk_stored(struct client *client, void *ctx, const struct st_frame *reply,
                            const struct client_result *failure)
{
    struct transfer *up = &client->blobs->up;
    struct st_msg_put_chunk_r msg;
    if (!up->active || (uintptr_t)ctx != up->serial)
        return;
    up->in_flight--;
    if (failure != NULL || reply->type != ST_PUT_CHUNK_R || st_frame_read(reply, &msg) != ST_OK ||
        msg.index >= up->attachment.chunks) {
        up->asked = false; /* ask again what is there, after a while */
        pause_transfer(client, up, failure);
        return;
    }
    if (!has_chunk(up->done, (uint32_t)msg.index)) {
        set_chunk(up->done, (uint32_t)msg.index);
        up->finished++;
    }
    tell_progress(client, up);
    if (up->finished == up->attachment.chunks)
        finish_upload(client);
    else
        push_chunks(client);
}

static enum st_err push_chunk(struct client *client, struct transfer *up, uint8_t *room)
{
    size_t len = piece_len(&up->attachment, up->next);
    enum st_err err =
        client->out.blob_read(client->out.ctx, up->attachment.blob_id, piece_offset(up->next), room, &len);
    if (err != ST_OK || len == 0)
        return err == ST_OK ? ST_ENOTFOUND : err;
    struct st_msg_put_chunk msg = { .blob = st_view(up->attachment.blob_id, ST_BLOB_ID_LEN),
                                    .index = up->next,
                                    .data = st_view(room, len) };
    return link_request(client, CLIENT_DEVICE, ST_PUT_CHUNK, &msg, on_chunk_stored, (void *)(uintptr_t)up->serial);
}

static void push_chunks(struct client *client)
{
    struct transfer *up = &client->blobs->up;
    uint8_t *room = malloc(E2E_PIECE_MAX);
    while (room != NULL && up->in_flight < WINDOW && up->next < up->attachment.chunks) {
        enum st_err err = has_chunk(up->done, up->next) ? ST_EEXISTS : push_chunk(client, up, room);
        if (err == ST_OK)
            up->in_flight++;
        if (err == ST_ENOTFOUND) { /* the sealed file is gone: nothing can be uploaded any more */
            struct client_result failure = core_result(CLIENT_DAMAGED);
            free(room);
            fail_upload(client, &failure);
            return;
        }
        if (err != ST_OK && err != ST_EEXISTS) {
            up->asked = false;
            pause_transfer(client, up, NULL);
            break;
        }
        up->next++;
    }
    free(room);
}

static void on_blob_begun(struct client *client, void *ctx, const struct st_frame *reply,
                          const struct client_result *failure)
{
    struct transfer *up = &client->blobs->up;
    struct st_msg_put_blob_r msg;
    if (!up->active || (uintptr_t)ctx != up->serial)
        return;
    if (failure != NULL || reply->type != ST_PUT_BLOB_R || st_frame_read(reply, &msg) != ST_OK) {
        up->asked = false;
        if (failure != NULL && (failure->reason == CLIENT_QUOTA || failure->reason == CLIENT_TOO_LARGE ||
                                failure->reason == CLIENT_NOT_ALLOWED))
            fail_upload(client, failure);
        else
            pause_transfer(client, up, failure);
        return;
    }
    memset(up->done, 0, sizeof up->done);
    up->finished = 0;
    up->next = 0;
    for (uint32_t i = 0; i < up->attachment.chunks && i / 8 < msg.there.len; i++) {
        if (msg.there.p[i / 8] >> (7 - i % 8) & 1) {
            set_chunk(up->done, i);
            up->finished++;
        }
    }
    if (up->finished == up->attachment.chunks)
        finish_upload(client);
    else
        push_chunks(client);
}

static void ask_upload(struct client *client)
{
    struct transfer *up = &client->blobs->up;
    struct st_msg_put_blob msg = { .blob = st_view(up->attachment.blob_id, ST_BLOB_ID_LEN),
                                   .size = up->attachment.blob_bytes,
                                   .chunks = up->attachment.chunks };
    up->in_flight = 0;
    if (link_request(client, CLIENT_DEVICE, ST_PUT_BLOB, &msg, on_blob_begun, (void *)(uintptr_t)up->serial) == ST_OK)
        up->asked = true;
    else
        pause_transfer(client, up, NULL);
}

static enum st_err take_first_open(void *ctx, const struct store_attachment *attachment)
{
    struct transfer *up = ctx;
    if (!up->active) {
        up->active = true;
        up->attachment = *attachment;
    }
    return ST_OK;
}

static void start_upload(struct client *client)
{
    struct transfer *up = &client->blobs->up;
    struct store_message message;
    struct st_buf text;
    if (up->active || !client_is_online(client))
        return;
    clear(up);
    enum st_err err = store_attachment_each_open(client->store, true, take_first_open, up);
    client->blobs->more_uploads = up->active;
    if (err != ST_OK || !up->active)
        return;
    st_buf_init(&text, STORE_TEXT_MAX);
    if (store_message_get(client->store, up->attachment.message, &message, &text) == ST_OK)
        memcpy(up->msg_id, message.id, sizeof up->msg_id);
    st_buf_wipe_free(&text);
    ask_upload(client);
}

void blobs_wake(struct client *client)
{
    client->blobs->more_uploads = true;
    start_upload(client);
}

struct blob_search {
    struct client *client;
    const uint8_t *blob;
    enum st_err err;
};

static enum st_err reset_if_same(void *ctx, const struct store_attachment *attachment)
{
    const struct blob_search *search = ctx;
    if (!attachment->upload || memcmp(attachment->blob_id, search->blob, ST_BLOB_ID_LEN) != 0)
        return ST_OK;
    return store_attachment_reset(search->client->store, attachment->message, attachment->index);
}

static enum st_err search_message(void *ctx, const struct store_copy *copy)
{
    struct blob_search *search = ctx;
    int64_t row;
    enum st_err err = store_message_find_own(search->client->store, copy->msg_id, &row);
    if (err == ST_OK)
        err = store_attachment_each(search->client->store, row, reset_if_same, search);
    return err == ST_ENOTFOUND ? ST_OK : err;
}

enum st_err blobs_send_again(struct client *client, const uint8_t blob[static ST_BLOB_ID_LEN])
{
    struct blob_search search = { client, blob, ST_OK };
    struct store_outbox_query query = { .kind = 1 + STORE_COPY_MESSAGE };
    client->blobs->more_uploads = true;
    return store_outbox_each(client->store, &query, search_message, &search);
}

/* ---- coming down ---- */

static void pull_chunks(struct client *client);

static void end_download(struct client *client, const struct client_result *result)
{
    struct transfer *down = &client->blobs->down;
    client_done_fn fn = down->fn;
    void *ctx = down->ctx;
    struct client_result copy = *result;
    clear(down);
    fn(ctx, &copy);
}

static void end_download_reason(struct client *client, enum client_reason reason)
{
    struct client_result result = core_result(reason);
    end_download(client, &result);
}

/* One pass over the sealed pieces; with a sink the plaintext goes to it. */
static enum st_err unseal(struct client *client, const struct store_attachment *attachment,
                          const struct client_sink *sink)
{
    struct e2e_unseal unseal;
    struct st_buf plain;
    uint8_t *piece = malloc(E2E_PIECE_MAX);
    st_buf_init(&plain, E2E_PIECE_MAX);
    enum st_err err = piece == NULL ? ST_ENOMEM : ST_OK;
    if (err == ST_OK)
        err = e2e_attachment_unseal_begin(&unseal, attachment->plain_bytes, attachment->key);
    bool begun = err == ST_OK;
    for (uint32_t i = 0; i < attachment->chunks && err == ST_OK; i++) {
        size_t len = piece_len(attachment, i);
        st_buf_clear(&plain);
        err = client->out.blob_read(client->out.ctx, attachment->blob_id, piece_offset(i), piece, &len);
        if (err == ST_OK)
            err = e2e_attachment_unseal_piece(&unseal, st_view(piece, len), &plain);
        if (err == ST_OK && sink != NULL)
            err = sink->write(sink->ctx, st_buf_view(&plain));
    }
    if (err == ST_OK)
        err = e2e_attachment_unseal_end(&unseal, attachment->digest, attachment->sha256);
    if (begun)
        e2e_attachment_unseal_drop(&unseal);
    free(piece);
    st_buf_wipe_free(&plain);
    return err;
}

/* All chunks are here. The digest is checked in a first pass, before a byte of plaintext goes anywhere. */
static void open_blob(struct client *client)
{
    struct transfer *down = &client->blobs->down;
    const struct store_attachment *attachment = &down->attachment;
    enum st_err err = unseal(client, attachment, NULL);
    if (err == ST_OK)
        err = unseal(client, attachment, &down->sink);
    if (err == ST_EINTEGRITY || err == ST_EMALFORMED) {
        client->out.blob_delete(client->out.ctx, attachment->blob_id);
        enum st_err reset = tx_begin(client);
        if (reset == ST_OK)
            reset = tx_end(client, store_attachment_reset(client->store, attachment->message, attachment->index));
        if (reset != ST_OK)
            core_warn(client, "a damaged download could not be forgotten");
        end_download_reason(client, CLIENT_DAMAGED);
        return;
    }
    struct client_result result = core_store_result(err);
    end_download(client, &result);
}

static enum st_err keep_chunk(struct client *client, const struct st_msg_get_blob_r *msg)
{
    struct transfer *down = &client->blobs->down;
    const struct store_attachment *attachment = &down->attachment;
    enum st_err err =
        client->out.blob_write(client->out.ctx, attachment->blob_id, piece_offset((uint32_t)msg->index), msg->data);
    bool last = down->finished + 1 == attachment->chunks;
    if (err == ST_OK && last)
        err = client->out.blob_sync(client->out.ctx, attachment->blob_id);
    set_chunk(down->done, (uint32_t)msg->index);
    down->finished++;
    if (err != ST_OK || !last)
        return err;
    err = tx_begin(client);
    if (err != ST_OK)
        return err;
    for (uint32_t i = 0; i < attachment->chunks && err == ST_OK; i++)
        err = store_attachment_chunk_done(client->store, attachment->message, attachment->index, i);
    if (err == ST_OK)
        err = store_attachment_finish(client->store, attachment->message, attachment->index);
    if (err == ST_OK)
        err = store_attachment_set_state(client->store, attachment->message, attachment->index, STORE_ATTACHMENT_LOCAL,
                                         NULL);
    return tx_end(client, err);
}

static void on_chunk(struct client *client, void *ctx, const struct st_frame *reply,
                     const struct client_result *failure)
{
    struct transfer *down = &client->blobs->down;
    struct st_msg_get_blob_r msg;
    if (!down->active || (uintptr_t)ctx != down->serial)
        return;
    down->in_flight--;
    if (failure != NULL && (failure->reason == CLIENT_RATE_LIMITED || failure->reason == CLIENT_UNREACHABLE ||
                            failure->reason == CLIENT_UNAVAILABLE)) {
        down->next = 0;
        pause_transfer(client, down, failure);
        return;
    }
    if (failure != NULL) {
        end_download(client, failure);
        return;
    }
    bool fits = reply->type == ST_GET_BLOB_R && st_frame_read(reply, &msg) == ST_OK &&
                memcmp(msg.blob.p, down->attachment.blob_id, ST_BLOB_ID_LEN) == 0 &&
                msg.index < down->attachment.chunks && msg.chunks == down->attachment.chunks &&
                msg.size == down->attachment.blob_bytes &&
                msg.data.len == piece_len(&down->attachment, (uint32_t)msg.index);
    if (!fits) {
        end_download_reason(client, CLIENT_DAMAGED);
        return;
    }
    if (!has_chunk(down->done, (uint32_t)msg.index)) {
        enum st_err err = keep_chunk(client, &msg);
        if (err != ST_OK) {
            struct client_result result = core_store_result(err);
            end_download(client, &result);
            return;
        }
    }
    tell_progress(client, down);
    if (down->finished == down->attachment.chunks)
        open_blob(client);
    else
        pull_chunks(client);
}

static void pull_chunks(struct client *client)
{
    struct transfer *down = &client->blobs->down;
    while (down->in_flight < WINDOW && down->next < down->attachment.chunks) {
        if (!has_chunk(down->done, down->next)) {
            struct st_msg_get_blob msg = { .blob = st_view(down->attachment.blob_id, ST_BLOB_ID_LEN),
                                           .index = down->next };
            if (link_request(client, CLIENT_DEVICE, ST_GET_BLOB, &msg, on_chunk, (void *)(uintptr_t)down->serial) !=
                ST_OK) {
                pause_transfer(client, down, NULL);
                return;
            }
            down->in_flight++;
        }
        down->next++;
    }
}

void client_fetch_attachment(struct client *client, int64_t message, uint32_t index, const struct client_sink *sink,
                             client_done_fn done, void *ctx)
{
    struct transfer *down = &client->blobs->down;
    struct client_result result;
    if (down->active) {
        result = core_result(CLIENT_BUSY);
        done(ctx, &result);
        return;
    }
    clear(down);
    enum st_err err = store_attachment_get(client->store, message, index, &down->attachment);
    if (err != ST_OK) {
        result = err == ST_ENOTFOUND ? core_result(CLIENT_NOT_FOUND) : core_store_result(err);
        done(ctx, &result);
        return;
    }
    down->active = true;
    down->sink = *sink;
    down->fn = done;
    down->ctx = ctx;
    if (down->attachment.state == STORE_ATTACHMENT_LOCAL) {
        open_blob(client);
        return;
    }
    client_go_online(client);
    if (client_is_online(client))
        pull_chunks(client);
}

/* ---- connection and time ---- */

void blobs_online(struct client *client)
{
    struct blobs *blobs = client->blobs;
    if (blobs->up.active)
        ask_upload(client);
    else
        start_upload(client);
    if (blobs->down.active) {
        blobs->down.next = 0;
        blobs->down.in_flight = 0;
        pull_chunks(client);
    }
}

void blobs_offline(struct client *client)
{
    struct blobs *blobs = client->blobs;
    blobs->up.asked = false;
    blobs->up.in_flight = 0;
    blobs->up.serial++;
    blobs->down.in_flight = 0;
    blobs->down.serial++;
    blobs->more_uploads = true;
}

void blobs_tick(struct client *client)
{
    struct blobs *blobs = client->blobs;
    int64_t now = core_mono(client);
    if (!client_is_online(client))
        return;
    if (blobs->up.active && !blobs->up.asked && blobs->up.in_flight == 0 && blobs->up.wait_ms <= now)
        ask_upload(client);
    else if (!blobs->up.active && blobs->more_uploads)
        start_upload(client);
    if (blobs->down.active && blobs->down.in_flight == 0 && blobs->down.wait_ms <= now) {
        blobs->down.next = 0;
        pull_chunks(client);
    }
}

int64_t blobs_next_ms(const struct client *client)
{
    const struct blobs *blobs = client->blobs;
    if (!client_is_online(client))
        return TIMER_NEVER;
    int64_t next = TIMER_NEVER;
    if (blobs->up.active && !blobs->up.asked && blobs->up.in_flight == 0)
        next = core_earlier(next, blobs->up.wait_ms > 0 ? blobs->up.wait_ms : core_mono(client));
    if (!blobs->up.active && blobs->more_uploads)
        next = core_earlier(next, core_mono(client));
    if (blobs->down.active && blobs->down.in_flight == 0)
        next = core_earlier(next, blobs->down.wait_ms > 0 ? blobs->down.wait_ms : core_mono(client));
    return next;
}

bool blobs_settled(const struct client *client)
{
    return !client->blobs->up.active && !client->blobs->more_uploads;
}
