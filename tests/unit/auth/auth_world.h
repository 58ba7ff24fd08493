/* A small world around auth's core for its tests: a clock and randomness that the test owns, accounts in memory, one or
 * two auths on them, gateways that keep what they are sent, and people with real keys and passwords. */
#ifndef AUTH_WORLD_H
#define AUTH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/opaque/opaque_client_vectors.h"
#include "lib/devlist/st_bind.h"
#include "lib/devlist/st_devlist.h"
#include "lib/devlist/st_prekey.h"
#include "proto/st_messages.h"
#include "services/auth/auth_core.h"
#include "services/auth/store_mem.h"

enum { WORLD_AUTHS = 2, WORLD_LETTERS = 512, WORLD_DEVICES = 10 };

/* One packet that an auth sent. */
struct letter {
    struct service_peer to;
    struct st_hop hop;
    uint8_t *bytes;
    size_t len;
    struct st_frame frame; /* opened, into `bytes` */
    uint8_t *boxes;
    size_t boxes_len;
};

struct world {
    int64_t wall_ms, mono_ms;
    uint32_t draws;
    struct st_env env;
    struct auth_config config;
    struct auth_mem *mem;
    enum st_err (*open)(struct world *world, struct auth_store *store_r); /* how an auth gets its store */
    struct auth_store stores[WORLD_AUTHS];
    struct auth_core *auths[WORLD_AUTHS];
    enum st_err send_err;      /* what sending answers */
    uint64_t fault_at;         /* the call of the store that goes wrong … */
    enum auth_mem_fault fault; /* … and how */
    struct letter letters[WORLD_LETTERS];
    size_t letter_count;
    uint64_t next_request;
    uint64_t next_sid;
};

/* cmocka fixtures: a world with open registration and one auth. */
int world_setup(void **state);
int world_teardown(void **state);

/* Starts (again) the auth with that number, on the world's configuration. */
void world_start(struct world *world, size_t auth);
/* Kills it: what it had in memory is gone. */
void world_kill(struct world *world, size_t auth);

/* Moves both clocks. */
void world_pass(struct world *world, int64_t ms);

/* Lets the store's `nth` call from now go wrong; the second ends that, and says if the call was reached. */
void world_break(struct world *world, uint64_t nth, enum auth_mem_fault fault);
bool world_mend(struct world *world);

extern const struct service_peer world_gateway, world_other_gateway;

/* Writes a frame, hands it to the auth, flushes it. All letters of before are forgotten. */
void world_send(struct world *world, size_t auth, const struct service_peer *from, const struct st_hop *hop,
                enum st_type type, const void *msg);
/* The same with bytes of one's own. */
void world_send_bytes(struct world *world, size_t auth, const struct service_peer *from, const struct st_hop *hop,
                      struct st_view bytes);
/* Only queues. */
void world_queue(struct world *world, size_t auth, const struct service_peer *from, const struct st_hop *hop,
                 enum st_type type, const void *msg);
void world_forget(struct world *world);
void world_tick(struct world *world, size_t auth);

/* The letters of a type, in their order: the `nth` (from 0), or NULL. */
struct letter *world_letter(struct world *world, enum st_type type, size_t nth);

/* The answer to the last request: its error code, or 0 if it is no error. Fails if there is not exactly one. */
enum st_code world_code(struct world *world);
/* The same for the request with that id. */
struct letter *world_answer(struct world *world, uint64_t request);
/* Reads the answer to the last request, which must be of this type. */
void world_read(struct world *world, enum st_type type, void *msg_r);
/* retry_after_s of the last answer, an error. */
uint64_t world_retry(struct world *world);

/* A gateway says that it is there. */
void world_ping(struct world *world, size_t auth, const struct service_peer *gateway);

/* ---- people ---- */

struct gadget {
    uint32_t dev;
    uint8_t dsk[ST_SIGN_PUB_BYTES], dsk_secret[ST_SIGN_SECRET_BYTES];
    uint8_t dik[ST_X25519_BYTES];
    uint8_t tk[ST_KEY_LEN];
    uint64_t sid; /* of its connection to the device endpoint */
    uint32_t next_opk;
};

struct person {
    struct world *world;
    size_t auth; /* which one its gateway talks to */
    char name[ST_NAME_MAX + 1];
    const char *password;
    uint8_t ak[ST_SIGN_PUB_BYTES], ak_secret[ST_SIGN_SECRET_BYTES];
    uint8_t acct[ST_ACCT_LEN];
    struct gadget gadgets[WORLD_DEVICES];
    struct st_devlist list; /* newest of its own making */
};

/* Keys, a name, a password; gadget 0 will be device 1. Nothing is sent. */
void person_init(struct person *person, struct world *world, const char *name);
void gadget_init(struct gadget *gadget, struct world *world, uint32_t dev);

struct st_hop person_enrol_hop(const struct person *person, const struct gadget *gadget);
struct st_hop person_hop(const struct person *person, const struct gadget *gadget);

/* The two steps of a registration; `invite` may be NULL. Each returns the answer's code. */
enum st_code person_add_user(struct person *person, const char *invite, uint8_t record_r[ST_OPAQUE_RECORD_LEN]);
enum st_code person_add_user_finish(struct person *person, const char *invite,
                                    const uint8_t record[ST_OPAQUE_RECORD_LEN]);
/* Both, which must succeed. */
void person_enrol(struct person *person);
/* person_init and person_enrol. */
void person_new(struct person *person, struct world *world, const char *name);

/* A login on a connection of its own. */
struct attempt {
    struct st_hop hop;
    struct opaque_client_login client;
    uint8_t ke2[ST_KE2_LEN];
    struct opaque_client_logged_in done;
};

/* Sends KE1. */
enum st_code attempt_start(struct attempt *attempt, struct person *person, const struct gadget *gadget,
                           const char *password);
/* Makes KE3 out of KE2: ST_EINTEGRITY if the password was wrong. */
enum st_err attempt_stretch(struct attempt *attempt, struct person *person, const char *password);
/* Sends KE3; with `prove` the gadget proves itself with its signing key. */
enum st_code attempt_finish(struct attempt *attempt, struct person *person, const struct gadget *gadget, bool prove);
/* All three. */
enum st_code person_login(struct person *person, const struct gadget *gadget, const char *password, bool prove);

/* Sends a request of a device. */
enum st_code person_say(struct person *person, const struct gadget *gadget, enum st_type type, const void *msg);

/* Makes the next list of the account out of the last one, signed by everybody concerned: with `add` (or NULL) and
 * without device `drop` (or 0). */
void person_next_list(struct person *person, const struct gadget *add, uint32_t drop);
/* Signs person->list again, after something in it was changed. */
void person_sign_list(struct person *person);
/* Uploads it. */
enum st_code person_put_list(struct person *person, const struct gadget *gadget);
/* Uploads several at once. */
enum st_code person_put_lists(struct person *person, const struct gadget *gadget, const struct st_devlist *lists,
                              size_t count);
size_t list_wire(const struct st_devlist *list, uint8_t out[ST_DEVLIST_WIRE_MAX]);

/* Uploads a signed prekey and `opks` one-time prekeys. */
enum st_code person_confirm(struct person *person, struct gadget *gadget, uint32_t spk_id, size_t opks);
struct st_spk person_spk(const struct person *person, const struct gadget *gadget, uint32_t spk_id);

/* Asks for bundles of somebody. The answer's one-time prekey id for device `dev` (0: none, UINT32_MAX: no bundle). */
enum st_code person_start_chat(struct person *person, const uint8_t acct[ST_ACCT_LEN], uint8_t nonce);
uint32_t world_opk_of(struct world *world, uint32_t dev);

/* Logs a new gadget in by password, lets it offer its keys, and adds it to the list. */
void person_link(struct person *person, struct gadget *gadget);
enum st_code person_offer(struct person *person, const struct gadget *gadget, const char *name);

/* Does the letter carry boxes_set for that account, seq and number of devices? */
void assert_boxes(const struct letter *letter, const uint8_t acct[ST_ACCT_LEN], uint64_t seq, size_t devs);

#define TEST(name)    cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
#define must_ok(call) assert_int_equal((call), ST_OK)
#define must_do(call) assert_int_equal((call), 0)

#endif
