#include "tests/contract/blob/blob_contract.h"
#include "services/relay/blob_mem.h"

static void *make(const struct st_env *env)
{
    struct blob_mem *mem;
    return blob_mem_new(&mem, 64 << 20, env) == ST_OK ? mem : NULL;
}

static enum st_err open_store(void *place, const struct st_env *env, struct blob_store *store_r)
{
    (void)env;
    blob_mem_open(place, store_r);
    return ST_OK;
}

/* Its date is the env's clock, which the suite has set. */
static void age(void *place, const uint8_t *blob, int64_t *wall_ms, int64_t at_ms)
{
    (void)place;
    (void)blob;
    assert_int_equal(*wall_ms, at_ms);
}

static void destroy(void *place)
{
    struct blob_mem *mem = place;
    blob_mem_free(&mem);
}

int main(void)
{
    static const struct blob_contract_backend backend = {
        .make = make, .open = open_store, .age = age, .destroy = destroy
    };
    return blob_contract_run(&backend);
}
