/* What every backend of auth's store promises, as tests. A backend brings a fixture; the tests see nothing else of it.
 */
#ifndef AUTH_STORE_CONTRACT_H
#define AUTH_STORE_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/auth/store.h"

/* A database under test. */
struct contract_db {
    /* Opens one more store on it. */
    enum st_err (*open)(struct contract_db *db, struct auth_store *store_r);
    struct auth_store store; /* one that is open already */
    void *ctx;               /* the backend's own */
};

/* A test gets the database as its *state. */
#define CONTRACT_DB(state) ((struct contract_db *)*(state))

/* The suites. `setup` makes a fresh database for each test, `teardown` removes it. Each returns cmocka's count of
 * failures. */
int contract_run_accounts(CMFixtureFunction setup, CMFixtureFunction teardown);
int contract_run_devices(CMFixtureFunction setup, CMFixtureFunction teardown);
int contract_run_prekeys(CMFixtureFunction setup, CMFixtureFunction teardown);
int contract_run_policy(CMFixtureFunction setup, CMFixtureFunction teardown);
int contract_run_transactions(CMFixtureFunction setup, CMFixtureFunction teardown);

static inline int contract_run_all(CMFixtureFunction setup, CMFixtureFunction teardown)
{
    return contract_run_accounts(setup, teardown) + contract_run_devices(setup, teardown) +
           contract_run_prekeys(setup, teardown) + contract_run_policy(setup, teardown) +
           contract_run_transactions(setup, teardown);
}

/* ---- rows to test with, all different for different numbers ---- */

struct auth_account contract_account(uint8_t number);
struct auth_device contract_device(uint8_t account, uint32_t dev);
struct auth_list contract_list(uint64_t seq, size_t len);
struct auth_opk contract_opk(uint32_t id);
struct auth_grant contract_grant(uint8_t target, uint32_t dev, uint8_t requester, uint32_t day);
struct auth_offer contract_offer(uint8_t account, uint32_t dev, int64_t expires_ms);
struct auth_text contract_text(const char *text);

/* Stores account `number` with list 1 and device 1. */
void contract_add_account(const struct auth_store *store, uint8_t number);

/* A call that must succeed. */
#define contract_ok(call) assert_int_equal((call), ST_OK)

#endif
