/* The contract of services/relay/mailbox.h as tests: one suite, run over every backend. */
#ifndef MAILBOX_CONTRACT_H
#define MAILBOX_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/st_env.h"
#include "services/relay/mailbox.h"

/* A backend under test. `make` sets up an empty database for one test and returns it, or NULL; `open` opens a store on
 * it; `destroy` removes all traces. */
struct mailbox_contract_backend {
    const char *name;
    void *(*make)(const struct st_env *env);
    enum st_err (*open)(void *db, const struct st_env *env, struct mailbox *box_r);
    void (*destroy)(void *db);
};

/* The clock and the randomness of a test. */
struct contract_clock {
    int64_t wall_ms, mono_ms;
    uint64_t seed;
};

struct contract {
    const struct mailbox_contract_backend *backend;
    struct contract_clock clock;
    struct st_env env;
    void *db;
    struct mailbox box;
};

/* Runs all of it; returns the number of failed tests. */
int mailbox_contract_run(const struct mailbox_contract_backend *backend);

/* ---- for the suite's own files, and the differential test ---- */

struct st_env contract_env(struct contract_clock *clock);

/* Closes the store and opens the database again. */
void contract_reopen(struct contract *contract);

struct mailbox_key contract_key(unsigned n, uint32_t dev);
void contract_open_boxes(struct contract *contract, unsigned n, uint64_t seq, const uint32_t *devs, size_t count);

/* Opens mailbox 1 of account n with list seq 1. */
void contract_open_box(struct contract *contract, unsigned n);

/* An item for mailbox `dev` of account n; `id` is the message id's first byte and the body's. Views are borrowed from
 * static memory that lives until the next 4,096 calls. */
struct mailbox_append contract_item(unsigned n, uint32_t dev, uint32_t id, size_t body_len);

/* Appends one item with wide limits; returns its fate, and the token. */
enum mailbox_fate contract_append(struct contract *contract, struct mailbox_append item,
                                  uint8_t token_r[static ST_TOKEN_LEN]);

/* Message numbers of the mailbox in order, at most `max`; returns how many. The bodies are checked. */
size_t contract_list(struct contract *contract, unsigned n, uint32_t dev, uint32_t *ids_r, size_t max);

/* Entries in the mailbox; UINT64_MAX if there is none. */
uint64_t contract_length(struct contract *contract, unsigned n, uint32_t dev);

uint64_t contract_remove(struct contract *contract, unsigned n, uint32_t dev, const uint8_t *tokens, size_t count);

/* Purges account n, to be remembered until then. */
void contract_purge(struct contract *contract, unsigned n, int64_t until_ms);

/* Sweeps until it is done; `expired` is the sum then. */
void contract_sweep(struct contract *contract, struct mailbox_sweep *step);

extern const struct mailbox_limits contract_wide;

extern const struct CMUnitTest contract_entry_tests[];
extern const size_t contract_entry_test_count;
extern const struct CMUnitTest contract_account_tests[];
extern const size_t contract_account_test_count;
extern const struct CMUnitTest contract_keeping_tests[];
extern const size_t contract_keeping_test_count;

int contract_setup(void **state);
int contract_teardown(void **state);

#endif
