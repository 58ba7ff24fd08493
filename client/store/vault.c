#include "client/store/vault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "client/store/folder.h"
#include "lib/st_wipe.h"

/* The paths of a vault. */
struct places {
    char db[FOLDER_PATH_MAX];
    char slots[FOLDER_PATH_MAX];
    char fresh[FOLDER_PATH_MAX]; /* slots.new: a rekey is on its way */
    char blobs[FOLDER_PATH_MAX];
};

static enum st_err find_places(struct places *places, const char *dir)
{
    enum st_err err = folder_join(places->db, dir, "store.db");
    if (err == ST_OK)
        err = folder_join(places->slots, dir, "slots");
    if (err == ST_OK)
        err = folder_join(places->fresh, dir, "slots.new");
    if (err == ST_OK)
        err = folder_join(places->blobs, dir, "blobs");
    return err;
}

/* The files that belong to a database, by what follows its name. */
static const char *const companions[] = { "", "-wal", "-shm", "-journal" };
enum { COMPANIONS = sizeof companions / sizeof *companions };

/* Puts aside a database that nobody can open, since its slots are gone or were never written. It is not removed: slots
 * that were only mislaid may come back. */
static enum st_err set_aside(const char *dir)
{
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < COMPANIONS; i++) {
        char from_name[32];
        char to_name[32];
        char from[FOLDER_PATH_MAX];
        char to[FOLDER_PATH_MAX];
        (void)snprintf(from_name, sizeof from_name, "store.db%s", companions[i]);
        (void)snprintf(to_name, sizeof to_name, "lost.db%s", companions[i]);
        err = folder_join(from, dir, from_name);
        if (err == ST_OK)
            err = folder_join(to, dir, to_name);
        if (err == ST_OK && folder_has(from))
            err = folder_rename(from, to);
        else if (err == ST_OK)
            err = folder_remove(to);
    }
    return err;
}

static enum st_err make_blobs(const struct places *places)
{
    return mkdir(places->blobs, 0700) == 0 || errno == EEXIST ? ST_OK : folder_error(errno);
}

/* A fresh K_db. Returns new, for sodium_free. */
static enum st_err draw_key(uint8_t **key_r, const struct st_env *env)
{
    *key_r = sodium_malloc(SLOTS_KEY_BYTES);
    if (*key_r == NULL)
        return ST_ENOMEM;
    st_env_random(env, *key_r, SLOTS_KEY_BYTES);
    return ST_OK;
}

/* Wraps `key` and makes it durable at `path`. */
static enum st_err write_slots(const char *path, const uint8_t *key, struct st_view password,
                               const struct slots_cost *cost, uint64_t writes, const struct st_env *env)
{
    uint8_t file[SLOTS_FILE_BYTES];
    enum st_err err = slots_wrap(file, key, password, cost, writes, env);
    if (err == ST_OK)
        err = slots_write(path, file);
    ST_WIPE(file);
    return err;
}

enum st_err vault_create(struct store **store_r, const char *dir, struct st_view password,
                         const struct slots_cost *cost, const struct st_env *env)
{
    *store_r = NULL;
    struct places places;
    enum st_err err = find_places(&places, dir);
    if (err != ST_OK)
        return err;
    if (folder_has(places.slots) || folder_has(places.fresh))
        return ST_EEXISTS;
    uint8_t *key = NULL;
    struct store *store = NULL;
    err = set_aside(dir);
    if (err == ST_OK)
        err = make_blobs(&places);
    if (err == ST_OK)
        err = draw_key(&key, env);
    if (err == ST_OK)
        err = store_create(&store, places.db, key, env);
    if (err == ST_OK)
        err = write_slots(places.slots, key, password, cost, 1, env);
    sodium_free(key);
    if (err == ST_OK) {
        *store_r = store;
        return ST_OK;
    }
    store_close(&store);
    /* Half a vault must not look like a whole one. */
    if (folder_remove(places.slots) != ST_OK)
        return ST_EUNCERTAIN;
    return err;
}

/* Reads the slots at `path` and unwraps the key. Returns new. */
static enum st_err open_slots(uint8_t **key_r, struct slots *slots, const char *path, struct st_view password)
{
    *key_r = NULL;
    enum st_err err = slots_read(slots, path);
    return err == ST_OK ? slots_unwrap(key_r, slots, password) : err;
}

/* Opens the database with the key in the slots at `path`. */
static enum st_err open_with(struct store **store_r, const struct places *places, const char *path,
                             struct st_view password, enum store_mode mode, const struct st_env *env)
{
    struct slots slots;
    uint8_t *key = NULL;
    enum st_err err = open_slots(&key, &slots, path, password);
    if (err == ST_OK)
        err = store_open(store_r, places->db, key, mode, env);
    sodium_free(key);
    return err;
}

/* A rekey was cut short: the database is under the key of either file. Whichever opens it stays. */
static enum st_err open_amid_rekey(struct store **store_r, const struct places *places, struct st_view password,
                                   enum store_mode mode, const struct st_env *env)
{
    enum st_err fresh = open_with(store_r, places, places->fresh, password, mode, env);
    if (fresh == ST_OK)
        return mode == STORE_READ_ONLY ? ST_OK : folder_rename(places->fresh, places->slots);
    enum st_err old = open_with(store_r, places, places->slots, password, mode, env);
    if (old == ST_OK && mode == STORE_READ_WRITE) {
        old = folder_remove(places->fresh);
        return old == ST_OK ? folder_sync_parent(places->fresh) : old;
    }
    /* The right file said that the password is wrong; the other one's key does not fit the database. */
    bool is_wrong_password =
        (fresh == ST_EREFUSED && old == ST_EFOREIGN) || (fresh == ST_EFOREIGN && old == ST_EREFUSED);
    return is_wrong_password ? ST_EREFUSED : old;
}

enum st_err vault_open(struct store **store_r, const char *dir, struct st_view password, enum store_mode mode,
                       const struct st_env *env)
{
    *store_r = NULL;
    struct places places;
    enum st_err err = find_places(&places, dir);
    if (err != ST_OK)
        return err;
    if (!folder_has(places.fresh))
        return open_with(store_r, &places, places.slots, password, mode, env);
    err = open_amid_rekey(store_r, &places, password, mode, env);
    if (err != ST_OK)
        store_close(store_r);
    return err;
}

enum st_err vault_check_password(const char *dir, struct st_view password)
{
    struct places places;
    struct slots slots;
    uint8_t *key = NULL;
    enum st_err err = find_places(&places, dir);
    if (err == ST_OK)
        err = open_slots(&key, &slots, places.slots, password);
    sodium_free(key);
    return err;
}

enum st_err vault_change_password(const char *dir, struct st_view old_password, struct st_view new_password,
                                  const struct slots_cost *cost, const struct st_env *env)
{
    struct places places;
    struct slots slots;
    uint8_t *key = NULL;
    enum st_err err = find_places(&places, dir);
    if (err == ST_OK && folder_has(places.fresh))
        err = ST_ECONFLICT;
    if (err == ST_OK)
        err = open_slots(&key, &slots, places.slots, old_password);
    if (err == ST_OK)
        err = write_slots(places.slots, key, new_password, cost, slots.writes + 1, env);
    sodium_free(key);
    return err;
}

enum st_err vault_rekey(struct store *store, const char *dir, struct st_view password, const struct slots_cost *cost,
                        const struct st_env *env)
{
    struct places places;
    struct slots slots;
    uint8_t *key = NULL;
    enum st_err err = find_places(&places, dir);
    if (err == ST_OK)
        err = slots_read(&slots, places.slots);
    if (err == ST_OK)
        err = draw_key(&key, env);
    if (err != ST_OK)
        return err;
    err = write_slots(places.fresh, key, password, cost, slots.writes + 1, env);
    if (err == ST_OK)
        err = store_rekey(store, key);
    sodium_free(key);
    if (err == ST_OK)
        return folder_rename(places.fresh, places.slots);
    /* Nothing has been done to the database, or nobody knows: then both files stay, and vault_open finds out. */
    if (err != ST_EUNCERTAIN && folder_remove(places.fresh) != ST_OK)
        err = ST_EUNCERTAIN;
    return err;
}

/* Removes one file of the folder, ctx, after overwriting it. */
static enum st_err shred_in(void *ctx, const char *name)
{
    const char *dir = ctx;
    char path[FOLDER_PATH_MAX];
    enum st_err err = folder_join(path, dir, name);
    return err == ST_OK ? folder_shred(path) : err;
}

enum st_err vault_wipe_keys(const char *dir)
{
    /* Slots, slots.new, and what a crash left of writing them. */
    static const char *const beginnings[] = { "slots", ".new-" };
    char own_dir[FOLDER_PATH_MAX];
    char inside[FOLDER_PATH_MAX];
    enum st_err err = folder_join(inside, dir, "slots");
    if (err != ST_OK)
        return err;
    memcpy(own_dir, dir, strlen(dir) + 1);
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        enum st_err gone = folder_each(dir, beginnings[i], shred_in, own_dir);
        /* The others must go even so. */
        if (err == ST_OK)
            err = gone;
    }
    return err == ST_OK ? folder_sync_parent(inside) : err;
}

enum st_err vault_erase(const char *dir)
{
    static const char *const databases[] = { "store.db", "lost.db" };
    struct places places;
    enum st_err err = find_places(&places, dir);
    if (err == ST_OK)
        err = vault_wipe_keys(dir);
    for (size_t i = 0; err == ST_OK && i < 2 * COMPANIONS; i++) {
        char name[32];
        char path[FOLDER_PATH_MAX];
        (void)snprintf(name, sizeof name, "%s%s", databases[i / COMPANIONS], companions[i % COMPANIONS]);
        err = folder_join(path, dir, name);
        if (err == ST_OK)
            err = folder_remove(path);
    }
    if (err == ST_OK)
        err = folder_remove_tree(places.blobs);
    return err == ST_OK ? folder_sync_parent(places.db) : err;
}
