#include "services/auth/opaque/opaque_server_keys.h"

#include <errno.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/st_bytes.h"
#include "lib/st_file.h"
#include "lib/st_wipe.h"

/* The file, as its bytes lie. */
struct keys_file {
    uint8_t magic[8];
    uint8_t oprf_seed[OPAQUE_SERVER_OPRF_SEED_BYTES];
    uint8_t private_key[ST_OPAQUE_KEY_BYTES];
    uint8_t digest[crypto_hash_sha256_BYTES]; /* of all before it */
};
_Static_assert(sizeof(struct keys_file) == OPAQUE_SERVER_KEYS_FILE_BYTES, "no padding");

static const uint8_t MAGIC[8] = { 'S', 'T', 'O', 'P', 'A', 'Q', 'K', '1' };

static enum st_err file_digest(uint8_t out[static crypto_hash_sha256_BYTES], const struct keys_file *file)
{
    int failed = crypto_hash_sha256(out, (const uint8_t *)file, offsetof(struct keys_file, digest));
    return failed == 0 ? ST_OK : ST_EIO;
}

enum st_err opaque_server_keys_init(struct opaque_server_keys *keys,
                                    const uint8_t oprf_seed[static OPAQUE_SERVER_OPRF_SEED_BYTES],
                                    const uint8_t private_key[static ST_OPAQUE_KEY_BYTES])
{
    enum st_err err = st_oprf_check_scalar(private_key);
    if (err == ST_OK)
        err = st_oprf_multiply_base(keys->public_key, private_key);
    if (err != ST_OK) {
        opaque_server_keys_deinit(keys);
        return err;
    }
    memcpy(keys->oprf_seed, oprf_seed, sizeof keys->oprf_seed);
    memcpy(keys->private_key, private_key, sizeof keys->private_key);
    return ST_OK;
}

enum st_err opaque_server_keys_generate(struct opaque_server_keys *keys, const struct st_env *env)
{
    uint8_t seed[ST_OPAQUE_SEED_BYTES];
    st_env_random(env, keys->oprf_seed, sizeof keys->oprf_seed);
    st_env_random(env, seed, sizeof seed);
    enum st_err err = st_opaque_derive_dh_pair(keys->private_key, keys->public_key, seed);
    ST_WIPE(seed);
    if (err != ST_OK)
        opaque_server_keys_deinit(keys);
    return err;
}

void opaque_server_keys_deinit(struct opaque_server_keys *keys)
{
    st_wipe(keys, sizeof *keys);
}

enum st_err opaque_server_keys_save(const struct opaque_server_keys *keys, const char *path)
{
    if (access(path, F_OK) == 0)
        return ST_EEXISTS;
    if (errno != ENOENT)
        return st_file_err(errno);
    struct keys_file file;
    memcpy(file.magic, MAGIC, sizeof file.magic);
    memcpy(file.oprf_seed, keys->oprf_seed, sizeof file.oprf_seed);
    memcpy(file.private_key, keys->private_key, sizeof file.private_key);
    enum st_err err = file_digest(file.digest, &file);
    if (err == ST_OK)
        err = st_file_write(path, st_view(&file, sizeof file), 0600);
    ST_WIPE(file);
    return err;
}

static enum st_err parse_file(struct opaque_server_keys *keys, struct st_view bytes)
{
    struct keys_file file;
    uint8_t digest[crypto_hash_sha256_BYTES];
    if (bytes.len != sizeof file)
        return ST_EFOREIGN;
    memcpy(&file, bytes.p, sizeof file);
    enum st_err err = file_digest(digest, &file);
    if (err == ST_OK &&
        (memcmp(file.magic, MAGIC, sizeof MAGIC) != 0 || sodium_memcmp(digest, file.digest, sizeof digest) != 0))
        err = ST_EFOREIGN;
    if (err == ST_OK && opaque_server_keys_init(keys, file.oprf_seed, file.private_key) != ST_OK)
        err = ST_EFOREIGN;
    ST_WIPE(file);
    ST_WIPE(digest);
    return err;
}

enum st_err opaque_server_keys_load(struct opaque_server_keys *keys, const char *path)
{
    memset(keys, 0, sizeof *keys);
    struct st_buf bytes;
    st_buf_init(&bytes, OPAQUE_SERVER_KEYS_FILE_BYTES);
    enum st_err err = st_file_read_secret(path, OPAQUE_SERVER_KEYS_FILE_BYTES, &bytes);
    if (err == ST_OK)
        err = parse_file(keys, st_buf_view(&bytes));
    else if (err == ST_ELIMIT)
        err = ST_EFOREIGN; /* longer than any file of ours */
    st_buf_wipe_free(&bytes);
    return err;
}
