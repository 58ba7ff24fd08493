/* The gateway's core between a clock, clients, auths and relays that the test plays: every output is written down, time
 * stands still until the test moves it. */
#ifndef FAKE_H
#define FAKE_H

#include "proto/st_internal.h"
#include "proto/st_messages.h"
#include "services/gateway/gateway_core.h"

enum { FAKE_SENT_MAX = 4096, FAKE_CLIENTS_MAX = 8 };

/* One output of the core. */
struct fake_sent {
    enum fake_what { FAKE_ZAP, FAKE_CLIENT, FAKE_SERVICE, FAKE_CUT } what;
    uint8_t rid[GATEWAY_RID_MAX];
    size_t rid_len;
    unsigned status;  /* zap */
    char user_id[41]; /* zap */
    enum gateway_socket socket;
    unsigned peer;
    struct st_hop hop;
    uint64_t conn;
    struct st_frame frame; /* header; the body points into bytes */
    uint8_t *bytes;        /* of the frame; the fake's */
    size_t len;
};

struct fake {
    struct gateway_core *core;
    int64_t now_ms;
    uint64_t random;
    struct fake_sent *sent;
    size_t sent_count;
    size_t read;                /* outputs that fake_next has handed out */
    enum st_err client_answer;  /* what sends to clients return */
    enum st_err service_answer; /* … and to services */
    unsigned auth, relay, relay2;
    uint64_t last_request; /* of the frame that fake_say sent last */
};

/* A device as the fake's clients play it. */
struct fake_device {
    uint8_t tk[ST_KEY_LEN];
    char user_id[41];
    uint8_t rid[5];
    uint8_t acct[ST_ACCT_LEN];
    uint32_t dev;
    uint64_t conn;
    uint64_t sid; /* as the gateway's packets name it */
};

/* A core with one auth and one relay that answer pings, and no limit changed but those in `limits` (NULL: defaults). */
void fake_open(struct fake *fake, const struct gateway_limits *limits);
void fake_close(struct fake *fake);

/* Moves the clock in steps of at most `step` ms, with ticks; services answer pings as long as `alive`. */
void fake_run(struct fake *fake, int64_t ms, bool alive);

/* A second relay, live. */
void fake_second_relay(struct fake *fake);

void fake_pong(struct fake *fake, unsigned peer, uint64_t boot, uint64_t draining);

/* The device number n: key, account and routing id follow from it. */
struct fake_device fake_device(unsigned n);

/* The ZAP request of a key. */
void fake_zap(struct fake *fake, const char *domain, const struct fake_device *device);

/* Sends one client frame. `msg` NULL sends the bytes as they are (fake_say_raw). */
void fake_say(struct fake *fake, enum gateway_socket socket, const struct fake_device *device, enum st_type type,
              const void *msg);
void fake_say_raw(struct fake *fake, enum gateway_socket socket, const struct fake_device *device, struct st_view frame,
                  unsigned frames);

/* A packet of a service for the gateway itself, or for a client. */
void fake_from(struct fake *fake, unsigned peer, const struct st_hop *hop, enum st_type type, uint64_t request,
               const void *msg);

/* The next output of this kind that was not looked at yet, passing over svc_ping; NULL if there is none. */
const struct fake_sent *fake_next(struct fake *fake);

/* The next output must be of this kind and, for frames, of this type. */
const struct fake_sent *fake_expect(struct fake *fake, enum fake_what what, int type);
void fake_expect_nothing(struct fake *fake);
void fake_expect_error(struct fake *fake, enum st_code code);

/* auth's answer to a tk_check that was expected. */
void fake_tk_answer(struct fake *fake, const struct fake_sent *check, const struct fake_device *device,
                    enum st_tk_state state);

/* Handshake, tk_check, hello, attach, welcome. */
void fake_connect(struct fake *fake, struct fake_device *device);

/* The same up to the attach, which is returned unanswered. */
const struct fake_sent *fake_hello(struct fake *fake, struct fake_device *device);
void fake_attach_answer(struct fake *fake, const struct fake_sent *attach, uint64_t number, uint64_t pending);

/* A frame body of every client type, sound by its schema. Returns false if a client may not send it. */
bool fake_sound_frame(uint8_t type, uint64_t request, struct st_buf *out);

#endif
