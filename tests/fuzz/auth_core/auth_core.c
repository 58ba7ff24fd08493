/* Fuzzes auth's core with packets of any bytes, over accounts in memory.
 *
 * An input is a row of steps: kind (1) ‖ length (2, big-endian) ‖ that many bytes. Kinds below STEP_PACKETS hand a
 * frame to the core as if it came from one of several places; the others move the clock, flush, tick, break the store's
 * next call, or kill the core and start another one.
 *
 * What must hold: every request of a client with a readable header is answered at most once; what is sent is well
 * formed; somebody else's account is untouched. */
#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/auth/auth_scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step {
    STEP_ENROL,
    STEP_PENDING,
    STEP_ACTIVE,
    STEP_SERVICE,
    STEP_HOP, /* the hop frame too is the input's: its first byte says how long it is */
    STEP_PACKETS,
    STEP_FLUSH = STEP_PACKETS,
    STEP_CLOCK,
    STEP_TICK,
    STEP_BREAK,
    STEP_RESTART,
    STEPS
};

enum { STEPS_MAX = 64 };

struct stage {
    struct world *world;
    struct scene scene;
    struct auth_mem *start; /* the accounts as they are before each input */
    struct world clean;     /* clocks and counters likewise */
    struct auth_account bob;
    struct st_hop enrol;
};

static void must(int truth)
{
    if (!truth)
        abort();
}

static void set_stage(struct stage *stage)
{
    void *state = NULL;
    must(world_setup(&state) == 0);
    stage->world = state;
    scene_set(&stage->scene, stage->world);
    stage->enrol = scene_hop(&stage->scene, ENROL);
    must(auth_store_account_by_id(&stage->world->stores[0], stage->scene.bob.acct, false, &stage->bob) == ST_OK);
    world_forget(stage->world);
    world_kill(stage->world, 0);
    must(auth_mem_snapshot(stage->world->mem, &stage->start) == ST_OK);
    stage->clean = *stage->world;
}

static void reset(struct stage *stage)
{
    struct world *world = stage->world;
    world_forget(world);
    must(auth_mem_restore(world->mem, stage->start) == ST_OK);
    world->wall_ms = stage->clean.wall_ms;
    world->mono_ms = stage->clean.mono_ms;
    world->draws = stage->clean.draws;
    world_start(world, 0);
}

/* Looks at what was sent since the last look. */
static void check_letters(struct world *world)
{
    union {
        uint8_t room[512];
        uint64_t align;
    } msg;
    for (size_t i = 0; i < world->letter_count; i++) {
        struct letter *letter = &world->letters[i];
        const struct st_message_type *type = st_message_type(letter->frame.type);
        must(type != NULL && type->schema->struct_size <= sizeof msg);
        must(st_frame_read(&letter->frame, &msg) == ST_OK);
        must(letter->boxes_len == 0 || letter->frame.type != ST_ERROR);
    }
    world_forget(world);
}

static void give(struct stage *stage, enum step kind, struct st_view bytes)
{
    struct world *world = stage->world;
    uint8_t hop_bytes[ST_HOP_ENROL_LEN];
    struct st_hop hop = stage->enrol;
    if (kind == STEP_HOP) {
        size_t len = bytes.len > 0 ? bytes.p[0] : 0;
        if (bytes.len == 0 || len > bytes.len - 1)
            return;
        auth_core_input(world->auths[0], &world_gateway, st_view(bytes.p + 1, len),
                        st_view(bytes.p + 1 + len, bytes.len - 1 - len));
        return;
    }
    if (kind == STEP_PENDING || kind == STEP_ACTIVE)
        hop = scene_hop(&stage->scene, kind == STEP_PENDING ? PENDING : ACTIVE);
    if (kind == STEP_SERVICE)
        hop = (struct st_hop) { .kind = ST_HOP_SERVICE };
    size_t len = st_hop_write(&hop, hop_bytes);
    auth_core_input(world->auths[0], &world_gateway, st_view(hop_bytes, len), bytes);
}

static void take_step(struct stage *stage, enum step kind, struct st_view bytes)
{
    struct world *world = stage->world;
    uint8_t first = bytes.len > 0 ? bytes.p[0] : 0;
    switch (kind) {
    case STEP_FLUSH:
        auth_core_flush(world->auths[0]);
        break;
    case STEP_CLOCK:
        world_pass(world, (int64_t)1000 << (first % 24)); /* a second to half a year */
        break;
    case STEP_TICK:
        auth_core_tick(world->auths[0]);
        break;
    case STEP_BREAK:
        world_break(world, first, (enum auth_mem_fault)(first % 5));
        break;
    case STEP_RESTART:
        (void)world_mend(world);
        auth_core_flush(world->auths[0]);
        world_kill(world, 0);
        world_start(world, 0);
        break;
    default:
        give(stage, kind, bytes);
        break;
    }
}

static void check_bob(struct stage *stage)
{
    struct auth_account now;
    struct auth_store store;
    must(auth_mem_open(stage->world->mem, &store) == ST_OK);
    must(auth_store_account_by_id(&store, stage->bob.acct, false, &now) == ST_OK);
    must(memcmp(now.record, stage->bob.record, sizeof now.record) == 0);
    must(now.list_seq == stage->bob.list_seq && now.next_dev == stage->bob.next_dev && now.state == stage->bob.state);
    auth_store_close(&store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stage stage;
    if (stage.world == NULL)
        set_stage(&stage);
    reset(&stage);
    bool hop_steps = false;
    for (int i = 0; i < STEPS_MAX && size >= 3; i++) {
        enum step kind = (enum step)(data[0] % STEPS);
        size_t len = st_get_u16(data + 1);
        len = len < size - 3 ? len : size - 3;
        hop_steps = hop_steps || kind == STEP_HOP;
        take_step(&stage, kind, st_view(data + 3, len));
        check_letters(stage.world);
        data += 3 + len;
        size -= 3 + len;
    }
    (void)world_mend(stage.world);
    auth_core_flush(stage.world->auths[0]);
    check_letters(stage.world);
    world_kill(stage.world, 0);
    if (!hop_steps) /* a hop of one's own may be Bob's */
        check_bob(&stage);
    return 0;
}
