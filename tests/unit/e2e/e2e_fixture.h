/* Two devices that talk SafeTalk/1 with each other, with their prekeys and a random source that repeats itself from run
 * to run and remembers what it gave. */
#ifndef E2E_FIXTURE_H
#define E2E_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "client/e2e/e2e.h"
#include "client/e2e/e2e_envelope.h"

enum { FIXTURE_PREKEYS = 8, FIXTURE_EKS = 64, FIXTURE_DRAWS = 64, FIXTURE_NOW = 1800000000, FIXTURE_DAY = 86400 };

struct fixture_prekey {
    uint32_t id; /* 0: none, or erased */
    struct e2e_pair pair;
};

struct fixture_party {
    struct e2e_self self;
    struct e2e_sign_pair ak;
    struct e2e_sign_pair dsk;
    struct e2e_pair dik;
    struct e2e_set set;
    uint8_t birth[E2E_BIRTH_BYTES];
    struct fixture_prekey spk[FIXTURE_PREKEYS];
    struct fixture_prekey opk[FIXTURE_PREKEYS];
    uint8_t eks[FIXTURE_EKS][E2E_HASH_BYTES];
    size_t ek_count;
    struct st_devlist list;
    struct e2e_budget budget; /* of the other's account */
    unsigned spk_lookups;
    unsigned opk_lookups;
};

struct fixture {
    struct st_env env;
    uint32_t draws;                                   /* random strings given out */
    uint8_t last_draws[FIXTURE_DRAWS][E2E_KEY_BYTES]; /* the newest ones of 32 bytes, by number mod FIXTURE_DRAWS */
    uint64_t now_s;
    struct fixture_party a;
    struct fixture_party b;
    struct st_buf wire; /* of the last send */
    struct st_buf plain;
    struct e2e_sent sent;
    struct e2e_received received; /* of the last receive */
};

/* cmocka set-up and tear-down: *state is the fixture. Both parties have one SPK (id 1) and OPKs 1 to 8. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

struct fixture_party *fixture_peer(struct fixture *f, const struct fixture_party *party);

/* A bundle of `of` as the server would hand it out; opk_id 0: without. */
struct st_bundle fixture_bundle(const struct fixture_party *of, uint32_t spk_id, uint32_t opk_id);

/* A new SPK pair for the party, under that id. */
void fixture_add_spk(struct fixture *f, struct fixture_party *party, uint32_t spk_id);

/* Opens a session from `from` to its peer. */
enum st_err fixture_open(struct fixture *f, struct fixture_party *from, uint32_t opk_id, bool bypass_held);

/* Encrypts to f->wire and f->sent. Must succeed. */
void fixture_send(struct fixture *f, struct fixture_party *from, const char *text);

/* Decrypts `wire` at `to`, does the effects, and returns the verdict. f->plain, f->received. */
enum e2e_verdict fixture_receive(struct fixture *f, struct fixture_party *to, struct st_view wire);

/* Sends and reads one text. */
void fixture_pass(struct fixture *f, struct fixture_party *from, const char *text);

/* As fixture_pass, and the receiver takes the sender's `known`. */
void fixture_pass_known(struct fixture *f, struct fixture_party *from, const char *text);

/* A session in which both have spoken: A opened it with OPK 1. */
void fixture_talk(struct fixture *f);

/* The saved bytes of a set; free with st_buf_free. */
void fixture_save(const struct e2e_set *set, struct st_buf *out);

/* Receives, and fails the test if the set is not as it was before, or if the verdict is another. */
void fixture_refuse(struct fixture *f, struct fixture_party *to, struct st_view wire, enum e2e_verdict verdict);

/* Does the run of 32 bytes occur in the memory? */
bool fixture_contains(const void *memory, size_t len, const uint8_t bytes[static E2E_KEY_BYTES]);

/* A deep copy of a set. */
void fixture_clone(const struct e2e_set *set, struct e2e_set *copy);

/* The public points of our part of Wycheproof's X25519 suite whose result is all zero, each also with its unused
 * highest bit turned over; returns their number. */
size_t fixture_zero_points(uint8_t points[][E2E_KEY_BYTES], size_t cap);

#endif
