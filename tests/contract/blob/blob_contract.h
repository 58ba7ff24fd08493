/* The contract of services/relay/blob.h as tests: one suite, run over every backend. */
#ifndef BLOB_CONTRACT_H
#define BLOB_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/st_env.h"
#include "services/relay/blob.h"

/* A backend under test: `make` sets up an empty place and returns it, or NULL; `open` opens a store on it; `age` makes
 * an attachment look as if its last chunk had come at `at_ms`; `destroy` removes all traces. */
struct blob_contract_backend {
    void *(*make)(const struct st_env *env);
    enum st_err (*open)(void *place, const struct st_env *env, struct blob_store *store_r);
    void (*age)(void *place, const uint8_t *blob, int64_t *wall_ms, int64_t at_ms);
    void (*destroy)(void *place);
};

/* Runs all of it; returns the number of failed tests. */
int blob_contract_run(const struct blob_contract_backend *backend);

#endif
