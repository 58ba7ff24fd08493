#include "client/e2e/ratchet.h"

#include <stdlib.h>

#include <sodium.h>

#include "client/e2e/e2e_padding.h"
#include "client/e2e/ratchet_kdf.h"
#include "client/e2e/ratchet_past.h"
#include "lib/st_wipe.h"

/* Where a message stands. */
enum place {
    PLACE_STORED, /* its partial key is kept */
    PLACE_AHEAD,  /* in the open chain, at or beyond what is derived */
    PLACE_NEW     /* under an R that is not known: it closes the open chain */
};

/* The copy on which a message is tried. It becomes the state only if the tag is right. */
struct trial {
    enum place place;
    const struct ratchet_own *own; /* the own M that the chain answers to */
    const uint8_t *own_secret;     /* its m */
    size_t stored;                 /* PLACE_STORED: index of the key */
    struct ratchet_root root;      /* PLACE_NEW: RK and the new chain */
    uint8_t ck[E2E_KEY_BYTES];     /* receiving chain after the message */
    uint8_t p[E2E_KEY_BYTES];      /* P_n of the message */
    struct ratchet_key *passed;    /* keys of the messages passed over, oldest first; owned */
    size_t passed_count;
    size_t passed_cap;
    struct ratchet_message_keys keys;
};

static const uint8_t *secret_of(const struct ratchet_own *own, const struct ratchet_opening *what)
{
    return own->is_spk ? what->spk_secret : own->secret;
}

/* A message under an R that is known: its chain's M must be the one that it names. */
static enum ratchet_verdict locate_known(const struct ratchet *ratchet, const struct ratchet_opening *what,
                                         const struct ratchet_chain *chain, struct trial *trial)
{
    const struct e2e_envelope *in = what->envelope;
    if (memcmp(chain->m, in->m, E2E_KEY_BYTES) != 0)
        return RATCHET_REFUSED;
    trial->own = &chain->own;
    trial->place = PLACE_STORED;
    bool open = chain == &ratchet->peer;
    if (open && in->n >= ratchet->received) {
        trial->place = PLACE_AHEAD;
        if (in->n - ratchet->received > E2E_SKIP_MAX)
            return RATCHET_BEYOND_SKIP;
    } else {
        trial->stored = ratchet_past_find(ratchet, chain->id, in->n);
        if (trial->stored == RATCHET_NO_KEY)
            return RATCHET_REPLAY;
    }
    trial->own_secret = secret_of(trial->own, what);
    return trial->own_secret != NULL ? RATCHET_READ : RATCHET_NO_PREKEY;
}

/* A message under a new R: a ratchet step of the peer. */
static enum ratchet_verdict locate_new(const struct ratchet *ratchet, const struct ratchet_opening *what,
                                       struct trial *trial)
{
    const struct e2e_envelope *in = what->envelope;
    uint32_t derived = ratchet->receiving ? ratchet->received : 0;
    if (!ratchet->r_held || in->pn < derived || (!ratchet->receiving && in->pn != 0))
        return RATCHET_REFUSED;
    if (in->pn - derived > E2E_SKIP_MAX || in->n > E2E_SKIP_MAX)
        return RATCHET_BEYOND_SKIP;
    trial->place = PLACE_NEW;
    trial->own = &ratchet->own;
    trial->own_secret = secret_of(&ratchet->own, what);
    return trial->own_secret != NULL ? RATCHET_READ : RATCHET_NO_PREKEY;
}

/* Where does the message belong? RATCHET_READ: go on; anything else is the verdict, told without any key. */
static enum ratchet_verdict locate(const struct ratchet *ratchet, const struct ratchet_opening *what,
                                   struct trial *trial)
{
    const uint8_t *r = what->envelope->r;
    if (memcmp(r, ratchet->r_pub, E2E_KEY_BYTES) == 0)
        return RATCHET_REFUSED;
    if (ratchet->receiving && memcmp(r, ratchet->peer.r, E2E_KEY_BYTES) == 0)
        return locate_known(ratchet, what, &ratchet->peer, trial);
    const struct ratchet_chain *old = ratchet_past_chain(ratchet, r);
    if (old != NULL)
        return locate_known(ratchet, what, old, trial);
    if (ratchet_past_is_gone(ratchet, r))
        return RATCHET_REPLAY;
    return locate_new(ratchet, what, trial);
}

/* Derives the keys from `from` up to, not including, `to`. */
static void pass_over(struct trial *trial, uint8_t *ck, uint32_t chain, uint32_t from, uint32_t to)
{
    for (uint32_t n = from; n < to; n++) {
        struct ratchet_key *key = &trial->passed[trial->passed_count++];
        key->chain = chain;
        key->n = n;
        ratchet_kdf_chain(ck, key->p);
    }
}

static enum st_err make_room(struct trial *trial, size_t count)
{
    if (count == 0)
        return ST_OK;
    trial->passed = calloc(count, sizeof *trial->passed);
    trial->passed_cap = count;
    return trial->passed != NULL ? ST_OK : ST_ENOMEM;
}

/* The new chain of a ratchet step. Low-order points are found before any chain is derived. */
static enum st_err derive_new(const struct ratchet *ratchet, const struct ratchet_opening *what, struct trial *trial)
{
    const struct e2e_envelope *in = what->envelope;
    const uint8_t *r_secret = ratchet->own.is_spk ? what->spk_secret : ratchet->r_secret;
    uint8_t unused[E2E_KEY_BYTES];
    int usable = crypto_scalarmult(unused, trial->own_secret, in->m);
    ST_WIPE(unused);
    if (usable != 0)
        return ST_EREFUSED;
    enum st_err err = ratchet_kdf_root(&trial->root, ratchet->rk, (struct ratchet_dh) { r_secret, in->r });
    uint32_t closing = ratchet->receiving ? in->pn - ratchet->received : 0;
    if (err == ST_OK)
        err = make_room(trial, (size_t)closing + in->n);
    if (err != ST_OK)
        return err;
    if (closing > 0) {
        uint8_t ck[E2E_KEY_BYTES];
        memcpy(ck, ratchet->ck_recv, sizeof ck);
        pass_over(trial, ck, ratchet->peer.id, ratchet->received, in->pn);
        ST_WIPE(ck);
    }
    memcpy(trial->ck, trial->root.ck, E2E_KEY_BYTES);
    pass_over(trial, trial->ck, ratchet->next_chain, 0, in->n);
    ratchet_kdf_chain(trial->ck, trial->p);
    return ST_OK;
}

/* P_n of the message, and the keys passed over on the way. */
static enum st_err derive(const struct ratchet *ratchet, const struct ratchet_opening *what, struct trial *trial)
{
    uint32_t n = what->envelope->n;
    if (trial->place == PLACE_NEW)
        return derive_new(ratchet, what, trial);
    if (trial->place == PLACE_STORED) {
        memcpy(trial->p, ratchet->keys[trial->stored].p, E2E_KEY_BYTES);
        return ST_OK;
    }
    enum st_err err = make_room(trial, n - ratchet->received);
    if (err != ST_OK)
        return err;
    memcpy(trial->ck, ratchet->ck_recv, E2E_KEY_BYTES);
    pass_over(trial, trial->ck, ratchet->peer.id, ratchet->received, n);
    ratchet_kdf_chain(trial->ck, trial->p);
    return ST_OK;
}

/* Is the tag right? ST_OK, ST_EINTEGRITY, or ST_EREFUSED on a low-order e_n. */
static enum st_err check_tag(const struct ratchet *ratchet, const struct e2e_envelope *in, struct trial *trial)
{
    const struct ratchet_message_info info = { ratchet->th, in->r, in->n, in->e, trial->own->pub };
    uint8_t tag[E2E_TAG_BYTES];
    enum st_err err =
        ratchet_kdf_message(&trial->keys, trial->p, (struct ratchet_dh) { trial->own_secret, in->e }, &info);
    if (err != ST_OK)
        return err;
    ratchet_kdf_tag(tag, trial->keys.mac, ratchet->th, in->header, in->ct);
    if (sodium_memcmp(tag, in->tag, sizeof tag) != 0)
        err = ST_EINTEGRITY;
    ST_WIPE(tag);
    return err;
}

/* Decrypts into `plain`. ST_EMALFORMED: the padding is none. */
static enum st_err decrypt(const struct e2e_envelope *in, const struct trial *trial, struct st_buf *plain)
{
    size_t before = plain->len;
    size_t len = 0;
    uint8_t *p = st_buf_extend(plain, in->ct.len);
    if (p == NULL)
        return st_buf_error(plain);
    enum st_err err = ST_EINTEGRITY;
    if (crypto_stream_xchacha20_xor(p, in->ct.p, in->ct.len, trial->keys.nonce, trial->keys.enc) == 0)
        err = e2e_padding_strip(p, in->ct.len, &len);
    st_wipe(p + len, in->ct.len - len);
    plain->len = before + len;
    return err;
}

/* The trial becomes the state. Cannot fail: the memory was reserved. */
static void commit(struct ratchet *ratchet, const struct ratchet_opening *what, const struct trial *trial)
{
    const struct e2e_envelope *in = what->envelope;
    if (trial->place == PLACE_STORED) {
        ratchet_past_use(ratchet, trial->stored);
        return;
    }
    ratchet_past_add(ratchet, trial->passed, trial->passed_count);
    memcpy(ratchet->ck_recv, trial->ck, E2E_KEY_BYTES);
    ratchet->received = in->n + 1;
    if (trial->place == PLACE_AHEAD)
        return;
    if (ratchet->receiving)
        ratchet_past_close(ratchet, what->now_s);
    ratchet->peer.id = ratchet->next_chain++;
    ratchet->peer.closed_s = 0;
    memcpy(ratchet->peer.r, in->r, E2E_KEY_BYTES);
    memcpy(ratchet->peer.m, in->m, E2E_KEY_BYTES);
    ratchet->peer.own = ratchet->own;
    memcpy(ratchet->rk, trial->root.rk, E2E_KEY_BYTES);
    ST_WIPE(ratchet->r_secret);
    ratchet->r_held = false;
    ratchet->receiving = true;
    ratchet->step_due = true;
}

/* From the derived keys to the plaintext and the new state. */
static enum st_err finish(struct ratchet *ratchet, const struct ratchet_opening *what, struct trial *trial,
                          struct st_buf *plain, enum ratchet_verdict *verdict_r)
{
    enum st_err err = check_tag(ratchet, what->envelope, trial);
    if (err != ST_OK) {
        *verdict_r = err == ST_EINTEGRITY ? RATCHET_WRONG_TAG : RATCHET_REFUSED;
        return ST_OK;
    }
    err = ratchet_past_reserve(ratchet, trial->passed_count);
    if (err != ST_OK)
        return err;
    err = decrypt(what->envelope, trial, plain);
    if (err != ST_OK && err != ST_EMALFORMED)
        return err;
    *verdict_r = err == ST_OK ? RATCHET_READ : RATCHET_UNREADABLE;
    commit(ratchet, what, trial);
    return ST_OK;
}

enum st_err ratchet_open(struct ratchet *ratchet, const struct ratchet_opening *what, struct st_buf *plain,
                         struct ratchet_opened *opened_r, enum ratchet_verdict *verdict_r)
{
    struct trial trial;
    memset(&trial, 0, sizeof trial);
    memset(opened_r, 0, sizeof *opened_r);
    *verdict_r = locate(ratchet, what, &trial);
    if (*verdict_r != RATCHET_READ)
        return ST_OK;
    *verdict_r = RATCHET_REFUSED;
    enum st_err err = derive(ratchet, what, &trial);
    if (err == ST_OK)
        err = finish(ratchet, what, &trial, plain, verdict_r);
    else if (err == ST_EREFUSED)
        err = ST_OK;
    if (err == ST_OK && (*verdict_r == RATCHET_READ || *verdict_r == RATCHET_UNREADABLE))
        memcpy(opened_r->mac_key, trial.keys.mac, E2E_KEY_BYTES);
    if (trial.passed != NULL)
        st_wipe(trial.passed, trial.passed_cap * sizeof *trial.passed);
    free(trial.passed);
    ST_WIPE(trial);
    return err;
}
