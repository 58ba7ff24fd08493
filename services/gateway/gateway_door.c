#include "services/gateway/gateway_door.h"

#include <zmq.h>

#include "services/gateway/gateway_limits.h"
#include "services/gateway/gateway_sockets.h"

enum { OLD_LIFE_MS = GATEWAY_ZAP_WAIT_MS + 1000 /* then whoever waits has been answered, or will not be */ };

static const char handler[] = "inproc://zeromq.zap.01";

enum st_err gateway_door_open(struct gateway_door *door, void *zmq, int64_t change_ms, int64_t now_ms)
{
    *door = (struct gateway_door) { .zmq = zmq,
                                    .change_ms = change_ms > 0 ? change_ms : GATEWAY_DOOR_CHANGE_MS,
                                    .since_ms = now_ms };
    door->sockets[0] = gateway_sockets_zap(zmq);
    return door->sockets[0] != NULL && zmq_bind(door->sockets[0], handler) == 0 ? ST_OK : ST_EIO;
}

void gateway_door_close(struct gateway_door *door)
{
    for (unsigned i = 0; i < GATEWAY_DOOR_SOCKETS; i++) {
        if (door->sockets[i] != NULL)
            zmq_close(door->sockets[i]);
        door->sockets[i] = NULL;
    }
}

static void change(struct gateway_door *door, int64_t now_ms)
{
    unsigned next = 1 - door->active;
    void *fresh = gateway_sockets_zap(door->zmq);
    door->since_ms = now_ms; /* also after a failure: it is tried again later */
    if (fresh == NULL)
        return;
    if (zmq_unbind(door->sockets[door->active], handler) != 0 || zmq_bind(fresh, handler) != 0) {
        /* The old one goes on; if it has lost its name and cannot have it back, nobody is let in, and the next change
         * mends it. */
        (void)zmq_bind(door->sockets[door->active], handler);
        zmq_close(fresh);
        return;
    }
    door->sockets[next] = fresh;
    door->asked[next] = 0;
    door->active = next;
}

void gateway_door_turn(struct gateway_door *door, int64_t now_ms)
{
    unsigned old = 1 - door->active;
    if (door->sockets[old] != NULL && now_ms - door->since_ms >= OLD_LIFE_MS) {
        zmq_close(door->sockets[old]);
        door->sockets[old] = NULL;
    }
    if (door->sockets[old] == NULL && door->asked[door->active] > 0 && now_ms - door->since_ms >= door->change_ms)
        change(door, now_ms);
}
