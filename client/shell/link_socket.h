/* One DEALER under CURVE, and what its monitor says, in the words of the engine. Reconnecting is libzmq's; telling a
 * wrong server key from a server that is away is done here (libzmq says only that a handshake failed). */
#ifndef LINK_SOCKET_H
#define LINK_SOCKET_H

#include <stdbool.h>

#include <zmq.h>

#include "client/core/client.h"

struct link_socket {
    void *socket; /* NULL: closed */
    void *monitor;
    bool up;
    int64_t connected_ms;   /* when TCP connected, monotonic; 0: it is not */
    unsigned fast_failures; /* handshakes in a row that failed right after TCP connected */
};

/* Opens and begins to connect; the target is borrowed for the call. */
enum st_err link_socket_open(struct link_socket *link, void *zmq, const struct client_target *target) ST_MUST_CHECK;

/* Closes at once; a closed one is fine. */
void link_socket_close(struct link_socket *link);

/* ST_EUNAVAILABLE: closed, or its queue is full. */
enum st_err link_socket_send(struct link_socket *link, struct st_view frame) ST_MUST_CHECK;

/* Takes a frame that is there; the caller closes it. A message of several frames is dropped: the server sends none. */
bool link_socket_receive(struct link_socket *link, zmq_msg_t *frame_r);

/* Takes the next change of the link's state that is there. */
bool link_socket_event(struct link_socket *link, enum client_link_state *state_r);

#endif
