#include "services/gateway/gateway_enrols.h"

#include <stdlib.h>

#include "services/gateway/gateway_conns.h"

static void sid_key(uint64_t sid, uint8_t key[static 8])
{
    st_put_u64(key, sid);
}

void gateway_enrols_end(struct gateway_core *core, struct gateway_enrol *enrol)
{
    uint8_t key[8];
    sid_key(enrol->link.sid, key);
    if (enrol->link.sid != 0)
        st_map_remove(core->enrol_sids, key);
    st_map_remove(core->enrols, enrol->tk);
    gateway_timer_stop(core, &enrol->link.timer);
    gateway_conns_end(core, enrol->link.conn, enrol->link.sid);
    free(enrol);
}

static void enrol_due(struct gateway_core *core, struct gateway_timer *timer)
{
    struct gateway_enrol *enrol = gateway_timer_owner(timer, struct gateway_enrol, link.timer);
    int64_t end_ms = enrol->link.seen_ms + GATEWAY_ENROL_IDLE_MS;
    if (enrol->link.gone || gateway_now(core) >= end_ms)
        gateway_enrols_end(core, enrol);
    else
        gateway_timer_move(core, timer, end_ms);
}

bool gateway_enrols_admit(struct gateway_core *core, const uint8_t tk[static ST_KEY_LEN])
{
    int64_t now = gateway_now(core);
    struct gateway_enrol *enrol = st_map_get(core->enrols, tk);
    if (enrol != NULL) {
        enrol->link.seen_ms = now;
        return core->limits.off || st_bucket_take(&enrol->handshakes, &core->limits.handshakes, 1, now);
    }
    enrol = calloc(1, sizeof *enrol);
    if (enrol == NULL)
        return false;
    memcpy(enrol->tk, tk, sizeof enrol->tk);
    enrol->link = (struct gateway_link) { .socket = GATEWAY_ENROL, .pin = GATEWAY_NO_PEER, .seen_ms = now };
    enrol->strikes = (struct gateway_strikes) { .since_ms = GATEWAY_NEVER, .ignore_until_ms = GATEWAY_NEVER };
    st_bucket_init(&enrol->frames, &core->limits.enrol_frames, now);
    st_bucket_init(&enrol->handshakes, &core->limits.handshakes, now);
    (void)st_bucket_take(&enrol->handshakes, &core->limits.handshakes, 1, now);
    if (st_map_put(core->enrols, enrol->tk, enrol) != ST_OK) {
        free(enrol);
        return false;
    }
    if (gateway_timer_start(core, &enrol->link.timer, now + GATEWAY_ENROL_IDLE_MS, enrol_due) != ST_OK) {
        st_map_remove(core->enrols, enrol->tk);
        free(enrol);
        return false;
    }
    return true;
}

static bool is_same_place(const struct gateway_link *link, struct st_view rid)
{
    return link->rid_len == rid.len && memcmp(link->rid, rid.p, rid.len) == 0;
}

/* What auth counts attempts by. Zeros are not counted there: for trusted proxies, who count by themselves. Clients of
 * whom no address is known count as one: the strict side. */
static void read_address(const struct gateway_core *core, uint8_t addr[static ST_ADDR_LEN], const char *text)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (text == NULL || st_cidr_parse_address(addr, text) != ST_OK)
        memset(addr, 0xff, ST_ADDR_LEN);
    else if (st_cidr_contains(&core->limits.trusted_proxies, addr))
        memset(addr, 0, ST_ADDR_LEN);
    else if (memcmp(addr, mapped, sizeof mapped) != 0)
        memset(addr + 8, 0, 8);
}

struct gateway_enrol *gateway_enrols_bind(struct gateway_core *core, const uint8_t tk[static ST_KEY_LEN],
                                          const struct gateway_client *from)
{
    struct gateway_enrol *enrol = st_map_get(core->enrols, tk);
    if (enrol == NULL)
        return NULL;
    struct gateway_link *link = &enrol->link;
    link->seen_ms = gateway_now(core);
    if (is_same_place(link, from->rid))
        return enrol;
    uint8_t key[8];
    sid_key(link->sid, key);
    if (link->sid != 0) {
        st_map_remove(core->enrol_sids, key);
        gateway_conns_end(core, link->conn, link->sid);
    }
    link->sid = ++core->next_sid;
    sid_key(link->sid, key);
    if (st_map_put(core->enrol_sids, key, enrol) != ST_OK) {
        link->sid = 0;
        link->rid_len = 0;
        return NULL;
    }
    memcpy(link->rid, from->rid.p, from->rid.len);
    link->rid_len = from->rid.len;
    link->conn = from->conn;
    link->gone = false;
    link->pin = GATEWAY_NO_PEER;
    read_address(core, enrol->addr, from->address);
    gateway_conns_speaks(core, link->conn, link->sid);
    return enrol;
}

struct gateway_enrol *gateway_enrols_by_sid(const struct gateway_core *core, uint64_t sid)
{
    uint8_t key[8];
    sid_key(sid, key);
    return st_map_get(core->enrol_sids, key);
}

void gateway_enrols_free(struct gateway_core *core)
{
    size_t cursor = 0;
    void *value = NULL;
    while (st_map_next(core->enrols, &cursor, NULL, &value)) {
        struct gateway_enrol *enrol = value;
        gateway_timer_stop(core, &enrol->link.timer);
        free(enrol);
    }
    st_map_free(&core->enrols);
    st_map_free(&core->enrol_sids);
}
