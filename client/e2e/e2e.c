#include "client/e2e/e2e.h"

#include <stdlib.h>

#include <sodium.h>

#include "client/e2e/e2e_envelope.h"
#include "client/e2e/e2e_expose.h"
#include "client/e2e/x3dh.h"
#include "lib/st_wipe.h"

/* ---- opening ---- */

static void ident_of_bundle(const struct st_bundle *bundle, struct e2e_ident *ident)
{
    memcpy(ident->acct_id, bundle->acct_id, ST_ACCT_BYTES);
    ident->dev_id = bundle->device.dev_id;
    memcpy(ident->ak, bundle->ak, sizeof ident->ak);
    memcpy(ident->dsk, bundle->device.dsk, sizeof ident->dsk);
    memcpy(ident->dik, bundle->device.dik, sizeof ident->dik);
}

/* X3DH and the first ratchet state, with a bundle that was checked. EK is wiped as soon as SK is made. */
static enum st_err initiate(struct e2e_session *session, const struct st_env *env, const struct e2e_start *start)
{
    const struct st_bundle *bundle = start->bundle;
    struct e2e_ident peer;
    struct e2e_pair ek;
    struct x3dh_result x3dh = { { 0 }, { 0 }, { 0 } };
    ident_of_bundle(bundle, &peer);
    enum st_err err = e2e_identity_pair(env, &ek);
    const struct x3dh_public pub = {
        .a = &start->self->ident,
        .b = &peer,
        .ek = ek.pub,
        .spk = bundle->spk.pub,
        .opk = bundle->opk,
        .spk_id = bundle->spk.spk_id,
        .opk_id = bundle->opk_id,
    };
    if (err == ST_OK)
        err = x3dh_initiate(&pub, start->self->dik_secret, ek.secret, &x3dh);
    ST_WIPE(ek.secret);
    if (err == ST_OK)
        err = ratchet_init_initiator(&session->ratchet, env, x3dh.th, x3dh.sk, bundle->spk.pub);
    if (err == ST_OK) {
        struct e2e_block block = { .ident = start->self->ident, .spk_id = pub.spk_id, .opk_id = pub.opk_id };
        memcpy(block.ek, ek.pub, sizeof block.ek);
        e2e_envelope_block_write(&block, session->block);
        memcpy(session->sid, x3dh.sid, E2E_SID_BYTES);
        session->state = E2E_INIT_SENT;
        session->initiator = true;
        session->no_opk = bundle->opk_id == 0;
        session->spk_id = bundle->spk.spk_id;
        session->created_s = start->now_s;
    }
    ST_WIPE(x3dh);
    return err;
}

enum st_err e2e_open_outgoing(struct e2e_set *set, const struct st_env *env, const struct e2e_start *start)
{
    /* Checked and used: the same bytes. */
    const struct st_bundle bundle = *start->bundle;
    struct e2e_start checked = *start;
    checked.bundle = &bundle;
    if (memcmp(bundle.acct_id, set->acct_id, ST_ACCT_BYTES) != 0 || bundle.device.dev_id != set->dev_id)
        return ST_EREFUSED;
    enum st_err err = st_prekey_bundle_check(&bundle, start->list, start->ak, start->now_s);
    if (err != ST_OK)
        return err;
    struct e2e_session session;
    memset(&session, 0, sizeof session);
    err = initiate(&session, env, &checked);
    if (err == ST_OK)
        err = e2e_set_add(set, &session, start->bypass_held, start->now_s);
    e2e_session_deinit(&session);
    return err;
}

/* ---- sending ---- */

enum st_err e2e_encrypt(struct e2e_set *set, const struct st_env *env, struct st_view plain, uint64_t now_s,
                        struct st_buf *out, struct e2e_sent *sent_r)
{
    memset(sent_r, 0, sizeof *sent_r);
    struct e2e_session *session = e2e_set_choose(set, now_s);
    if (session == NULL)
        return ST_ENOTFOUND;
    enum st_err err = e2e_session_event(session, E2E_ON_SEND, now_s);
    if (err != ST_OK)
        return err;
    const struct ratchet_sealing what = {
        .sid = session->sid,
        .block = session->initiator && !session->answered ? session->block : NULL,
        .plain = plain,
    };
    err = ratchet_seal(&session->ratchet, env, &what, out);
    if (err != ST_OK)
        return err;
    memcpy(sent_r->sid, session->sid, E2E_SID_BYTES);
    memcpy(sent_r->r, session->ratchet.r_pub, E2E_KEY_BYTES);
    memcpy(sent_r->th, session->ratchet.th, E2E_HASH_BYTES);
    sent_r->n = session->ratchet.sent - 1;
    sent_r->initial = what.block != NULL;
    return ST_OK;
}

/* ---- receiving ---- */

static const enum e2e_verdict verdicts[] = {
    [RATCHET_READ] = E2E_READ,
    [RATCHET_UNREADABLE] = E2E_UNREADABLE,
    [RATCHET_REPLAY] = E2E_REPLAY,
    [RATCHET_WRONG_TAG] = E2E_WRONG_TAG,
    [RATCHET_REFUSED] = E2E_MALFORMED,
    [RATCHET_BEYOND_SKIP] = E2E_BEYOND_SKIP,
    /* A session whose signed prekey is gone is as good as closed. */
    [RATCHET_NO_PREKEY] = E2E_UNKNOWN_SESSION,
};

static bool moved_on(enum e2e_verdict verdict)
{
    return verdict == E2E_READ || verdict == E2E_UNREADABLE;
}

/* Opens the message with the session's ratchet, and lets "read" happen to the session. */
static enum st_err open_with(struct e2e_session *session, const struct ratchet_opening *what, struct st_buf *plain,
                             struct e2e_received *received)
{
    struct ratchet_opened opened;
    enum ratchet_verdict verdict;
    enum st_err err = ratchet_open(&session->ratchet, what, plain, &opened, &verdict);
    if (err == ST_OK) {
        received->verdict = verdicts[verdict];
        if (moved_on(received->verdict)) {
            err = e2e_session_event(session, E2E_ON_READ, what->now_s);
            memcpy(received->mac_key, opened.mac_key, E2E_KEY_BYTES);
            memcpy(received->th, session->ratchet.th, E2E_HASH_BYTES);
            e2e_expose_hash(received->exposed_hash, received->sid, received->r, received->n);
        }
    }
    ST_WIPE(opened);
    return err;
}

static void hash_block(const uint8_t *block, uint8_t out[static E2E_SID_BYTES])
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, block, E2E_BLOCK_BYTES);
    memcpy(out, hash, E2E_SID_BYTES);
}

/* Type 1 on a session that is held: it must be ours to receive, and say what the first one said. */
static bool is_repetition(const struct e2e_session *session, const struct e2e_envelope *envelope)
{
    uint8_t hash[E2E_SID_BYTES];
    if (session->initiator)
        return false;
    hash_block(envelope->block, hash);
    return memcmp(hash, session->block_hash, sizeof hash) == 0;
}

static enum st_err receive_held(struct e2e_session *session, const struct e2e_incoming *in,
                                const struct e2e_envelope *envelope, struct st_buf *plain,
                                struct e2e_received *received)
{
    received->verdict = E2E_PAUSED;
    if (e2e_budget_paused(&session->budget, in->now_s))
        return ST_OK;
    received->verdict = E2E_MALFORMED;
    if (envelope->initial && !is_repetition(session, envelope))
        return ST_OK;
    struct e2e_pair spk;
    memset(&spk, 0, sizeof spk);
    struct ratchet_opening what = { .envelope = envelope, .now_s = in->now_s };
    enum st_err err = ST_OK;
    if (!session->initiator && ratchet_uses_spk(&session->ratchet)) {
        err = in->prekeys->spk(in->prekeys->ctx, session->spk_id, &spk);
        what.spk_secret = err == ST_OK ? spk.secret : NULL;
        if (err == ST_ENOTFOUND)
            err = ST_OK;
    }
    if (err == ST_OK)
        err = open_with(session, &what, plain, received);
    if (err == ST_OK && received->verdict == E2E_WRONG_TAG)
        e2e_budget_fail(&session->budget, in->now_s);
    ST_WIPE(spk);
    return err;
}

/* A session that is being opened by an initial message. */
struct accepting {
    struct e2e_block block;
    struct e2e_pair spk;
    struct e2e_pair opk;
    struct x3dh_result x3dh;
    struct e2e_session session;
};

static bool ident_equal(const struct e2e_ident *a, const struct e2e_ident *b)
{
    uint8_t bytes_a[E2E_IDENT_BYTES];
    uint8_t bytes_b[E2E_IDENT_BYTES];
    e2e_identity_write(a, bytes_a);
    e2e_identity_write(b, bytes_b);
    return memcmp(bytes_a, bytes_b, sizeof bytes_a) == 0;
}

/* Does the block name the sender that the relay names, and an account id that is its key's? */
static bool is_from(const struct e2e_incoming *in, const struct e2e_block *block)
{
    uint8_t acct_id[ST_ACCT_BYTES];
    st_devlist_acct_id(acct_id, block->ident.ak);
    return memcmp(acct_id, block->ident.acct_id, sizeof acct_id) == 0 &&
           memcmp(acct_id, in->from_acct, sizeof acct_id) == 0 && block->ident.dev_id == in->from_dev;
}

/* Has this EK been used, is the account paused, are the prekeys there? E2E_READ: go on. */
static enum st_err find_prekeys(const struct e2e_incoming *in, struct accepting *a, struct e2e_received *received)
{
    const struct e2e_prekeys *prekeys = in->prekeys;
    crypto_hash_sha256(received->ek_hash, a->block.ek, sizeof a->block.ek);
    enum st_err err = prekeys->ek_seen(prekeys->ctx, received->ek_hash);
    if (err != ST_ENOTFOUND) {
        received->verdict = E2E_KNOWN_EK;
        return err;
    }
    received->verdict = E2E_PAUSED;
    if (e2e_budget_paused(in->account_budget, in->now_s))
        return ST_OK;
    received->verdict = E2E_UNKNOWN_PREKEY;
    err = prekeys->spk(prekeys->ctx, a->block.spk_id, &a->spk);
    if (err == ST_OK && a->block.opk_id != 0)
        err = prekeys->opk(prekeys->ctx, a->block.opk_id, &a->opk);
    if (err == ST_OK)
        received->verdict = E2E_READ;
    return err == ST_ENOTFOUND ? ST_OK : err;
}

/* Everything that is checked before any Diffie-Hellman, then X3DH. E2E_READ: the ratchet may try. */
static enum st_err agree(const struct e2e_incoming *in, struct accepting *a, struct e2e_received *received)
{
    received->verdict = E2E_MALFORMED;
    if (!is_from(in, &a->block))
        return ST_OK;
    enum st_err err = find_prekeys(in, a, received);
    if (err != ST_OK || received->verdict != E2E_READ)
        return err;
    received->verdict = E2E_LIST_MISSING;
    if (in->listed == NULL)
        return ST_OK;
    received->verdict = E2E_MALFORMED;
    if (!ident_equal(in->listed, &a->block.ident))
        return ST_OK;
    const struct x3dh_public pub = {
        .a = &a->block.ident,
        .b = &in->self->ident,
        .ek = a->block.ek,
        .spk = a->spk.pub,
        .opk = a->opk.pub,
        .spk_id = a->block.spk_id,
        .opk_id = a->block.opk_id,
    };
    x3dh_transcript(&pub, a->x3dh.th, a->x3dh.sid);
    if (memcmp(a->x3dh.sid, received->sid, E2E_SID_BYTES) != 0)
        return ST_OK;
    const struct x3dh_secrets secrets = { in->self->dik_secret, a->spk.secret, a->opk.secret };
    if (x3dh_respond(&pub, &secrets, &a->x3dh) == ST_OK)
        received->verdict = E2E_READ;
    return ST_OK;
}

static void begin_session(const struct e2e_incoming *in, const struct e2e_envelope *envelope, struct accepting *a)
{
    struct e2e_session *session = &a->session;
    memcpy(session->sid, a->x3dh.sid, E2E_SID_BYTES);
    session->state = E2E_ESTABLISHED;
    session->no_opk = a->block.opk_id == 0;
    session->spk_id = a->block.spk_id;
    session->created_s = in->now_s;
    hash_block(envelope->block, session->block_hash);
    ratchet_init_responder(&session->ratchet, a->x3dh.th, a->x3dh.sk, a->spk.pub);
}

static enum st_err accept(struct e2e_set *set, const struct e2e_incoming *in, const struct e2e_envelope *envelope,
                          struct st_buf *plain, struct e2e_received *received)
{
    struct accepting a;
    memset(&a, 0, sizeof a);
    e2e_envelope_block_read(envelope->block, &a.block);
    enum st_err err = agree(in, &a, received);
    if (err == ST_OK && received->verdict == E2E_READ) {
        const struct ratchet_opening what = { envelope, a.spk.secret, in->now_s };
        begin_session(in, envelope, &a);
        err = open_with(&a.session, &what, plain, received);
        if (err == ST_OK && received->verdict == E2E_WRONG_TAG)
            e2e_budget_fail(in->account_budget, in->now_s);
        if (err == ST_OK && moved_on(received->verdict)) {
            received->opened = true;
            received->no_opk = a.block.opk_id == 0;
            received->opk_used = a.block.opk_id;
            received->spk_id = a.block.spk_id;
            err = e2e_set_add(set, &a.session, false, in->now_s);
        }
    }
    e2e_session_deinit(&a.session);
    ST_WIPE(a);
    return err;
}

static enum st_err receive(struct e2e_set *set, const struct e2e_incoming *in, struct st_buf *plain,
                           struct e2e_received *received)
{
    struct e2e_envelope envelope;
    received->verdict = E2E_MALFORMED;
    if (memcmp(in->from_acct, set->acct_id, ST_ACCT_BYTES) != 0 || in->from_dev != set->dev_id)
        return ST_OK;
    if (e2e_envelope_parse(in->envelope, &envelope) != ST_OK)
        return ST_OK;
    memcpy(received->sid, envelope.sid, E2E_SID_BYTES);
    memcpy(received->r, envelope.r, E2E_KEY_BYTES);
    received->n = envelope.n;
    struct e2e_session *session = e2e_set_find(set, envelope.sid);
    if (session != NULL)
        return receive_held(session, in, &envelope, plain, received);
    received->verdict = E2E_UNKNOWN_SESSION;
    return envelope.initial ? accept(set, in, &envelope, plain, received) : ST_OK;
}

enum st_err e2e_decrypt(struct e2e_set *set, const struct e2e_incoming *incoming, struct st_buf *plain,
                        struct e2e_received *received_r)
{
    memset(received_r, 0, sizeof *received_r);
    st_buf_clear(plain);
    enum st_err err = receive(set, incoming, plain, received_r);
    if (err != ST_OK) {
        if (plain->p != NULL)
            st_wipe(plain->p, plain->cap);
        st_buf_clear(plain);
        ST_WIPE(*received_r);
        received_r->verdict = E2E_MALFORMED;
        return err;
    }
    memcpy(received_r->sender_acct, set->acct_id, ST_ACCT_BYTES);
    received_r->sender_dev = set->dev_id;
    return ST_OK;
}

bool e2e_verdict_is_held(enum e2e_verdict verdict)
{
    return verdict == E2E_BEYOND_SKIP || verdict == E2E_PAUSED || verdict == E2E_LIST_MISSING;
}

const char *e2e_verdict_text(enum e2e_verdict verdict)
{
    static const char *const texts[E2E_VERDICT_COUNT] = {
        [E2E_READ] = "read",
        [E2E_UNREADABLE] = "unreadable",
        [E2E_REPLAY] = "read before",
        [E2E_WRONG_TAG] = "wrong tag",
        [E2E_UNKNOWN_SESSION] = "unknown session",
        [E2E_UNKNOWN_PREKEY] = "unknown prekey",
        [E2E_KNOWN_EK] = "initial message seen before",
        [E2E_MALFORMED] = "malformed",
        [E2E_BEYOND_SKIP] = "too many messages missing before it",
        [E2E_PAUSED] = "paused after wrong tags",
        [E2E_LIST_MISSING] = "device list missing",
    };
    return (unsigned)verdict < E2E_VERDICT_COUNT ? texts[verdict] : "unknown verdict";
}
