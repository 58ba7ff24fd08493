/* Every allocation of a whole little life fails once, and once with all that follow: no crash, no leak, and nothing is
 * said to be stored that is not. malloc, calloc and realloc are wrapped by the linker (CMakeLists.txt). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "tests/unit/relay/relay_samples.h"
#include "services/relay/blob_mem.h"
#include "services/relay/mailbox_mem.h"
#include "services/relay/relay_core.h"

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *p, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *p, size_t len);

static struct {
    unsigned left; /* allocations until one fails, 0 = none will */
    bool for_good, fired;
} torture;

static bool fails(void)
{
    if (torture.left == 0 || --torture.left > 0)
        return false;
    torture.fired = true;
    if (torture.for_good)
        torture.left = 1;
    return true;
}

void *__wrap_malloc(size_t len)
{
    return fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
    return fails() ? NULL : __real_calloc(count, len);
}

void *__wrap_realloc(void *p, size_t len)
{
    return fails() ? NULL : __real_realloc(p, len);
}

/* ---- the life ---- */

enum { MESSAGES = 12 };

struct life {
    int64_t now_ms;
    uint64_t seed;
    struct st_env env;
    struct mailbox_mem *mem;
    struct blob_mem *blobs;
    struct mailbox box;
    struct blob_store blob;
    struct relay_core *core;
    struct st_buf frame; /* made before the torture, so that writing a frame allocates nothing */
    uint8_t acct[ST_ACCT_LEN];
    unsigned stored, pushed;
};

static int64_t clock_ms(void *ctx)
{
    return ((struct life *)ctx)->now_ms;
}

static void fill_random(void *ctx, void *out, size_t len)
{
    struct life *life = ctx;
    for (size_t i = 0; i < len; i++) {
        life->seed = life->seed * UINT64_C(6364136223846793005) + 1;
        ((uint8_t *)out)[i] = (uint8_t)(life->seed >> 56);
    }
}

static enum st_err take(void *ctx, const struct service_peer *to, const struct st_hop *hop, struct st_view frame,
                        struct st_view boxes)
{
    struct life *life = ctx;
    struct st_frame opened;
    struct st_msg_accepted accepted;
    struct st_msg_accepted_item item;
    struct st_msg_push push;
    (void)to;
    (void)hop;
    (void)boxes;
    assert_int_equal(st_frame_open(frame, ST_FRAME_MAX, &opened), ST_OK);
    if (opened.type == ST_ACCEPTED) {
        assert_int_equal(st_frame_read(&opened, &accepted), ST_OK);
        while (st_records_next(&st_schema_accepted_item, &accepted.items, &item))
            life->stored += item.status == ST_COPY_STORED;
    }
    if (opened.type == ST_PUSH) {
        assert_int_equal(st_frame_read(&opened, &push), ST_OK);
        life->pushed += (unsigned)push.items.count;
    }
    return ST_OK;
}

static void give(struct life *life, enum st_hop_kind kind)
{
    static const struct service_peer gateway = { "gw-t" };
    uint8_t bytes[ST_HOP_ENROL_LEN];
    struct st_hop hop = { .kind = kind, .sid = 5 };
    if (kind == ST_HOP_DEVICE) {
        hop.dev = 1;
        memcpy(hop.acct, life->acct, ST_ACCT_LEN);
    }
    relay_core_input(life->core, &gateway, st_view(bytes, st_hop_write(&hop, bytes)), st_buf_view(&life->frame));
    relay_core_flush(life->core);
}

static void give_sample(struct life *life, const char *name)
{
    static const uint8_t token[ST_TOKEN_LEN] = { 1 };
    for (size_t i = 0; i < RELAY_SAMPLES; i++) {
        if (strcmp(relay_samples[i].name, name) != 0)
            continue;
        st_buf_clear(&life->frame);
        assert_int_equal(relay_sample_write(i, life->acct, token, &life->frame), ST_OK);
        give(life, relay_samples[i].kind);
    }
}

static void send_messages(struct life *life)
{
    static const uint8_t body[ST_ENVELOPE_MIN] = { 1 };
    for (unsigned i = 0; i < MESSAGES; i++) {
        uint8_t id[ST_MSG_ID_LEN] = { (uint8_t)(i + 1) };
        struct st_msg_copy copy = { .dev = 1, .body = st_view(body, sizeof body) };
        struct st_msg_message msg = { .to = st_view(life->acct, ST_ACCT_LEN),
                                      .id = st_view(id, sizeof id),
                                      .copies = { .count = 1, .items = &copy } };
        st_buf_clear(&life->frame);
        assert_int_equal(st_frame_write(ST_MESSAGE, 1, &msg, &life->frame), ST_OK);
        give(life, ST_HOP_DEVICE);
    }
}

static void wait_for(struct life *life, int64_t ms)
{
    for (int64_t end_ms = life->now_ms + ms; life->now_ms < end_ms; life->now_ms += 1000)
        relay_core_tick(life->core);
}

static bool begin(struct life *life)
{
    struct relay_options options;
    relay_options_default(&options);
    options.window_copies = 64;
    if (mailbox_mem_new(&life->mem, &life->env) != ST_OK || blob_mem_new(&life->blobs, 1 << 20, &life->env) != ST_OK)
        return false;
    mailbox_mem_open(life->mem, &life->box);
    blob_mem_open(life->blobs, &life->blob);
    struct relay_deps deps = {
        .env = life->env, .out = { .ctx = life, .send = take }, .mailbox = life->box, .blob = life->blob
    };
    return relay_core_new(&life->core, &options, &deps) == ST_OK;
}

static void live(struct life *life)
{
    static const char *const names[] = { "boxes_set",  "attach",      "svc_ping", "fetch",     "epochs",
                                         "expose_key", "get_exposed", "put_blob", "put_chunk", "get_blob",
                                         "alive",      "wake",        "notify" };
    give_sample(life, "boxes_set");
    give_sample(life, "attach");
    send_messages(life);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        give_sample(life, names[i]);
    wait_for(life, 40 * 1000);
}

/* Lives once with the n-th allocation failing; whether there was an n-th. */
static bool live_with(unsigned n, bool for_good)
{
    static struct life life;
    struct st_buf frame = life.frame;
    memset(&life, 0, sizeof life);
    life.frame = frame;
    life.now_ms = 1000000;
    life.env = (struct st_env) { .ctx = &life, .wall_ms = clock_ms, .mono_ms = clock_ms, .random = fill_random };
    memset(life.acct, 7, sizeof life.acct);
    if (life.frame.p == NULL) {
        st_buf_init(&life.frame, ST_FRAME_MAX);
        assert_non_null(st_buf_extend(&life.frame, ST_FRAME_MAX));
    }
    torture.left = n;
    torture.for_good = for_good;
    torture.fired = false;
    bool begun = begin(&life);
    if (begun)
        live(&life);
    bool fired = torture.fired;
    torture.left = 0;
    if (begun) {
        /* What was answered is there, and with memory again it arrives. */
        struct mailbox_look look = { .key = mailbox_key(life.acct, 1) };
        assert_int_equal(mailbox_look(&life.box, &look, 1), ST_OK);
        assert_true(look.length >= life.stored);
        give_sample(&life, "attach");
        life.pushed = 0;
        wait_for(&life, 40 * 1000);
        assert_true(life.pushed >= life.stored);
        assert_true(fired || life.stored == MESSAGES);
    }
    relay_core_free(&life.core);
    mailbox_close(&life.box);
    blob_close(&life.blob);
    mailbox_mem_free(&life.mem);
    blob_mem_free(&life.blobs);
    return fired;
}

static void torture__each_allocation_fails__nothing_is_promised_in_vain(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    unsigned n = 1;
    while (live_with(n, false))
        n++;
    print_message("%u allocations\n", n - 1);
    assert_true(n > 40);
}

static void torture__each_allocation_and_all_later_fail__nothing_is_promised_in_vain(void **state)
{
    (void)state;
    for (unsigned n = 1; live_with(n, true); n++)
        continue;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torture__each_allocation_fails__nothing_is_promised_in_vain),
        cmocka_unit_test(torture__each_allocation_and_all_later_fail__nothing_is_promised_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
