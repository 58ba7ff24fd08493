/* A small world around the relay's core for its tests: a clock that the test moves, seeded randomness, mailboxes and
 * attachments in memory, up to two relays on them, and gateways that record what they get. */
#ifndef RELAY_WORLD_H
#define RELAY_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/st_messages.h"
#include "services/relay/blob_mem.h"
#include "services/relay/mailbox_mem.h"
#include "services/relay/relay_core.h"

enum { WORLD_RELAYS = 2, WORLD_SENT_MAX = 16384, WORLD_BODY = 500 };

/* One packet that a relay sent. `frame` is owned by the world, exactly as long as it was. */
struct world_sent {
    size_t relay;
    char to[SERVICE_PEER_MAX + 1];
    struct st_hop hop;
    uint8_t *bytes;
    size_t len;
    struct st_frame frame;
    bool taken;
};

struct world {
    int64_t wall_ms, mono_ms;
    uint64_t seed;
    struct st_env env;
    struct mailbox_mem *mem;
    struct blob_mem *blobs;
    struct mailbox box;
    struct blob_store blob;
    struct relay_options options;
    struct relay_core *relays[WORLD_RELAYS];
    struct world_sent *sent;
    size_t sent_count;
    const char *gone; /* this gateway cannot be reached */
    const char *full; /* this gateway takes no more */
    uint64_t request;
};

/* cmocka's fixture: a world with one relay (number 0). world_setup_two starts both. */
int world_setup(void **state);
int world_setup_two(void **state);
int world_teardown(void **state);

/* Ends a relay and starts another one with an empty memory on the same stores. */
void world_restart(struct world *world, size_t relay);

/* Moves both clocks and lets every relay tick until nothing is due. */
void world_wait(struct world *world, int64_t ms);

/* Account number n as an id. Borrowed for ever. */
const uint8_t *world_acct(unsigned n);

/* ---- packets in ---- */

/* A frame of an attached or attaching device, account n, given to the relay; not yet flushed. */
void world_device(struct world *world, size_t relay, const char *gateway, unsigned n, uint32_t dev, uint64_t sid,
                  enum st_type type, const void *msg);
void world_service(struct world *world, size_t relay, const char *gateway, enum st_type type, const void *msg);
void world_flush(struct world *world, size_t relay);

/* ---- packets out ---- */

/* The oldest packet of this type that was not taken yet; read into `msg_r` unless that is NULL. NULL if there is none.
 * Borrowed until world_forget. */
const struct world_sent *world_take(struct world *world, enum st_type type, void *msg_r);

/* How many packets of this type wait to be taken. */
size_t world_count(const struct world *world, enum st_type type);

/* Forgets all packets. */
void world_forget(struct world *world);

/* ---- whole steps ---- */

/* Opens mailbox `dev` of account n (list seq 1). */
void world_open(struct world *world, unsigned n, uint32_t dev);

/* Attaches a device; returns the attach number, and what is to be known if `r` is not NULL. */
uint64_t world_attach(struct world *world, size_t relay, const char *gateway, unsigned n, uint32_t dev, uint64_t sid,
                      struct st_int_attach_r *r);

/* One message with one copy, from device 1 of account `from` (session `sid`, gateway "gw-a"); `text` is repeated in its
 * body and makes its id. With a token if that is not NULL. Not yet flushed. */
void world_message(struct world *world, size_t relay, unsigned from, unsigned to, uint32_t dev, const char *text,
                   const uint8_t *token);

/* The same, flushed; returns the status of the copy, and its token if `token_r` is not NULL. */
uint64_t world_send(struct world *world, size_t relay, unsigned from, unsigned to, uint32_t dev, const char *text,
                    uint8_t *token_r);

/* The message id and body that world_message makes of a text. */
void world_message_id(const char *text, uint8_t id_r[static ST_MSG_ID_LEN]);

/* Takes the oldest push; the texts of its items are joined with spaces into `out`. "" if there is none. */
const char *world_pushed(struct world *world, char out[static 256]);

/* Acknowledges these tokens (count × ST_TOKEN_LEN bytes) and flushes. */
void world_ack(struct world *world, size_t relay, const char *gateway, unsigned n, uint32_t dev, uint64_t sid,
               const uint8_t *tokens, size_t count);

/* Takes every push to this session and acknowledges it; repeats until none comes. Returns how many items there were. */
size_t world_drain(struct world *world, size_t relay, const char *gateway, unsigned n, uint32_t dev, uint64_t sid);

/* Appends `count` entries of `len` bytes, "m0", "m1" …, to mailbox 1 of account 2, behind the relays' back. */
void world_fill(struct world *world, unsigned count, size_t len);

/* Entries in the mailbox, or UINT64_MAX if it does not exist. */
uint64_t world_length(struct world *world, unsigned n, uint32_t dev);

/* Fails unless the oldest `error` has this code. */
void world_expect_error(struct world *world, enum st_code code);

struct relay_stats world_stats(struct world *world, size_t relay);

#endif
