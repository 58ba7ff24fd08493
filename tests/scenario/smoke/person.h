/* Somebody with an account, as the smallest client that can be: keys, OPAQUE, one CURVE socket at a time; no store and
 * no end-to-end encryption (envelopes are random bytes). Every call checks with cmocka and waits up to 10 s. */
#ifndef PERSON_H
#define PERSON_H

#include "lib/devlist/st_devlist.h"
#include "lib/st_env.h"
#include "proto/st_messages.h"
#include "tests/scenario/smoke/daemon_proc.h"

enum { PERSON_FRAME_MAX = ST_FRAME_MAX };

struct person {
    const char *name, *password;
    struct st_env env;
    void *zmq;
    void *socket; /* enrol or device, NULL = not connected */
    uint64_t request;
    uint8_t tk[32], tk_secret[32];
    uint8_t ak[32], ak_secret[64], dsk[32], dsk_secret[64], dik[32], spk_secret[32];
    uint8_t acct[ST_ACCT_LEN];
    uint64_t dev;
    uint8_t enrol_key[32], device_key[32];
    uint16_t enrol_port, device_port;
    uint8_t bytes[PERSON_FRAME_MAX]; /* the frame received last */
    struct st_frame frame;
};

void person_init(struct person *person, void *zmq, const struct daemon_proc *proc, const char *name,
                 const char *password);

/* Connects to the enrol or the device endpoint; closes what was open. */
void person_connect(struct person *person, bool device);
void person_close(struct person *person);

/* Sends a message. Returns its request id. */
uint64_t person_say(struct person *person, enum st_type type, const void *msg);

/* Receives the next frame; its type, 0 after `ms`. */
int person_hear(struct person *person, int64_t ms);

/* Receives until a frame of this type comes, and reads it into `msg`. Other types fail, but those that come unasked. */
void person_expect(struct person *person, enum st_type type, void *msg);

/* The code of the error that must come now. */
enum st_code person_expect_error(struct person *person);

/* Registration in two round trips; the endpoint of devices comes back. */
void person_register(struct person *person, const char *invite);

/* The first round trip only, answered with this error. */
enum st_code person_register_refused(struct person *person, const char *invite);

/* Password login of the registered device with a new transport key. */
void person_login(struct person *person);

/* Login with a wrong password. Returns the error that KE3 brings, or 0 if the client noticed at KE2. */
int person_login_wrong(struct person *person);

/* Connects to the device endpoint and says hello; fills the welcome. */
void person_hello(struct person *person, struct st_msg_welcome *welcome);

/* Sends one random envelope of `len` bytes to the other's device; `id` is drawn. */
void person_send(struct person *person, const struct person *to, uint8_t id[static ST_MSG_ID_LEN], size_t len);

#endif
