/* What a message costs the relay: taken, stored, pushed, acknowledged and deleted, without sockets around it.
 *
 *     safetalk-relay-cost mem            mailboxes in memory
 *     safetalk-relay-cost sqlite FILE    in a new database, synced before each answer
 *
 * 50 pairs, 256-byte messages (416 bytes sealed), batches of 1 to 1,024. The clients' share (making and reading frames)
 * is measured apart and taken off. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "proto/st_messages.h"
#include "services/relay/blob_mem.h"
#include "services/relay/mailbox_mem.h"
#include "services/relay/mailbox_sqlite.h"
#include "services/relay/relay_core.h"

enum { PAIRS = 50, MESSAGES = 100000, BODY = 416, ACK_MAX = 1 << 16 };

struct bench {
    struct relay_core *core;
    uint8_t tokens[ACK_MAX][ST_TOKEN_LEN]; /* pushed and not acknowledged yet */
    unsigned owners[ACK_MAX];
    size_t token_count;
    uint64_t accepted, pushed, next_id;
    int64_t clients_ns;
};

static int64_t now_ns(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void account(unsigned n, uint8_t acct[static ST_ACCT_LEN])
{
    memset(acct, 0, ST_ACCT_LEN);
    st_put_u32(acct, n + 1);
}

static enum st_err take(void *ctx, const struct service_peer *to, const struct st_hop *hop, struct st_view frame,
                        struct st_view boxes)
{
    struct bench *bench = ctx;
    struct st_frame opened;
    int64_t start_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    (void)to;
    (void)boxes;
    if (st_frame_open(frame, ST_FRAME_MAX, &opened) != ST_OK)
        abort();
    if (opened.type == ST_ACCEPTED) {
        struct st_msg_accepted msg;
        if (st_frame_read(&opened, &msg) != ST_OK)
            abort();
        bench->accepted += msg.items.count;
    }
    if (opened.type == ST_PUSH) {
        struct st_msg_push msg;
        struct st_msg_push_item item;
        if (st_frame_read(&opened, &msg) != ST_OK)
            abort();
        bench->pushed += msg.items.count;
        while (st_records_next(&st_schema_push_item, &msg.items, &item) && bench->token_count < ACK_MAX) {
            bench->owners[bench->token_count] = st_get_u32(hop->acct) - 1;
            memcpy(bench->tokens[bench->token_count++], item.token.p, ST_TOKEN_LEN);
        }
    }
    bench->clients_ns += now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
    return ST_OK;
}

static void give(struct bench *bench, unsigned n, enum st_type type, const void *msg)
{
    static struct st_buf frame = { .limit = ST_FRAME_MAX };
    static const struct service_peer gateway = { "gw-bench" };
    uint8_t bytes[ST_HOP_ENROL_LEN];
    struct st_hop hop = { .kind = ST_HOP_DEVICE, .dev = 1, .sid = n + 1 };
    int64_t start_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    account(n, hop.acct);
    st_buf_clear(&frame);
    if (st_frame_write(type, 1, msg, &frame) != ST_OK)
        abort();
    struct st_view hop_frame = st_view(bytes, st_hop_write(&hop, bytes));
    bench->clients_ns += now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
    relay_core_input(bench->core, &gateway, hop_frame, st_buf_view(&frame));
}

static void attach_all(struct bench *bench)
{
    static const uint8_t dev[4] = { 0, 0, 0, 1 };
    struct st_int_attach msg = { .list_seq = 1, .devs = { .count = 1, .items = dev } };
    for (unsigned n = 0; n < 2 * PAIRS; n++)
        give(bench, n, ST_ATTACH, &msg);
    relay_core_flush(bench->core);
}

static void send_one(struct bench *bench, unsigned pair)
{
    static const uint8_t body[BODY] = { 1 };
    uint8_t to[ST_ACCT_LEN], id[ST_MSG_ID_LEN] = { 0 };
    struct st_msg_copy copy = { .dev = 1, .body = st_view(body, sizeof body) };
    struct st_msg_message msg = { .to = st_view(to, sizeof to),
                                  .id = st_view(id, sizeof id),
                                  .copies = { .count = 1, .items = &copy } };
    account(PAIRS + pair, to);
    st_put_u64(id, ++bench->next_id);
    give(bench, pair, ST_MESSAGE, &msg);
}

/* One ack frame for each recipient of the last flush. */
static void ack_all(struct bench *bench)
{
    static uint8_t tokens[2 * PAIRS][ST_ACK_TOKENS_MAX * ST_TOKEN_LEN];
    static size_t counts[2 * PAIRS];
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < bench->token_count; i++) {
        unsigned n = bench->owners[i];
        if (counts[n] < ST_ACK_TOKENS_MAX)
            memcpy(tokens[n] + counts[n]++ * ST_TOKEN_LEN, bench->tokens[i], ST_TOKEN_LEN);
    }
    bench->token_count = 0;
    for (unsigned n = 0; n < 2 * PAIRS; n++) {
        struct st_msg_ack ack = { .tokens = { .count = counts[n], .items = tokens[n] } };
        if (counts[n] > 0)
            give(bench, n, ST_ACK, &ack);
    }
}

static void measure(struct bench *bench, size_t batch)
{
    uint64_t messages = batch < 16 ? MESSAGES / 20 : MESSAGES;
    uint64_t accepted = bench->accepted, pushed = bench->pushed;
    bench->clients_ns = 0;
    int64_t wall_ns = now_ns(CLOCK_MONOTONIC), cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t sent = 0; sent < messages; sent += batch) {
        for (size_t i = 0; i < batch; i++)
            send_one(bench, (unsigned)((sent + i) % PAIRS));
        relay_core_flush(bench->core);
        ack_all(bench);
    }
    relay_core_flush(bench->core);
    wall_ns = now_ns(CLOCK_MONOTONIC) - wall_ns;
    cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns - bench->clients_ns;
    accepted = bench->accepted - accepted;
    pushed = bench->pushed - pushed;
    printf("batch %4zu: %7.0f messages/s, %5.2f us CPU a message in the relay (%llu accepted, %llu pushed)\n", batch,
           (double)accepted * 1e9 / (double)wall_ns, (double)cpu_ns / 1000.0 / (double)accepted,
           (unsigned long long)accepted, (unsigned long long)pushed);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct relay_options options;
    struct relay_deps deps = { .env = st_env_system(), .out = { .ctx = &bench, .send = take } };
    struct mailbox_mem *mem = NULL;
    struct blob_mem *blobs = NULL;
    if (sodium_init() < 0 || blob_mem_new(&blobs, 1 << 20, &deps.env) != ST_OK)
        return 1;
    blob_mem_open(blobs, &deps.blob);
    if (argc == 2 && strcmp(argv[1], "mem") == 0) {
        if (mailbox_mem_new(&mem, &deps.env) != ST_OK)
            return 1;
        mailbox_mem_open(mem, &deps.mailbox);
    } else if (argc == 3 && strcmp(argv[1], "sqlite") == 0) {
        enum st_err err = mailbox_sqlite_open(&deps.mailbox, argv[2], &deps.env, NULL);
        if (err != ST_OK) {
            fprintf(stderr, "%s: %s\n", argv[2], st_err_text(err));
            return 1;
        }
    } else {
        fprintf(stderr, "usage: safetalk-relay-cost mem | sqlite FILE\n");
        return 2;
    }
    relay_options_default(&options);
    if (relay_core_new(&bench.core, &options, &deps) != ST_OK)
        return 1;
    attach_all(&bench);
    for (size_t batch = 1; batch <= 1024; batch *= 4)
        measure(&bench, batch);
    relay_core_free(&bench.core);
    mailbox_close(&deps.mailbox);
    mailbox_mem_free(&mem);
    blob_mem_free(&blobs);
    return 0;
}
