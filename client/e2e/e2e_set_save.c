#include "client/e2e/e2e_set.h"

#include <stdlib.h>

#include <sodium.h>

#include "lib/st_wipe.h"

/* version ‖ acct ‖ dev ‖ birth ‖ counter ‖ next_order ‖ opk_day(4) ‖ opk_retries ‖ renewal_day(4) ‖ told
 *   [told: birth ‖ counter ‖ count ‖ sids] ‖ sessions(1) ‖ each: length(4) ‖ session ‖ checksum(8) */
enum {
    VERSION = 1,
    HEAD_BYTES = 1 + ST_ACCT_BYTES + 4 + E2E_BIRTH_BYTES + 4 + 4 + 4 + 1 + 4 + 1,
    KNOWN_BYTES = E2E_BIRTH_BYTES + 4 + 1,
    CHECKSUM_BYTES = 8 /* start of SHA-256 of all before: finds damage, keeps nobody out */
};

static void checksum(struct st_view bytes, uint8_t out[static CHECKSUM_BYTES])
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, bytes.p, bytes.len);
    memcpy(out, hash, CHECKSUM_BYTES);
}

static void put_head(const struct e2e_set *set, struct st_buf *out)
{
    uint8_t head[HEAD_BYTES];
    head[0] = VERSION;
    memcpy(head + 1, set->acct_id, ST_ACCT_BYTES);
    st_put_u32(head + 17, set->dev_id);
    memcpy(head + 21, set->birth, E2E_BIRTH_BYTES);
    st_put_u32(head + 29, set->counter);
    st_put_u32(head + 33, set->next_order);
    st_put_u32(head + 37, (uint32_t)set->opk_day);
    head[41] = set->opk_retries;
    st_put_u32(head + 42, (uint32_t)set->renewal_day);
    head[46] = set->peer_told ? 1 : 0;
    st_buf_append(out, head, sizeof head);
    if (!set->peer_told)
        return;
    uint8_t known[KNOWN_BYTES];
    memcpy(known, set->peer.birth, E2E_BIRTH_BYTES);
    st_put_u32(known + E2E_BIRTH_BYTES, set->peer.counter);
    known[KNOWN_BYTES - 1] = set->peer.count;
    st_buf_append(out, known, sizeof known);
    st_buf_append(out, set->peer.sids, set->peer.count * sizeof set->peer.sids[0]);
}

enum st_err e2e_set_save(const struct e2e_set *set, struct st_buf *out)
{
    size_t start = out->len;
    put_head(set, out);
    uint8_t count = (uint8_t)set->count;
    st_buf_append(out, &count, 1);
    for (size_t i = 0; i < set->count; i++) {
        static const uint8_t no_length[4];
        st_buf_append(out, no_length, sizeof no_length);
        size_t at = out->len;
        enum st_err err = e2e_session_save(set->sessions[i], out);
        if (err != ST_OK)
            return err;
        st_put_u32(out->p + at - 4, (uint32_t)(out->len - at));
    }
    if (st_buf_error(out) != ST_OK)
        return st_buf_error(out);
    uint8_t sum[CHECKSUM_BYTES];
    checksum(st_view(out->p + start, out->len - start), sum);
    return st_buf_append(out, sum, sizeof sum);
}

/* The next `len` bytes of *in, or NULL. */
static const uint8_t *take(struct st_view *in, size_t len)
{
    if (len > in->len)
        return NULL;
    const uint8_t *p = in->p;
    in->p += len;
    in->len -= len;
    return p;
}

static bool get_known(struct e2e_known *known, struct st_view *in)
{
    const uint8_t *p = take(in, KNOWN_BYTES);
    if (p == NULL || p[KNOWN_BYTES - 1] > E2E_SESSIONS_MAX)
        return false;
    memcpy(known->birth, p, E2E_BIRTH_BYTES);
    known->counter = st_get_u32(p + E2E_BIRTH_BYTES);
    known->count = p[KNOWN_BYTES - 1];
    const uint8_t *sids = take(in, known->count * sizeof known->sids[0]);
    if (sids == NULL)
        return false;
    memcpy(known->sids, sids, known->count * sizeof known->sids[0]);
    return true;
}

static bool get_head(struct e2e_set *set, struct st_view *in)
{
    const uint8_t *p = take(in, HEAD_BYTES);
    if (p == NULL || p[0] != VERSION || p[46] > 1)
        return false;
    memcpy(set->acct_id, p + 1, ST_ACCT_BYTES);
    set->dev_id = st_get_u32(p + 17);
    memcpy(set->birth, p + 21, E2E_BIRTH_BYTES);
    set->counter = st_get_u32(p + 29);
    set->next_order = st_get_u32(p + 33);
    set->opk_day = st_get_u32(p + 37);
    set->opk_retries = p[41];
    set->renewal_day = st_get_u32(p + 42);
    set->peer_told = p[46] == 1;
    return !set->peer_told || get_known(&set->peer, in);
}

static enum st_err get_session(struct e2e_set *set, struct st_view *in)
{
    const uint8_t *len = take(in, 4);
    const uint8_t *p = len != NULL ? take(in, st_get_u32(len)) : NULL;
    if (p == NULL)
        return ST_EFOREIGN;
    struct st_view bytes = st_view(p, st_get_u32(len));
    struct e2e_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return ST_ENOMEM;
    enum st_err err = e2e_session_load(session, &bytes);
    if (err == ST_OK && (bytes.len != 0 || e2e_set_find(set, session->sid) != NULL))
        err = ST_EFOREIGN;
    if (err != ST_OK) {
        e2e_session_deinit(session);
        free(session);
        return err;
    }
    set->sessions[set->count++] = session;
    return ST_OK;
}

static enum st_err load(struct e2e_set *set, struct st_view bytes)
{
    uint8_t sum[CHECKSUM_BYTES];
    if (bytes.len < CHECKSUM_BYTES)
        return ST_EFOREIGN;
    struct st_view in = st_view(bytes.p, bytes.len - CHECKSUM_BYTES);
    checksum(in, sum);
    if (sodium_memcmp(sum, bytes.p + in.len, sizeof sum) != 0)
        return ST_EFOREIGN;
    if (!get_head(set, &in))
        return ST_EFOREIGN;
    const uint8_t *count = take(&in, 1);
    if (count == NULL || *count > E2E_SESSIONS_MAX)
        return ST_EFOREIGN;
    enum st_err err = ST_OK;
    for (size_t i = 0; i < *count && err == ST_OK; i++)
        err = get_session(set, &in);
    if (err == ST_OK && in.len != 0)
        err = ST_EFOREIGN;
    return err;
}

enum st_err e2e_set_load(struct e2e_set *set, struct st_view bytes)
{
    memset(set, 0, sizeof *set);
    enum st_err err = load(set, bytes);
    if (err != ST_OK)
        e2e_set_deinit(set);
    return err;
}
