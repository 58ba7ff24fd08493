#include "client/e2e/ratchet.h"

#include <stdlib.h>

#include <sodium.h>

#include "client/e2e/e2e_padding.h"
#include "client/e2e/ratchet_kdf.h"
#include "client/e2e/ratchet_past.h"
#include "lib/st_wipe.h"

enum st_err ratchet_init_initiator(struct ratchet *ratchet, const struct st_env *env,
                                   const uint8_t th[static E2E_HASH_BYTES], const uint8_t sk[static E2E_KEY_BYTES],
                                   const uint8_t spk[static E2E_KEY_BYTES])
{
    struct e2e_pair r = { { 0 }, { 0 } };
    struct e2e_pair m = { { 0 }, { 0 } };
    struct ratchet_root root = { { 0 }, { 0 } };
    memset(ratchet, 0, sizeof *ratchet);
    enum st_err err = e2e_identity_pair(env, &r);
    if (err == ST_OK)
        err = e2e_identity_pair(env, &m);
    if (err == ST_OK)
        err = ratchet_kdf_root(&root, sk, (struct ratchet_dh) { r.secret, spk });
    if (err == ST_OK) {
        memcpy(ratchet->th, th, E2E_HASH_BYTES);
        memcpy(ratchet->rk, root.rk, E2E_KEY_BYTES);
        memcpy(ratchet->ck_send, root.ck, E2E_KEY_BYTES);
        memcpy(ratchet->r_secret, r.secret, E2E_KEY_BYTES);
        memcpy(ratchet->r_pub, r.pub, E2E_KEY_BYTES);
        memcpy(ratchet->own.secret, m.secret, E2E_KEY_BYTES);
        memcpy(ratchet->own.pub, m.pub, E2E_KEY_BYTES);
        memcpy(ratchet->peer.r, spk, E2E_KEY_BYTES);
        memcpy(ratchet->peer.m, spk, E2E_KEY_BYTES);
        ratchet->r_held = true;
        ratchet->sending = true;
    }
    ST_WIPE(r);
    ST_WIPE(m);
    ST_WIPE(root);
    return err;
}

void ratchet_init_responder(struct ratchet *ratchet, const uint8_t th[static E2E_HASH_BYTES],
                            const uint8_t sk[static E2E_KEY_BYTES], const uint8_t spk[static E2E_KEY_BYTES])
{
    memset(ratchet, 0, sizeof *ratchet);
    memcpy(ratchet->th, th, E2E_HASH_BYTES);
    memcpy(ratchet->rk, sk, E2E_KEY_BYTES);
    memcpy(ratchet->r_pub, spk, E2E_KEY_BYTES);
    memcpy(ratchet->own.pub, spk, E2E_KEY_BYTES);
    ratchet->own.is_spk = true;
    ratchet->r_held = true;
}

void ratchet_deinit(struct ratchet *ratchet)
{
    if (ratchet->keys != NULL)
        st_wipe(ratchet->keys, ratchet->key_cap * sizeof *ratchet->keys);
    if (ratchet->old != NULL)
        st_wipe(ratchet->old, ratchet->old_cap * sizeof *ratchet->old);
    free(ratchet->keys);
    free(ratchet->old);
    ST_WIPE(*ratchet);
}

/* Everything that sealing one message makes; all of it secret or about to become the state. */
struct sealing {
    bool step; /* a ratchet step is done with it */
    struct e2e_pair r;
    struct e2e_pair m;
    struct e2e_pair e;
    struct ratchet_root root; /* after a step */
    uint8_t ck[E2E_KEY_BYTES];
    uint8_t p[E2E_KEY_BYTES];
    struct ratchet_message_keys keys;
    const uint8_t *r_pub;
    const uint8_t *m_pub;
    uint32_t pn;
    uint32_t n;
};

/* Chain key, numbers and public keys of the next message: a step first, if one is due. */
static enum st_err prepare(const struct ratchet *ratchet, const struct st_env *env, struct sealing *s)
{
    s->step = ratchet->step_due;
    if (!s->step) {
        memcpy(s->ck, ratchet->ck_send, E2E_KEY_BYTES);
        s->r_pub = ratchet->r_pub;
        s->m_pub = ratchet->own.pub;
        s->pn = ratchet->sent_pn;
        s->n = ratchet->sent;
        return ST_OK;
    }
    enum st_err err = e2e_identity_pair(env, &s->r);
    if (err == ST_OK)
        err = e2e_identity_pair(env, &s->m);
    if (err == ST_OK)
        err = ratchet_kdf_root(&s->root, ratchet->rk, (struct ratchet_dh) { s->r.secret, ratchet->peer.r });
    memcpy(s->ck, s->root.ck, E2E_KEY_BYTES);
    s->r_pub = s->r.pub;
    s->m_pub = s->m.pub;
    s->pn = ratchet->sent;
    s->n = 0;
    return err;
}

/* Appends header, ciphertext and tag. */
static enum st_err put_envelope(const struct ratchet *ratchet, const struct sealing *s,
                                const struct ratchet_sealing *what, struct st_buf *out)
{
    size_t ct_len = e2e_padding_bucket(what->plain.len);
    size_t header_len = what->block != NULL ? E2E_HEADER_INITIAL_BYTES : E2E_HEADER_BYTES;
    uint8_t *p = st_buf_extend(out, header_len + ct_len + E2E_TAG_BYTES);
    if (p == NULL)
        return st_buf_error(out);
    const struct e2e_head head = {
        .initial = what->block != NULL,
        .sid = what->sid,
        .pn = s->pn,
        .n = s->n,
        .r = s->r_pub,
        .m = s->m_pub,
        .e = s->e.pub,
        .ct_len = (uint32_t)ct_len,
    };
    e2e_envelope_head_write(&head, p);
    if (what->block != NULL)
        memcpy(p + E2E_HEADER_BYTES, what->block, E2E_BLOCK_BYTES);
    uint8_t *ct = p + header_len;
    if (what->plain.len > 0)
        memcpy(ct, what->plain.p, what->plain.len);
    e2e_padding_add(ct, what->plain.len);
    if (crypto_stream_xchacha20_xor(ct, ct, ct_len, s->keys.nonce, s->keys.enc) != 0) {
        st_wipe(ct, ct_len);
        out->len -= header_len + ct_len + E2E_TAG_BYTES;
        return ST_EINTEGRITY;
    }
    ratchet_kdf_tag(ct + ct_len, s->keys.mac, ratchet->th, st_view(p, header_len), st_view(ct, ct_len));
    return ST_OK;
}

static void commit_sealing(struct ratchet *ratchet, const struct sealing *s)
{
    if (s->step) {
        memcpy(ratchet->rk, s->root.rk, E2E_KEY_BYTES);
        memcpy(ratchet->r_secret, s->r.secret, E2E_KEY_BYTES);
        memcpy(ratchet->r_pub, s->r.pub, E2E_KEY_BYTES);
        memcpy(ratchet->own.secret, s->m.secret, E2E_KEY_BYTES);
        memcpy(ratchet->own.pub, s->m.pub, E2E_KEY_BYTES);
        ratchet->own.is_spk = false;
        ratchet->r_held = true;
        ratchet->step_due = false;
        ratchet->sending = true;
        ratchet->sent_pn = s->pn;
    }
    memcpy(ratchet->ck_send, s->ck, E2E_KEY_BYTES);
    ratchet->sent = s->n + 1;
}

enum st_err ratchet_seal(struct ratchet *ratchet, const struct st_env *env, const struct ratchet_sealing *what,
                         struct st_buf *out)
{
    if (what->plain.len > E2E_PLAIN_MAX)
        return ST_ELIMIT;
    if (!ratchet->step_due && !ratchet->sending)
        return ST_EREFUSED;
    if (!ratchet->step_due && ratchet->sent >= E2E_SENT_MAX)
        return ST_ELIMIT;
    struct sealing s;
    memset(&s, 0, sizeof s);
    enum st_err err = prepare(ratchet, env, &s);
    if (err == ST_OK)
        err = e2e_identity_pair(env, &s.e);
    if (err == ST_OK) {
        const struct ratchet_message_info info = { ratchet->th, s.r_pub, s.n, s.e.pub, ratchet->peer.m };
        ratchet_kdf_chain(s.ck, s.p);
        err = ratchet_kdf_message(&s.keys, s.p, (struct ratchet_dh) { s.e.secret, ratchet->peer.m }, &info);
    }
    if (err == ST_OK)
        err = put_envelope(ratchet, &s, what, out);
    if (err == ST_OK)
        commit_sealing(ratchet, &s);
    ST_WIPE(s);
    return err;
}

void ratchet_age(struct ratchet *ratchet, uint64_t now_s)
{
    ratchet_past_age(ratchet, now_s);
}

bool ratchet_uses_spk(const struct ratchet *ratchet)
{
    if (ratchet->own.is_spk || (ratchet->receiving && ratchet->peer.own.is_spk))
        return true;
    for (size_t i = 0; i < ratchet->old_count; i++)
        if (ratchet->old[i].own.is_spk)
            return true;
    return false;
}

bool ratchet_forget_spk(struct ratchet *ratchet)
{
    ratchet_past_drop_spk(ratchet);
    return ratchet->own.is_spk || (ratchet->receiving && ratchet->peer.own.is_spk);
}
