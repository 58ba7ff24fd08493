/* The ZAP handler's socket, changed from time to time. libzmq keeps the pipe of each handshake to its handler for as
 * long as the connection lives: 33 KiB of heap a connection, a third of all, 10 KiB of them resident, for nothing.
 * Closing the handler's socket frees them for the connections that come next. So a new socket takes the name over, and
 * the old one, which still answers what it was asked, is closed a few seconds later. For the instant in which nobody
 * has the name, handshakes fail closed, and their clients try again by themselves. Private to the gateway's shell. */
#ifndef GATEWAY_DOOR_H
#define GATEWAY_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/st_err.h"

enum { GATEWAY_DOOR_SOCKETS = 2, GATEWAY_DOOR_CHANGE_MS = 10 * 1000 };

struct gateway_door {
    void *zmq;
    void *sockets[GATEWAY_DOOR_SOCKETS]; /* the active one, and the one before it or NULL */
    unsigned active;
    int64_t change_ms;                    /* least time between two changes */
    int64_t since_ms;                     /* when the active one was bound */
    uint64_t asked[GATEWAY_DOOR_SOCKETS]; /* handshakes that came to it */
};

/* Binds the first socket. `change_ms` 0 = GATEWAY_DOOR_CHANGE_MS. ST_EIO and errno on failure; close it in any case. */
enum st_err gateway_door_open(struct gateway_door *door, void *zmq, int64_t change_ms, int64_t now_ms) ST_MUST_CHECK;

void gateway_door_close(struct gateway_door *door);

/* Changes the socket if it is time, and closes the old one if it has answered all that it ever will. */
void gateway_door_turn(struct gateway_door *door, int64_t now_ms);

#endif
