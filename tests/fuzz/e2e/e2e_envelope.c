/* Decrypting whatever a relay or a peer may send. The first byte chooses the receiver's state, the second how the rest
 * is taken: as a whole envelope, or as changes of an honest one (offset high, offset low, byte, again and again).
 * Whatever is refused must leave the state as it was. */
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/e2e/fuzz_talk.h"

enum { STATES = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A receiver's saved set, and an honest message for it. */
struct stage {
    bool to_b;
    struct st_buf saved;
    struct st_buf honest;
};

static struct fuzz_talk talk;
static struct stage stages[STATES];

static void keep(struct stage *stage, bool to_b)
{
    stage->to_b = to_b;
    st_buf_init(&stage->saved, E2E_SAVED_MAX);
    st_buf_init(&stage->honest, E2E_ENVELOPE_MAX);
    fuzz_talk_save(to_b ? &talk.b.set : &talk.a.set, &stage->saved);
    st_buf_append(&stage->honest, talk.wire.p, talk.wire.len);
}

static void read_it(bool to_b)
{
    struct fuzz_party *to = to_b ? &talk.b : &talk.a;
    fuzz_require(fuzz_talk_receive(&talk, to, st_buf_view(&talk.wire)) == E2E_READ);
}

/* No session yet; a repeated initial message; the answer; a step that closes a chain with a key missing; a late one. */
static void prepare(void)
{
    struct st_view plain = st_view_text("x");
    fuzz_talk_init(&talk);
    keep(&stages[0], true);
    read_it(true);
    fuzz_talk_send(&talk, &talk.a, plain);
    keep(&stages[1], true);
    fuzz_talk_send(&talk, &talk.a, plain);
    read_it(true);
    fuzz_talk_send(&talk, &talk.b, plain);
    keep(&stages[2], false);
    read_it(false);
    fuzz_talk_send(&talk, &talk.a, plain);
    keep(&stages[3], true);
    struct st_buf late;
    st_buf_init(&late, E2E_ENVELOPE_MAX);
    st_buf_append(&late, talk.wire.p, talk.wire.len);
    fuzz_talk_send(&talk, &talk.a, plain);
    read_it(true);
    fuzz_talk_send(&talk, &talk.b, plain);
    read_it(false);
    fuzz_talk_send(&talk, &talk.a, plain);
    read_it(true);
    st_buf_clear(&talk.wire);
    st_buf_append(&talk.wire, late.p, late.len);
    keep(&stages[4], true);
    st_buf_free(&late);
}

/* The input as changes of the honest message. */
static void change(struct st_buf *wire, const uint8_t *data, size_t size)
{
    for (; size >= 3; data += 3, size -= 3) {
        size_t at = st_get_u16(data);
        if (at < wire->len)
            wire->p[at] = data[2];
        else if (at >= 0xff00)
            wire->len -= wire->len > data[2] ? data[2] : 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (stages[0].saved.p == NULL)
        prepare();
    if (size < 2)
        return 0;
    const struct stage *stage = &stages[data[0] % STATES];
    struct fuzz_party *to = stage->to_b ? &talk.b : &talk.a;
    struct st_buf wire;
    struct st_buf after;
    st_buf_init(&wire, E2E_ENVELOPE_MAX);
    st_buf_init(&after, E2E_SAVED_MAX);
    if (data[1] % 2 == 0) {
        st_buf_append(&wire, data + 2, size - 2);
    } else {
        st_buf_append(&wire, stage->honest.p, stage->honest.len);
        change(&wire, data + 2, size - 2);
    }
    e2e_set_deinit(&to->set);
    fuzz_talk_load(&to->set, st_buf_view(&stage->saved));
    enum e2e_verdict verdict = fuzz_talk_receive(&talk, to, st_buf_view(&wire));
    bool moved = verdict == E2E_READ || verdict == E2E_UNREADABLE;
    fuzz_talk_save(&to->set, &after);
    fuzz_require(moved != st_view_equal(st_buf_view(&after), st_buf_view(&stage->saved)));
    /* Only the honest bytes have a right tag. */
    fuzz_require(moved == st_view_equal(st_buf_view(&wire), st_buf_view(&stage->honest)));
    st_buf_free(&wire);
    st_buf_free(&after);
    return 0;
}
