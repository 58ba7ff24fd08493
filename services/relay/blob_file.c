#include "services/relay/blob_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/st_file.h"
#include "lib/st_hex.h"

enum {
    HEX_LEN = 2 * ST_BLOB_ID_LEN,
    CHUNK_NAME_LEN = 4,
    INFO_LEN = 36, /* magic (8) ‖ owner (16) ‖ size (8) ‖ chunks (4) */
    TEMP_RANDOM = 8,
    FANS = 256,
    SKIP_BITS = 24, /* of a sweep's cursor: folders passed over in this fan */
    ERASE_TRIES = 3
};

static const char info_magic[8] = { 'S', 'T', 'b', 'l', 'o', 'b', '0', '1' };

struct blob_file {
    int root; /* descriptor of the folder */
    struct st_env env;
};

/* Names relative to the root, made from the digits of the id and nothing else. */
struct place {
    char fan[3];
    char folder[3 + HEX_LEN + 1];
};

static struct place place_of(const uint8_t *blob)
{
    struct place place;
    char hex[HEX_LEN + 1];
    st_hex_encode(hex, blob, ST_BLOB_ID_LEN);
    memcpy(place.fan, hex, 2);
    place.fan[2] = '\0';
    memcpy(place.folder, hex, 2);
    place.folder[2] = '/';
    memcpy(place.folder + 3, hex, sizeof hex);
    return place;
}

/* ---- small file operations ---- */

static int open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Opens the attachment's folder; -1 with errno. */
static int open_blob(const struct blob_file *store, const uint8_t *blob)
{
    struct place place = place_of(blob);
    return open_folder(store->root, place.folder);
}

/* Makes a folder and syncs its parent; one that is there is fine. */
static enum st_err make_folder(int at, const char *name, int parent)
{
    if (mkdirat(at, name, 0700) != 0)
        return errno == EEXIST ? ST_OK : st_file_err(errno);
    return fsync(parent) == 0 ? ST_OK : st_file_err(errno);
}

static enum st_err write_all(int fd, struct st_view data)
{
    while (data.len > 0) {
        ssize_t n = write(fd, data.p, data.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return st_file_err(errno);
        data.p += n;
        data.len -= (size_t)n;
    }
    return fsync(fd) == 0 ? ST_OK : st_file_err(errno);
}

/* Gives the temporary file its name, without replacing one that has it. */
static enum st_err settle_name(int folder, const char *temp, const char *name)
{
    if (linkat(folder, temp, folder, name, 0) == 0 || errno == EEXIST)
        return ST_OK;
    if (errno != EPERM && errno != ENOSYS && errno != EOPNOTSUPP && errno != EMLINK)
        return st_file_err(errno);
    /* A file system without hard links: look, then rename. */
    if (faccessat(folder, name, F_OK, 0) == 0)
        return ST_OK;
    return renameat(folder, temp, folder, name) == 0 ? ST_OK : st_file_err(errno);
}

/* Writes a file that is there whole or not at all, on disk when this returns; one of that name stays as it is. */
static enum st_err write_once(const struct blob_file *store, int folder, const char *name, struct st_view data)
{
    uint8_t random[TEMP_RANDOM];
    char temp[8 + 2 * TEMP_RANDOM] = "tmp-";
    st_env_random(&store->env, random, sizeof random);
    st_hex_encode(temp + 4, random, sizeof random);
    int fd = openat(folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return st_file_err(errno);
    enum st_err err = write_all(fd, data);
    if (close(fd) != 0 && err == ST_OK)
        err = st_file_err(errno);
    if (err == ST_OK)
        err = settle_name(folder, temp, name);
    unlinkat(folder, temp, 0); /* gone already if it was renamed */
    if (err == ST_OK && fsync(folder) != 0)
        err = st_file_err(errno);
    return err;
}

/* Appends a small regular file to `out`. */
static enum st_err read_file(int folder, const char *name, size_t limit, struct st_buf *out)
{
    struct stat st;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP ? ST_EFOREIGN : st_file_err(errno);
    enum st_err err = fstat(fd, &st) == 0 ? ST_OK : st_file_err(errno);
    if (err == ST_OK && (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > limit))
        err = ST_EFOREIGN;
    uint8_t *to = err == ST_OK ? st_buf_extend(out, (size_t)st.st_size) : NULL;
    if (err == ST_OK && to == NULL && st.st_size > 0)
        err = st_buf_error(out);
    for (size_t done = 0; err == ST_OK && done < (size_t)st.st_size;) {
        ssize_t n = pread(fd, to + done, (size_t)st.st_size - done, (off_t)done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            err = ST_EFOREIGN; /* shorter than it was a moment ago */
        else if (errno != EINTR)
            err = st_file_err(errno);
    }
    close(fd);
    return err;
}

/* ---- info ---- */

static void fill_info(uint8_t bytes[static INFO_LEN], const struct blob_info *info)
{
    memcpy(bytes, info_magic, sizeof info_magic);
    memcpy(bytes + 8, info->owner, ST_ACCT_LEN);
    st_put_u64(bytes + 24, info->size);
    st_put_u32(bytes + 32, info->chunks);
}

static enum st_err read_info(int folder, struct blob_info *info_r)
{
    struct st_buf buf;
    st_buf_init(&buf, INFO_LEN);
    memset(info_r, 0, sizeof *info_r);
    enum st_err err = read_file(folder, "info", INFO_LEN, &buf);
    if (err == ST_OK && (buf.len != INFO_LEN || memcmp(buf.p, info_magic, sizeof info_magic) != 0))
        err = ST_EFOREIGN;
    if (err == ST_OK) {
        memcpy(info_r->owner, buf.p + 8, ST_ACCT_LEN);
        info_r->size = st_get_u64(buf.p + 24);
        info_r->chunks = st_get_u32(buf.p + 32);
        if (info_r->chunks == 0 || info_r->chunks > ST_BLOB_CHUNKS_MAX || info_r->size > ST_BLOB_BYTES_MAX)
            err = ST_EFOREIGN;
    }
    if (err != ST_OK)
        memset(info_r, 0, sizeof *info_r);
    st_buf_free(&buf);
    return err;
}

/* ---- chunk names ---- */

static void chunk_name(char out[static CHUNK_NAME_LEN + 1], uint32_t index)
{
    snprintf(out, CHUNK_NAME_LEN + 1, "%04x", (unsigned)(index & 0xffff));
}

/* The index that a file name stands for; false if it is no chunk's. */
static bool chunk_index(const char *name, uint32_t *index_r)
{
    uint8_t bytes[2];
    char again[CHUNK_NAME_LEN + 1];
    if (strlen(name) != CHUNK_NAME_LEN || st_hex_decode(bytes, sizeof bytes, name) != ST_OK)
        return false;
    *index_r = st_get_u16(bytes);
    chunk_name(again, *index_r);
    return strcmp(again, name) == 0; /* lower case only */
}

/* Walks a folder by a descriptor of its own; NULL with errno. */
static DIR *list_folder(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}

static enum st_err see_chunks(int folder, uint32_t chunks, uint8_t *there_r)
{
    DIR *dir = list_folder(folder);
    if (dir == NULL)
        return st_file_err(errno);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        uint32_t index;
        if (chunk_index(entry->d_name, &index) && index < chunks)
            there_r[index / 8] |= (uint8_t)(0x80 >> (index % 8));
    }
    closedir(dir);
    return ST_OK;
}

/* ---- the calls ---- */

static enum st_err make_blob(struct blob_file *store, const uint8_t *blob, int *folder_r)
{
    struct place place = place_of(blob);
    *folder_r = -1;
    enum st_err err = make_folder(store->root, place.fan, store->root);
    if (err != ST_OK)
        return err;
    int fan = open_folder(store->root, place.fan);
    if (fan < 0)
        return st_file_err(errno);
    err = make_folder(store->root, place.folder, fan);
    close(fan);
    if (err != ST_OK)
        return err;
    *folder_r = open_folder(store->root, place.folder);
    return *folder_r < 0 ? st_file_err(errno) : ST_OK;
}

static enum st_err file_begin(void *ctx, const uint8_t *blob, const struct blob_info *info, uint8_t *there_r)
{
    struct blob_file *store = ctx;
    struct blob_info stored;
    uint8_t bytes[INFO_LEN];
    int folder = -1;
    memset(there_r, 0, ST_BLOB_BITMAP_MAX);
    if (info->chunks == 0 || info->chunks > ST_BLOB_CHUNKS_MAX)
        return ST_ELIMIT;
    fill_info(bytes, info);
    enum st_err err = make_blob(store, blob, &folder);
    if (err == ST_OK)
        err = read_info(folder, &stored);
    if (err == ST_ENOTFOUND && folder >= 0) {
        err = write_once(store, folder, "info", st_view(bytes, sizeof bytes));
        /* Somebody else may have been faster: what stands there now counts. */
        if (err == ST_OK)
            err = read_info(folder, &stored);
    }
    if (err == ST_OK && (stored.size != info->size || stored.chunks != info->chunks ||
                         memcmp(stored.owner, info->owner, ST_ACCT_LEN) != 0))
        err = ST_ECONFLICT;
    if (err == ST_OK)
        err = see_chunks(folder, info->chunks, there_r);
    if (folder >= 0)
        close(folder);
    return err;
}

static enum st_err file_info(void *ctx, const uint8_t *blob, struct blob_info *info_r)
{
    memset(info_r, 0, sizeof *info_r);
    int folder = open_blob(ctx, blob);
    if (folder < 0)
        return st_file_err(errno);
    enum st_err err = read_info(folder, info_r);
    close(folder);
    return err;
}

static enum st_err file_put(void *ctx, const uint8_t *blob, uint32_t index, struct st_view data)
{
    struct blob_file *store = ctx;
    char name[CHUNK_NAME_LEN + 1];
    if (index >= ST_BLOB_CHUNKS_MAX || data.len > ST_BLOB_CHUNK_MAX)
        return ST_ENOTFOUND;
    chunk_name(name, index);
    int folder = open_blob(store, blob);
    if (folder < 0)
        return st_file_err(errno);
    enum st_err err = faccessat(folder, "info", F_OK, 0) == 0 ? ST_OK : st_file_err(errno);
    if (err == ST_OK && faccessat(folder, name, F_OK, 0) != 0)
        err = write_once(store, folder, name, data);
    close(folder);
    return err;
}

static enum st_err file_get(void *ctx, const uint8_t *blob, uint32_t index, struct st_buf *out)
{
    char name[CHUNK_NAME_LEN + 1];
    if (index >= ST_BLOB_CHUNKS_MAX)
        return ST_ENOTFOUND;
    chunk_name(name, index);
    int folder = open_blob(ctx, blob);
    if (folder < 0)
        return st_file_err(errno);
    size_t before = out->len;
    enum st_err err = read_file(folder, name, ST_BLOB_CHUNK_MAX, out);
    if (err != ST_OK)
        out->len = before;
    close(folder);
    return err;
}

/* Removes the files of a folder; its info goes last, so that what is left after a crash can still be told apart. */
static enum st_err empty_folder(int folder)
{
    DIR *dir = list_folder(folder);
    if (dir == NULL)
        return st_file_err(errno);
    enum st_err err = ST_OK;
    for (struct dirent *entry; err == ST_OK && (entry = readdir(dir)) != NULL;) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "info") == 0)
            continue;
        if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
            err = st_file_err(errno);
    }
    closedir(dir);
    if (err == ST_OK && unlinkat(folder, "info", 0) != 0 && errno != ENOENT)
        err = st_file_err(errno);
    return err;
}

static enum st_err erase_folder(const struct blob_file *store, const char *path)
{
    /* A chunk may arrive between the emptying and the removal. */
    for (int i = 0; i < ERASE_TRIES; i++) {
        int folder = open_folder(store->root, path);
        if (folder < 0)
            return errno == ENOENT ? ST_OK : st_file_err(errno);
        enum st_err err = empty_folder(folder);
        close(folder);
        if (err != ST_OK)
            return err;
        if (unlinkat(store->root, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return ST_OK;
        if (errno != ENOTEMPTY && errno != EEXIST)
            return st_file_err(errno);
    }
    return ST_EUNAVAILABLE;
}

static enum st_err file_erase(void *ctx, const uint8_t *blob)
{
    struct place place = place_of(blob);
    return erase_folder(ctx, place.folder);
}

/* ---- sweep ---- */

/* Is this the name of an attachment's folder? */
static bool is_blob_name(const char *name)
{
    uint8_t blob[ST_BLOB_ID_LEN];
    char again[HEX_LEN + 1];
    if (strlen(name) != HEX_LEN || st_hex_decode(blob, sizeof blob, name) != ST_OK)
        return false;
    st_hex_encode(again, blob, sizeof blob);
    return strcmp(again, name) == 0;
}

/* Removes the attachment if its folder is older than `before_ms`. */
static enum st_err expire(const struct blob_file *store, const char *fan, const char *name, int64_t before_ms,
                          bool *gone_r)
{
    char path[3 + HEX_LEN + 1];
    struct stat st;
    *gone_r = false;
    snprintf(path, sizeof path, "%s/%s", fan, name);
    if (fstatat(store->root, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? ST_OK : st_file_err(errno);
    int64_t changed_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    if (!S_ISDIR(st.st_mode) || changed_ms >= before_ms)
        return ST_OK;
    enum st_err err = erase_folder(store, path);
    *gone_r = err == ST_OK;
    return err;
}

/* Goes on in one fan; sets *end_r when it is done. *skip counts folders that stay. */
static enum st_err sweep_fan(const struct blob_file *store, const char *fan, struct blob_sweep *step, uint32_t *skip,
                             bool *end_r)
{
    *end_r = true;
    int folder = open_folder(store->root, fan);
    if (folder < 0)
        return errno == ENOENT ? ST_OK : st_file_err(errno);
    DIR *dir = list_folder(folder);
    close(folder);
    if (dir == NULL)
        return st_file_err(errno);
    enum st_err err = ST_OK;
    size_t looked = 0;
    uint32_t passed = 0;
    for (struct dirent *entry; err == ST_OK && (entry = readdir(dir)) != NULL;) {
        bool gone = false;
        if (!is_blob_name(entry->d_name))
            continue;
        if (passed < *skip) {
            passed++;
            continue;
        }
        if (looked++ == step->blob_max) {
            *end_r = false;
            break;
        }
        err = expire(store, fan, entry->d_name, step->before_ms, &gone);
        passed += !gone;
        *skip += !gone;
        step->expired += gone;
    }
    closedir(dir);
    return err;
}

static enum st_err file_sweep(void *ctx, struct blob_sweep *step)
{
    uint32_t fan_number = step->cursor >> SKIP_BITS, skip = step->cursor & ((1u << SKIP_BITS) - 1);
    bool end = false;
    char fan[3];
    uint8_t byte = (uint8_t)fan_number;
    step->expired = 0;
    step->done = false;
    st_hex_encode(fan, &byte, 1);
    enum st_err err = sweep_fan(ctx, fan, step, &skip, &end);
    if (err != ST_OK)
        return err;
    if (end || skip >= (1u << SKIP_BITS)) {
        step->done = fan_number + 1 >= FANS;
        fan_number = (fan_number + 1) % FANS;
        skip = 0;
    }
    step->cursor = fan_number << SKIP_BITS | skip;
    return ST_OK;
}

/* ---- opening ---- */

static void file_close(void *ctx)
{
    struct blob_file *store = ctx;
    close(store->root);
    free(store);
}

static const struct blob_ops file_ops = {
    .name = "file",
    .begin = file_begin,
    .info = file_info,
    .put = file_put,
    .get = file_get,
    .erase = file_erase,
    .sweep = file_sweep,
    .close = file_close,
};

enum st_err blob_file_open(struct blob_store *store_r, const char *path, const struct st_env *env)
{
    store_r->ops = NULL;
    store_r->ctx = NULL;
    enum st_err err = st_file_make_folder(path);
    if (err != ST_OK)
        return err;
    struct blob_file *store = malloc(sizeof *store);
    if (store == NULL)
        return ST_ENOMEM;
    store->env = *env;
    store->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->root < 0) {
        err = st_file_err(errno);
        free(store);
        return err;
    }
    store_r->ops = &file_ops;
    store_r->ctx = store;
    return ST_OK;
}
