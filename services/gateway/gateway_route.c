#include "services/gateway/gateway_route.h"

#include <sodium.h>

#include "services/gateway/gateway_send.h"

static const char *role_name(enum gateway_role role)
{
    return role == GATEWAY_AUTH ? "auth" : "relay";
}

/* Sessions are looked at again whenever a relay came or went (gateway_attach.c walks them). */
static void relays_changed(struct gateway_core *core)
{
    core->moving = true;
    core->move_next = core->first;
}

static void set_live(struct gateway_core *core, unsigned number, bool live)
{
    struct gateway_peer *peer = &core->peers[number];
    if (peer->live == live)
        return;
    peer->live = live;
    ST_LOG(core->log, live ? ST_LOG_INFO : ST_LOG_WARN, live ? "service_up" : "service_down",
           st_log_text("role", role_name(peer->role)), st_log_uint("service", number));
    if (peer->role == GATEWAY_RELAY)
        relays_changed(core);
}

static void ping_due(struct gateway_core *core, struct gateway_timer *timer)
{
    struct gateway_peer *peer = gateway_timer_owner(timer, struct gateway_peer, timer);
    unsigned number = (unsigned)(peer - core->peers);
    int64_t now = gateway_now(core);
    gateway_timer_move(core, timer, now + GATEWAY_PEER_PING_MS);
    if (peer->live && now - peer->pong_ms > GATEWAY_PEER_SILENT_MS)
        set_live(core, number, false);
    struct st_int_svc_ping ping = { .boot = core->boot };
    /* A ping that cannot be sent is a ping without an answer: the silence above counts, not this. */
    gateway_send_note(core, number, NULL, ST_SVC_PING, &ping);
}

enum st_err gateway_route_add(struct gateway_core *core, enum gateway_role role, const char *endpoint, unsigned *peer_r)
{
    *peer_r = GATEWAY_NO_PEER;
    unsigned number = 0;
    while (number < GATEWAY_PEERS_MAX && core->peers[number].used)
        number++;
    if (number == GATEWAY_PEERS_MAX || strlen(endpoint) > GATEWAY_ENDPOINT_MAX)
        return ST_ELIMIT;
    struct gateway_peer *peer = &core->peers[number];
    *peer = (struct gateway_peer) { .role = role, .pong_ms = GATEWAY_NEVER };
    if (crypto_generichash(peer->hash_key, sizeof peer->hash_key, (const uint8_t *)endpoint, strlen(endpoint), NULL,
                           0) != 0)
        return ST_EIO;
    enum st_err err = gateway_timer_start(core, &peer->timer, gateway_now(core), ping_due);
    if (err != ST_OK)
        return err;
    peer->used = true;
    *peer_r = number;
    return ST_OK;
}

void gateway_route_remove(struct gateway_core *core, unsigned number)
{
    if (number >= GATEWAY_PEERS_MAX || !core->peers[number].used)
        return;
    set_live(core, number, false);
    gateway_timer_stop(core, &core->peers[number].timer);
    core->peers[number].used = false;
}

bool gateway_route_is_live(const struct gateway_core *core, unsigned peer)
{
    return peer < GATEWAY_PEERS_MAX && core->peers[peer].used && core->peers[peer].live;
}

unsigned gateway_route_same(const struct gateway_core *core, unsigned peer, uint64_t boot)
{
    return gateway_route_is_live(core, peer) && core->peers[peer].boot == boot ? peer : GATEWAY_NO_PEER;
}

unsigned gateway_route_relay(const struct gateway_core *core, const uint8_t acct[static ST_ACCT_LEN])
{
    unsigned best = GATEWAY_NO_PEER;
    uint64_t best_score = 0;
    for (unsigned i = 0; i < GATEWAY_PEERS_MAX; i++) {
        const struct gateway_peer *peer = &core->peers[i];
        if (!gateway_route_is_live(core, i) || peer->role != GATEWAY_RELAY)
            continue;
        uint8_t hash[crypto_shorthash_BYTES];
        _Static_assert(sizeof peer->hash_key == crypto_shorthash_KEYBYTES, "an endpoint's hash is a SipHash key");
        /* Cannot fail: libsodium declares a result only for symmetry. */
        (void)crypto_shorthash(hash, acct, ST_ACCT_LEN, peer->hash_key);
        uint64_t score = st_get_u64(hash);
        if (best == GATEWAY_NO_PEER || score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

unsigned gateway_route_auth(struct gateway_core *core)
{
    for (unsigned i = 0; i < GATEWAY_PEERS_MAX; i++) {
        unsigned number = (core->next_auth + i) % GATEWAY_PEERS_MAX;
        if (gateway_route_is_live(core, number) && core->peers[number].role == GATEWAY_AUTH) {
            core->next_auth = number + 1;
            return number;
        }
    }
    return GATEWAY_NO_PEER;
}

void gateway_route_pong(struct gateway_core *core, unsigned number, const struct st_int_svc_pong *pong)
{
    struct gateway_peer *peer = &core->peers[number];
    bool restarted = peer->live && peer->boot != pong->boot;
    peer->pong_ms = gateway_now(core);
    peer->boot = pong->boot;
    if (peer->role == GATEWAY_AUTH && ST_HAS(pong, 3))
        core->registration = pong->registration;
    set_live(core, number, pong->draining == 0);
    /* A relay that was started again knows none of our sessions. */
    if (restarted && peer->role == GATEWAY_RELAY)
        relays_changed(core);
}
