/* Random lives from a seed: four devices, two gateways and two relays on one store that fails, loses what it had
 * answered, and forgets presences; frames get lost on the way. When the faults stop, every message must have reached
 * its device and every mailbox must be empty. A failing seed can be run alone: unit-relay-random SEED. */
#include "tests/unit/relay/relay_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICES = 4, GATEWAYS = 2, MESSAGES_MAX = 400, STEPS = 300, SEEDS = 250, RETRY_MS = 4000, ASK_MS = 20000 };

static const char *const gateway_names[GATEWAYS] = { "gw-0", "gw-1" };

/* A message as its sender knows it. */
struct letter {
    unsigned from, to;
    bool stored;
    uint8_t token[ST_TOKEN_LEN];
    int64_t sent_ms;
    unsigned shown; /* how often its receiver took it for new */
    unsigned came;  /* how often it came */
};

struct device {
    bool connected;
    size_t gateway, relay;
    uint64_t sid, attach;
};

struct life {
    struct world *world;
    struct device devices[DEVICES];
    struct letter letters[MESSAGES_MAX];
    unsigned letter_count;
    uint64_t next_sid;
    size_t handled; /* packets of the world that were looked at */
    bool faults;
    uint64_t seed;
    int64_t alive_ms, ask_ms;
};

static unsigned pick(struct life *life, unsigned n)
{
    uint8_t bytes[4];
    life->world->env.random(life->world->env.ctx, bytes, sizeof bytes);
    return st_get_u32(bytes) % n;
}

static bool chance(struct life *life, unsigned percent)
{
    return life->faults && pick(life, 100) < percent;
}

/* ---- what devices and gateways do ---- */

static void send_letter(struct life *life, unsigned i, size_t relay)
{
    struct letter *letter = &life->letters[i];
    const struct device *from = &life->devices[letter->from];
    uint8_t id[ST_MSG_ID_LEN] = { 0 }, body[ST_ENVELOPE_MIN] = { 0 };
    st_put_u32(id, i);
    st_put_u32(body, i);
    struct st_msg_copy copy = { .dev = 1, .body = st_view(body, sizeof body) };
    if (letter->stored) {
        copy.token = st_view(letter->token, ST_TOKEN_LEN);
        ST_SET(&copy, 3);
    }
    struct st_msg_message msg = { .to = st_view(world_acct(letter->to), ST_ACCT_LEN),
                                  .id = st_view(id, sizeof id),
                                  .copies = { .count = 1, .items = &copy } };
    letter->sent_ms = life->world->mono_ms;
    world_device(life->world, relay, gateway_names[from->gateway], letter->from, 1, from->sid, ST_MESSAGE, &msg);
}

static void attach(struct life *life, unsigned n)
{
    struct device *device = &life->devices[n];
    uint8_t devs[4];
    st_put_u32(devs, 1);
    struct st_int_attach msg = { .list_seq = 1, .devs = { .count = 1, .items = devs } };
    world_device(life->world, device->relay, gateway_names[device->gateway], n, 1, device->sid, ST_ATTACH, &msg);
}

static void connect_device(struct life *life, unsigned n)
{
    struct device *device = &life->devices[n];
    device->connected = true;
    device->gateway = pick(life, GATEWAYS);
    device->relay = pick(life, WORLD_RELAYS);
    device->sid = ++life->next_sid;
    device->attach = 0;
    attach(life, n);
}

static void say_alive(struct life *life)
{
    life->alive_ms = life->world->mono_ms + ST_PING_INTERVAL_MS;
    for (unsigned n = 0; n < DEVICES; n++) {
        struct device *device = &life->devices[n];
        if (!device->connected || chance(life, 20))
            continue;
        struct st_int_alive_item one = {
            .acct = st_view(world_acct(n), ST_ACCT_LEN), .dev = 1, .sid = device->sid, .attach = device->attach
        };
        struct st_int_alive msg = { .items = { .count = 1, .items = &one } };
        world_service(life->world, device->relay, gateway_names[device->gateway], ST_ALIVE, &msg);
    }
}

/* A sender looks whether the store of its recipient has changed its epoch, and retries what was never answered. */
static void look_after_letters(struct life *life)
{
    bool ask = life->world->mono_ms >= life->ask_ms;
    if (ask)
        life->ask_ms = life->world->mono_ms + ASK_MS;
    for (unsigned i = 0; i < life->letter_count; i++) {
        struct letter *letter = &life->letters[i];
        uint8_t epoch[ST_EPOCH_LEN];
        if (!life->devices[letter->from].connected)
            continue;
        if (!letter->stored && life->world->mono_ms - letter->sent_ms >= RETRY_MS)
            send_letter(life, i, pick(life, WORLD_RELAYS));
        if (!letter->stored || !ask || letter->shown > 0)
            continue;
        assert_int_equal(mailbox_epochs(&life->world->box, world_acct(letter->to), 1, epoch), ST_OK);
        if (memcmp(epoch, letter->token, ST_EPOCH_LEN) != 0)
            send_letter(life, i, pick(life, WORLD_RELAYS));
    }
}

/* ---- what comes back ---- */

static struct device *session_of(struct life *life, const struct world_sent *sent)
{
    for (unsigned n = 0; n < DEVICES; n++) {
        struct device *device = &life->devices[n];
        if (device->connected && device->sid == sent->hop.sid && strcmp(gateway_names[device->gateway], sent->to) == 0)
            return device;
    }
    return NULL;
}

static void on_accepted(struct life *life, const struct world_sent *sent)
{
    struct st_msg_accepted msg;
    struct st_msg_accepted_item item;
    assert_int_equal(st_frame_read(&sent->frame, &msg), ST_OK);
    while (st_records_next(&st_schema_accepted_item, &msg.items, &item)) {
        struct letter *letter = &life->letters[st_get_u32(item.id.p)];
        if (item.status != ST_COPY_STORED)
            continue;
        letter->stored = true;
        memcpy(letter->token, item.token.p, ST_TOKEN_LEN);
    }
}

static void on_push(struct life *life, const struct world_sent *sent)
{
    struct st_msg_push msg;
    struct st_msg_push_item item;
    uint8_t tokens[ST_PUSH_ITEMS_MAX * ST_TOKEN_LEN];
    size_t count = 0;
    const struct device *device = session_of(life, sent);
    if (device == NULL)
        return;
    unsigned n = (unsigned)(device - life->devices);
    assert_int_equal(st_frame_read(&sent->frame, &msg), ST_OK);
    while (st_records_next(&st_schema_push_item, &msg.items, &item)) {
        struct letter *letter = &life->letters[st_get_u32(item.body.p)];
        assert_int_equal(letter->to, n);
        assert_memory_equal(item.from.p, world_acct(letter->from), ST_ACCT_LEN);
        letter->came++;
        letter->shown = 1;
        memcpy(tokens + count++ * ST_TOKEN_LEN, item.token.p, ST_TOKEN_LEN);
    }
    struct st_msg_ack ack = { .tokens = { .count = count, .items = tokens } };
    if (!chance(life, 10))
        world_device(life->world, device->relay, gateway_names[device->gateway], n, 1, device->sid, ST_ACK, &ack);
}

static void on_wake(struct life *life, const struct world_sent *sent)
{
    struct st_int_wake msg;
    assert_int_equal(st_frame_read(&sent->frame, &msg), ST_OK);
    unsigned n = (unsigned)(msg.acct.p[0] - 1);
    const struct device *device = &life->devices[n];
    if (device->connected && strcmp(gateway_names[device->gateway], sent->to) == 0)
        world_service(life->world, device->relay, sent->to, ST_WAKE, &msg);
}

static void on_drop(struct life *life, const struct world_sent *sent)
{
    struct st_int_drop msg;
    assert_int_equal(st_frame_read(&sent->frame, &msg), ST_OK);
    for (unsigned n = 0; n < DEVICES; n++) {
        struct device *device = &life->devices[n];
        if (device->connected && device->sid == msg.sid && strcmp(gateway_names[device->gateway], sent->to) == 0)
            device->connected = false;
    }
}

static void on_attach_r(struct life *life, const struct world_sent *sent)
{
    struct st_int_attach_r msg;
    struct device *device = session_of(life, sent);
    assert_int_equal(st_frame_read(&sent->frame, &msg), ST_OK);
    if (device != NULL)
        device->attach = msg.attach;
}

static void on_alive_r(struct life *life, const struct world_sent *sent)
{
    struct st_int_alive_r msg;
    struct st_int_alive_r_item item;
    assert_int_equal(st_frame_read(&sent->frame, &msg), ST_OK);
    while (st_records_next(&st_schema_alive_r_item, &msg.items, &item)) {
        for (unsigned n = 0; n < DEVICES; n++) {
            struct device *device = &life->devices[n];
            if (!device->connected || device->sid != item.sid)
                continue;
            device->attach = item.attach;
            if (item.replaced || item.attach == 0)
                device->connected = false;
        }
    }
}

/* Handles everything that the relays have sent since. */
static void deliver(struct life *life)
{
    static const struct {
        uint8_t type;
        void (*on)(struct life *, const struct world_sent *);
    } handlers[] = {
        { ST_ACCEPTED, on_accepted }, { ST_PUSH, on_push },         { ST_WAKE, on_wake },
        { ST_DROP, on_drop },         { ST_ATTACH_R, on_attach_r }, { ST_ALIVE_R, on_alive_r },
    };
    struct world *world = life->world;
    for (; life->handled < world->sent_count; life->handled++) {
        const struct world_sent *sent = &world->sent[life->handled];
        for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
            if (handlers[i].type == sent->frame.type && !chance(life, 10))
                handlers[i].on(life, sent);
        }
    }
    world_forget(world);
    life->handled = 0;
}

/* ---- steps ---- */

static void new_letter(struct life *life)
{
    if (life->letter_count == MESSAGES_MAX)
        return;
    struct letter *letter = &life->letters[life->letter_count];
    letter->from = pick(life, DEVICES);
    letter->to = pick(life, DEVICES);
    send_letter(life, life->letter_count++, pick(life, WORLD_RELAYS));
}

static void break_something(struct life *life)
{
    static const enum st_err errors[] = { ST_EUNAVAILABLE, ST_EUNCERTAIN, ST_EFULL };
    struct world *world = life->world;
    switch (pick(life, 8)) {
    case 0:
        mailbox_mem_fail(world->mem, 1 + pick(life, 6), errors[pick(life, 3)], pick(life, 2) == 0, pick(life, 3));
        break;
    case 1:
        mailbox_mem_lose(world->mem, pick(life, 10));
        break;
    case 2:
        mailbox_mem_new_epoch(world->mem);
        break;
    case 3:
        mailbox_mem_drop_presences(world->mem);
        break;
    case 4:
        world_restart(world, pick(life, WORLD_RELAYS));
        break;
    case 5:
        world->gone = pick(life, 2) ? gateway_names[pick(life, GATEWAYS)] : NULL;
        break;
    case 6:
        world->full = pick(life, 2) ? gateway_names[pick(life, GATEWAYS)] : NULL;
        break;
    default:
        life->devices[pick(life, DEVICES)].connected = false;
        break;
    }
}

/* A gateway sends a session's attach to the other relay, as when relays come and go. */
static void move_session(struct life *life)
{
    unsigned n = pick(life, DEVICES);
    struct device *device = &life->devices[n];
    if (!device->connected)
        return;
    device->relay = 1 - device->relay;
    attach(life, n);
}

static void step(struct life *life)
{
    unsigned dice = pick(life, 100);
    if (dice < 50)
        new_letter(life);
    else if (dice < 55)
        move_session(life);
    else if (dice < 65 && life->faults)
        break_something(life);
    for (unsigned n = 0; n < DEVICES; n++) {
        if (!life->devices[n].connected && pick(life, 4) == 0)
            connect_device(life, n);
    }
    if (life->world->mono_ms >= life->alive_ms)
        say_alive(life);
    look_after_letters(life);
    for (size_t relay = 0; relay < WORLD_RELAYS; relay++) {
        if (pick(life, 3) > 0)
            world_flush(life->world, relay);
    }
    deliver(life);
    world_wait(life->world, pick(life, 3) == 0 ? pick(life, 10000) : pick(life, 300));
    deliver(life);
}

/* Without faults everything comes to rest. */
static void settle(struct life *life)
{
    life->faults = false;
    life->world->gone = NULL;
    life->world->full = NULL;
    mailbox_mem_fail(life->world->mem, 0, ST_OK, false, 0);
    for (int i = 0; i < 200; i++) {
        for (unsigned n = 0; n < DEVICES; n++) {
            if (!life->devices[n].connected)
                connect_device(life, n);
        }
        if (life->world->mono_ms >= life->alive_ms)
            say_alive(life);
        look_after_letters(life);
        for (size_t relay = 0; relay < WORLD_RELAYS; relay++)
            world_flush(life->world, relay);
        deliver(life);
        world_wait(life->world, 1000);
        deliver(life);
    }
}

static void check(struct life *life)
{
    for (unsigned i = 0; i < life->letter_count; i++) {
        const struct letter *letter = &life->letters[i];
        if (!letter->stored || letter->shown == 0)
            fail_msg("seed %llu: message %u from %u to %u: stored %d, came %u times", (unsigned long long)life->seed, i,
                     letter->from, letter->to, letter->stored, letter->came);
    }
    for (unsigned n = 0; n < DEVICES; n++) {
        if (world_length(life->world, n, 1) != 0)
            fail_msg("seed %llu: %llu entries are left in mailbox %u", (unsigned long long)life->seed,
                     (unsigned long long)world_length(life->world, n, 1), n);
    }
    for (size_t relay = 0; relay < WORLD_RELAYS; relay++)
        assert_int_equal(world_stats(life->world, relay).in_flight, 0);
}

static void live(uint64_t seed, bool faults)
{
    void *state = NULL;
    struct life *life = calloc(1, sizeof *life);
    assert_non_null(life);
    assert_int_equal(world_setup_two(&state), 0);
    life->world = state;
    life->world->seed = seed;
    life->seed = seed;
    life->faults = faults;
    for (unsigned n = 0; n < DEVICES; n++)
        connect_device(life, n);
    for (int i = 0; i < STEPS; i++)
        step(life);
    settle(life);
    check(life);
    free(life);
    world_teardown(&state);
}

static void random__faults_of_all_kinds__lose_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        live(seed, true);
}

static void random__without_faults__lose_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        live(seed, false);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random__without_faults__lose_nothing),
        cmocka_unit_test(random__faults_of_all_kinds__lose_nothing),
    };
    if (argc > 1) {
        live(strtoull(argv[1], NULL, 10), true);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
