/* safetalk-vectors DIR...: runs every vector file in the folders. One line for each file, then the sum.
 * Exit 0 only if at least one case ran and none failed. */
#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <sodium.h>

#include "tests/vectors_tool/runners.h"
#include "tests/vectors_tool/vector.h"

/* File name (a shell pattern) and who runs it: the first match counts. */
static const struct {
    const char *pattern;
    vector_runner_fn run;
} RUNNERS[] = {
    { "msgpack_hostile.json", run_msgpack_hostile },
    { "msgpack_test_suite.json", run_msgpack_suite },
    { "*x25519_test.json", run_wycheproof_x25519 },
    { "*ed25519_test.json", run_wycheproof_ed25519 },
    { "*hkdf_sha256_test.json", run_wycheproof_hkdf_sha256 },
    { "*hkdf_sha512_test.json", run_wycheproof_hkdf_sha512 },
    { "*hmac_sha256_test.json", run_wycheproof_hmac_sha256 },
    { "*hmac_sha512_test.json", run_wycheproof_hmac_sha512 },
    { "*xchacha20_poly1305_test.json", run_wycheproof_xchacha20_poly1305 },
    { "*hmac*.json", run_hmac },
    { "*hkdf*.json", run_hkdf },
    { "*argon2id*.json", run_argon2id },
    { "*expand_message*.json", run_expand_message },
    { "*oprf*.json", run_oprf },
    { "*ristretto255_bad_encodings*.json", run_ristretto_bad_encodings },
    { "*ristretto255_from_hash_mul*.json", run_ristretto_from_hash_mul },
    { "*x25519*.json", run_x25519 },
    { "*opaque_negative*.json", run_opaque_negative },
    { "*opaque*.json", run_opaque },
    { "safetalk1_identity.json", run_safetalk1_identity },
    { "safetalk1_lists.json", run_safetalk1_lists },
    { "safetalk1_skip_limit.json", run_safetalk1_skip_limit },
    { "safetalk1_*.json", run_safetalk1_talks },
    { NULL, NULL }, /* the end */
};

static vector_runner_fn find_runner(const char *name)
{
    for (size_t i = 0; RUNNERS[i].pattern != NULL; i++) {
        if (fnmatch(RUNNERS[i].pattern, name, 0) == 0)
            return RUNNERS[i].run;
    }
    return NULL;
}

static bool is_vector_file(const char *name)
{
    return fnmatch("*.json", name, FNM_PERIOD) == 0 && strcmp(name, "SOURCES.json") != 0;
}

/* Returns new: the parsed file, or NULL. */
static cJSON *read_json(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return NULL;
    }
    cJSON *root = NULL;
    char *text = NULL;
    if (fseek(file, 0, SEEK_END) != 0)
        goto out;
    long size = ftell(file);
    if (size < 0 || size > VECTOR_FILE_MAX || fseek(file, 0, SEEK_SET) != 0)
        goto out;
    text = malloc((size_t)size + 1);
    if (text == NULL || fread(text, 1, (size_t)size, file) != (size_t)size)
        goto out;
    root = cJSON_ParseWithLength(text, (size_t)size);
out:
    if (root == NULL)
        fprintf(stderr, "%s: not readable as JSON\n", path);
    free(text);
    fclose(file);
    return root;
}

static void run_file(const char *folder, const char *name, struct vector_run *sum)
{
    struct vector_run run;
    vector_run_init(&run, name);
    vector_runner_fn runner = find_runner(name);
    if (runner == NULL) {
        run.skipped = 1;
        printf("%s: no runner for it, skipped\n", name);
    } else {
        char path[4096];
        cJSON *root = NULL;
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path)
            root = read_json(path);
        if (root != NULL)
            runner(&run, root);
        vector_run_finish(&run);
        cJSON_Delete(root);
        /* A file in which nothing ran is a fault of the file or of its runner. */
        if (run.passed + run.failed + run.skipped == 0)
            run.failed = 1;
        printf("%s: %u passed, %u failed, %u skipped\n", name, run.passed, run.failed, run.skipped);
    }
    sum->passed += run.passed;
    sum->failed += run.failed;
    sum->skipped += run.skipped;
}

static int only_vectors(const struct dirent *entry)
{
    return is_vector_file(entry->d_name);
}

static int run_folder(const char *folder, struct vector_run *sum)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, only_vectors, alphasort);
    if (count < 0) {
        perror(folder);
        return -1;
    }
    for (int i = 0; i < count; i++) {
        run_file(folder, entries[i]->d_name, sum);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: safetalk-vectors DIR...\n", stderr);
        return 2;
    }
    if (sodium_init() < 0) {
        fputs("safetalk-vectors: libsodium does not start\n", stderr);
        return 2;
    }
    struct vector_run sum;
    vector_run_init(&sum, "all");
    bool readable = true;
    for (int i = 1; i < argc; i++)
        readable = run_folder(argv[i], &sum) == 0 && readable;
    printf("%u passed, %u failed, %u skipped\n", sum.passed, sum.failed, sum.skipped);
    return readable && sum.failed == 0 && sum.passed > 0 ? 0 : 1;
}
