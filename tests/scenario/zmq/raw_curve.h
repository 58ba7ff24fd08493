/* A CURVE client by hand over a TCP socket (ZeroMQ RFC 23 and 26), for what no honest libzmq sends: frames of a message
 * that never ends, properties of its own invention, a handshake that stops half-way. */
#ifndef RAW_CURVE_H
#define RAW_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw_curve {
    int fd;
    uint8_t server_key[32];
    uint8_t public_key[32], secret_key[32]; /* long-term */
    uint8_t short_public[32], short_secret[32];
    uint8_t server_short[32];
    uint8_t cookie[96];
    uint64_t nonce;
};

/* Takes the connected socket. Keys are made at random. */
void raw_curve_init(struct raw_curve *raw, int fd, const uint8_t server_key[static 32]);

/* Greeting both ways, HELLO, WELCOME, INITIATE with Socket-Type, Identity (rid) and, if `user_id` is not NULL, a
 * User-Id property. Returns false if the server closed. The READY command is awaited. */
bool raw_curve_handshake(struct raw_curve *raw, const char *user_id, const void *rid, size_t rid_len);

/* One frame of a message; `more` = others follow. False when the connection is gone. */
bool raw_curve_send(struct raw_curve *raw, const void *bytes, size_t len, bool more);

#endif
