/* Attachments: sizes, streaming, and that nothing but the whole, unchanged blob opens. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/e2e/e2e_attachment.h"

/* One sealed blob. */
struct blob {
    uint8_t key[E2E_KEY_BYTES];
    uint8_t digest[E2E_HASH_BYTES];
    uint8_t plain_digest[E2E_HASH_BYTES];
    uint64_t size;
    uint32_t pieces;
    struct st_buf piece[4];
};

static uint8_t file_byte(uint64_t at)
{
    return (uint8_t)(at * 31 + (at >> 8));
}

static void fill(uint8_t *buf, uint64_t from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf[i] = file_byte(from + i);
}

static void seal(struct fixture *f, struct blob *blob, uint64_t size)
{
    static uint8_t buf[E2E_PIECE_PLAIN];
    struct e2e_seal state;
    blob->size = size;
    blob->pieces = e2e_attachment_pieces(size);
    assert_true(blob->pieces <= 4);
    assert_int_equal(e2e_attachment_seal_begin(&state, &f->env, size, blob->key), ST_OK);
    uint64_t total = 0;
    for (uint32_t i = 0; i < blob->pieces; i++) {
        size_t len = e2e_attachment_piece_file_bytes(size, i);
        fill(buf, (uint64_t)i * E2E_PIECE_PLAIN, len);
        st_buf_init(&blob->piece[i], E2E_PIECE_MAX);
        assert_int_equal(e2e_attachment_seal_piece(&state, st_view(buf, len), &blob->piece[i]), ST_OK);
        total += blob->piece[i].len;
    }
    assert_int_equal(total, e2e_attachment_blob_bytes(size));
    st_buf_clear(&f->plain);
    assert_int_equal(e2e_attachment_seal_piece(&state, st_view(buf, 0), &f->plain), ST_EREFUSED);
    assert_int_equal(e2e_attachment_seal_end(&state, blob->digest, blob->plain_digest), ST_OK);
    assert_true(sodium_is_zero((const uint8_t *)&state, sizeof state));
}

static void free_blob(struct blob *blob)
{
    for (uint32_t i = 0; i < blob->pieces; i++)
        st_buf_free(&blob->piece[i]);
}

/* Opens all pieces and checks every byte. */
static void open_whole(const struct blob *blob)
{
    struct e2e_unseal state;
    struct st_buf file;
    uint64_t at = 0;
    st_buf_init(&file, E2E_PIECE_PLAIN + 1);
    assert_int_equal(e2e_attachment_unseal_begin(&state, blob->size, blob->key), ST_OK);
    for (uint32_t i = 0; i < blob->pieces; i++) {
        st_buf_clear(&file);
        assert_int_equal(e2e_attachment_unseal_piece(&state, st_buf_view(&blob->piece[i]), &file), ST_OK);
        for (size_t b = 0; b < file.len; b++)
            assert_int_equal(file.p[b], file_byte(at + b));
        at += file.len;
    }
    assert_int_equal(at, blob->size);
    assert_int_equal(e2e_attachment_unseal_end(&state, blob->digest, blob->plain_digest), ST_OK);
    assert_true(sodium_is_zero((const uint8_t *)&state, sizeof state));
    st_buf_free(&file);
}

static void attachment__padded__is_padme(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        uint64_t padded;
    } cases[] = {
        { 0, 0 },
        { 1, 1 },
        { 2, 2 },
        { 8, 8 },
        { 9, 10 },
        { 100, 104 },
        { 1000, 1024 },
        { 65535, 65536 },
        { 65536, 65536 },
        { 65537, 67584 },
        { 100000, 100352 },
        { 1000000, 1015808 },
        { 67108864, 67108864 },
        { 67108863, 67108864 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(e2e_attachment_padded(cases[i].size), cases[i].padded);
    for (uint64_t size = 1; size < 100000; size++) {
        uint64_t padded = e2e_attachment_padded(size);
        assert_true(padded >= size && (padded - size) * 100 <= size * 12);
        assert_int_equal(e2e_attachment_padded(padded), padded);
    }
}

static void attachment__seal__opens_again_for_every_kind_of_size(void **state)
{
    struct fixture *f = *state;
    static const uint64_t sizes[] = {
        0, 1, 2, 15, 16, 17, 255, 4096, 61440, 65535, 65536, 65537, 131072, 131073, 200000
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct blob blob;
        seal(f, &blob, sizes[i]);
        open_whole(&blob);
        free_blob(&blob);
    }
}

/* In the layout that the header states: libsodium's own push and pull agree with it. */
static void attachment__seal__is_a_plain_secretstream(void **state)
{
    struct fixture *f = *state;
    struct blob blob;
    seal(f, &blob, 65537);
    crypto_secretstream_xchacha20poly1305_state stream;
    static uint8_t plain[E2E_PIECE_PLAIN];
    unsigned char tag;
    unsigned long long len;
    assert_int_equal(crypto_secretstream_xchacha20poly1305_init_pull(&stream, blob.piece[0].p, blob.key), 0);
    assert_int_equal(crypto_secretstream_xchacha20poly1305_pull(&stream, plain, &len, &tag, blob.piece[0].p + 24,
                                                                blob.piece[0].len - 24, NULL, 0),
                     0);
    assert_int_equal(len, 65536);
    assert_int_equal(tag, 0);
    assert_int_equal(crypto_secretstream_xchacha20poly1305_pull(&stream, plain, &len, &tag, blob.piece[1].p,
                                                                blob.piece[1].len, NULL, 0),
                     0);
    assert_int_equal(len, 67584 - 65536);
    assert_int_equal(tag, crypto_secretstream_xchacha20poly1305_TAG_FINAL);
    assert_int_equal(plain[0], file_byte(65536));
    assert_true(sodium_is_zero(plain + 1, (size_t)len - 1));
    free_blob(&blob);
}

static void attachment__seal__keys_differ(void **state)
{
    struct fixture *f = *state;
    struct blob one;
    struct blob two;
    seal(f, &one, 1000);
    seal(f, &two, 1000);
    assert_memory_not_equal(one.key, two.key, E2E_KEY_BYTES);
    assert_memory_not_equal(one.piece[0].p, two.piece[0].p, 64);
    free_blob(&one);
    free_blob(&two);
}

/* Opens the pieces named by `order`, and says whether all was well to the end. */
static bool opens(const struct blob *blob, const uint32_t *order, size_t count, uint64_t size, const uint8_t *key)
{
    struct e2e_unseal state;
    struct st_buf file;
    enum st_err err = e2e_attachment_unseal_begin(&state, size, key);
    st_buf_init(&file, E2E_PIECE_PLAIN + 1);
    for (size_t i = 0; i < count && err == ST_OK; i++) {
        st_buf_clear(&file);
        err = e2e_attachment_unseal_piece(&state, st_buf_view(&blob->piece[order[i]]), &file);
        if (err != ST_OK) {
            assert_int_equal(file.len, 0);
            st_buf_clear(&file);
            assert_int_not_equal(e2e_attachment_unseal_piece(&state, st_buf_view(&blob->piece[0]), &file), ST_OK);
        }
    }
    enum st_err end = e2e_attachment_unseal_end(&state, blob->digest, blob->plain_digest);
    assert_true(err == ST_OK || end == ST_EINTEGRITY);
    st_buf_free(&file);
    return end == ST_OK;
}

static void attachment__unseal__refuses_cut_reordered_repeated_and_longer(void **state)
{
    struct fixture *f = *state;
    struct blob blob;
    seal(f, &blob, 3 * E2E_PIECE_PLAIN);
    assert_int_equal(blob.pieces, 3);
    static const struct {
        uint32_t order[4];
        size_t count;
        bool ok;
    } tries[] = {
        { { 0, 1, 2 }, 3, true },  { { 0, 1 }, 2, false },    { { 0 }, 1, false },
        { { 0 }, 0, false },       { { 0, 2, 1 }, 3, false }, { { 1, 0, 2 }, 3, false },
        { { 0, 2 }, 2, false },    { { 1, 2 }, 2, false },    { { 0, 1, 2, 2 }, 4, false },
        { { 0, 1, 1 }, 3, false }, { { 0, 0, 1 }, 3, false }, { { 0, 1, 2, 0 }, 4, false },
    };
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++)
        assert_int_equal(opens(&blob, tries[i].order, tries[i].count, blob.size, blob.key), tries[i].ok);
    /* A size that claims fewer pieces: TAG_FINAL is missing on its last one. */
    static const uint32_t all[] = { 0, 1, 2 };
    assert_false(opens(&blob, all, 2, 2 * E2E_PIECE_PLAIN, blob.key));
    assert_false(opens(&blob, all, 3, 2 * E2E_PIECE_PLAIN + 1, blob.key));
    free_blob(&blob);
}

static void attachment__unseal__refuses_changed_bytes_keys_and_digests(void **state)
{
    struct fixture *f = *state;
    struct blob blob;
    static const uint32_t all[] = { 0 };
    seal(f, &blob, 300);
    for (size_t at = 0; at < blob.piece[0].len; at++) {
        blob.piece[0].p[at] ^= 4;
        assert_false(opens(&blob, all, 1, blob.size, blob.key));
        blob.piece[0].p[at] ^= 4;
    }
    for (size_t len = blob.piece[0].len; len-- > 0;) {
        size_t kept = blob.piece[0].len;
        blob.piece[0].len = len;
        assert_false(opens(&blob, all, 1, blob.size, blob.key));
        blob.piece[0].len = kept;
    }
    uint8_t key[E2E_KEY_BYTES];
    memcpy(key, blob.key, sizeof key);
    key[31] ^= 1;
    assert_false(opens(&blob, all, 1, blob.size, key));
    blob.digest[0] ^= 1;
    assert_false(opens(&blob, all, 1, blob.size, blob.key));
    blob.digest[0] ^= 1;
    blob.plain_digest[0] ^= 1;
    assert_false(opens(&blob, all, 1, blob.size, blob.key));
    blob.plain_digest[0] ^= 1;
    assert_true(opens(&blob, all, 1, blob.size, blob.key));
    /* 300 is padded to 304: another size with the same padding has bytes that are not zero behind it. */
    assert_false(opens(&blob, all, 1, 299, blob.key));
    free_blob(&blob);
}

/* Invisible salamanders: one blob for two keys. The second key must not open what the digest names. */
static void attachment__unseal__one_blob_opens_under_one_key(void **state)
{
    struct fixture *f = *state;
    struct blob one;
    struct blob two;
    static const uint32_t all[] = { 0 };
    seal(f, &one, 100);
    seal(f, &two, 100);
    assert_false(opens(&one, all, 1, 100, two.key));
    memcpy(two.digest, one.digest, sizeof two.digest);
    assert_false(opens(&two, all, 1, 100, two.key));
    free_blob(&one);
    free_blob(&two);
}

/* A blob of two pieces for a file of `size` bytes, made by a sender that breaks the rules but gives right digests. */
struct forgery {
    uint64_t size;
    unsigned char tags[2];
    uint8_t pad;   /* what stands in the padding */
    unsigned send; /* pieces that are delivered and counted in the digests */
};

/* Delivers the forged blob; *piece_r is what unseal_piece said of the last piece, the result what unseal_end said. */
static enum st_err deliver(const struct forgery *forgery, enum st_err *piece_r)
{
    static uint8_t plain[E2E_PIECE_PLAIN];
    static const uint8_t key[E2E_KEY_BYTES] = { 5 };
    uint8_t digests[2][E2E_HASH_BYTES];
    crypto_hash_sha256_state of_pieces;
    crypto_hash_sha256_state of_file;
    crypto_secretstream_xchacha20poly1305_state stream;
    struct e2e_unseal state;
    struct st_buf piece;
    struct st_buf file;
    st_buf_init(&piece, E2E_PIECE_MAX);
    st_buf_init(&file, E2E_PIECE_PLAIN + 1);
    crypto_hash_sha256_init(&of_pieces);
    crypto_hash_sha256_init(&of_file);
    assert_int_equal(e2e_attachment_unseal_begin(&state, forgery->size, key), ST_OK);
    uint64_t left = e2e_attachment_padded(forgery->size);
    for (unsigned i = 0; i < forgery->send; i++) {
        size_t file_len = e2e_attachment_piece_file_bytes(forgery->size, i);
        size_t len = left < sizeof plain ? (size_t)left : sizeof plain;
        left -= len;
        memset(plain, 0, file_len);
        memset(plain + file_len, forgery->pad, len - file_len);
        st_buf_clear(&piece);
        if (i == 0) {
            uint8_t *header = st_buf_extend(&piece, E2E_STREAM_HEADER_BYTES);
            assert_int_equal(crypto_secretstream_xchacha20poly1305_init_push(&stream, header, key), 0);
        }
        uint8_t *sealed = st_buf_extend(&piece, len + E2E_SEAL_BYTES);
        assert_int_equal(
            crypto_secretstream_xchacha20poly1305_push(&stream, sealed, NULL, plain, len, NULL, 0, forgery->tags[i]),
            0);
        crypto_hash_sha256_update(&of_pieces, piece.p, piece.len);
        crypto_hash_sha256_update(&of_file, plain, file_len);
        st_buf_clear(&file);
        *piece_r = e2e_attachment_unseal_piece(&state, st_buf_view(&piece), &file);
    }
    crypto_hash_sha256_final(&of_pieces, digests[0]);
    crypto_hash_sha256_final(&of_file, digests[1]);
    st_buf_free(&piece);
    st_buf_free(&file);
    return e2e_attachment_unseal_end(&state, digests[0], digests[1]);
}

static void attachment__unseal__refuses_what_breaks_the_rules_under_right_digests(void **state)
{
    (void)state;
    enum {
        FINAL = crypto_secretstream_xchacha20poly1305_TAG_FINAL,
        REKEY = crypto_secretstream_xchacha20poly1305_TAG_REKEY
    };
    static const struct {
        struct forgery forgery;
        enum st_err piece;
        enum st_err end;
    } cases[] = {
        { { 70000, { 0, FINAL }, 0, 2 }, ST_OK, ST_OK },
        { { 70000, { 0, 0 }, 0, 2 }, ST_EINTEGRITY, ST_EINTEGRITY },         /* no end */
        { { 70000, { FINAL, FINAL }, 0, 2 }, ST_EINTEGRITY, ST_EINTEGRITY }, /* ends too early */
        { { 70000, { REKEY, FINAL }, 0, 2 }, ST_EINTEGRITY, ST_EINTEGRITY },
        { { 70000, { 0, FINAL }, 1, 2 }, ST_EINTEGRITY, ST_EINTEGRITY }, /* something in the padding */
        { { 70000, { 0, FINAL }, 0, 1 }, ST_OK, ST_EINTEGRITY },         /* the last piece never comes */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum st_err piece = ST_EIO;
        assert_int_equal(deliver(&cases[i].forgery, &piece), cases[i].end);
        assert_int_equal(piece, cases[i].piece);
    }
}

static void attachment__seal__refuses_another_length_and_too_much(void **state)
{
    struct fixture *f = *state;
    struct e2e_seal seal_state;
    struct e2e_unseal unseal_state;
    uint8_t key[E2E_KEY_BYTES];
    uint8_t digest[E2E_HASH_BYTES];
    static uint8_t buf[E2E_PIECE_PLAIN + 1];
    assert_int_equal(e2e_attachment_seal_begin(&seal_state, &f->env, E2E_FILE_MAX + 1, key), ST_ELIMIT);
    assert_true(sodium_is_zero(key, sizeof key));
    assert_int_equal(e2e_attachment_unseal_begin(&unseal_state, UINT64_MAX, key), ST_ELIMIT);
    assert_int_equal(e2e_attachment_unseal_piece(&unseal_state, st_view(buf, 17), &f->plain), ST_EINTEGRITY);
    assert_int_equal(e2e_attachment_seal_begin(&seal_state, &f->env, 70000, key), ST_OK);
    st_buf_clear(&f->plain);
    assert_int_equal(e2e_attachment_seal_piece(&seal_state, st_view(buf, 65535), &f->plain), ST_EMALFORMED);
    assert_int_equal(e2e_attachment_seal_piece(&seal_state, st_view(buf, 65537), &f->plain), ST_EMALFORMED);
    assert_int_equal(e2e_attachment_seal_end(&seal_state, digest, digest), ST_EREFUSED);
    e2e_attachment_seal_drop(&seal_state);
    assert_true(sodium_is_zero((const uint8_t *)&seal_state, sizeof seal_state));
    e2e_attachment_unseal_drop(&unseal_state);
}

/* The largest file, through the memory of one piece. */
static void attachment__seal__64_mib_with_bounded_memory(void **state)
{
    struct fixture *f = *state;
    struct e2e_seal seal_state;
    struct e2e_unseal unseal_state;
    uint8_t key[E2E_KEY_BYTES];
    uint8_t digest[E2E_HASH_BYTES];
    uint8_t plain_digest[E2E_HASH_BYTES];
    static uint8_t buf[E2E_PIECE_PLAIN];
    struct st_buf piece;
    struct st_buf file;
    st_buf_init(&piece, E2E_PIECE_MAX);
    st_buf_init(&file, E2E_PIECE_PLAIN + 1);
    uint32_t pieces = e2e_attachment_pieces(E2E_FILE_MAX);
    assert_int_equal(pieces, 1024);
    assert_int_equal(e2e_attachment_seal_begin(&seal_state, &f->env, E2E_FILE_MAX, key), ST_OK);
    assert_int_equal(e2e_attachment_unseal_begin(&unseal_state, E2E_FILE_MAX, key), ST_OK);
    for (uint32_t i = 0; i < pieces; i++) {
        st_put_u32(buf, i);
        st_buf_clear(&piece);
        st_buf_clear(&file);
        assert_int_equal(e2e_attachment_seal_piece(&seal_state, st_view(buf, sizeof buf), &piece), ST_OK);
        assert_int_equal(e2e_attachment_unseal_piece(&unseal_state, st_buf_view(&piece), &file), ST_OK);
        assert_memory_equal(file.p, buf, sizeof buf);
    }
    assert_int_equal(e2e_attachment_seal_end(&seal_state, digest, plain_digest), ST_OK);
    assert_int_equal(e2e_attachment_unseal_end(&unseal_state, digest, plain_digest), ST_OK);
    st_buf_free(&piece);
    st_buf_free(&file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(attachment__padded__is_padme),
        TEST(attachment__seal__opens_again_for_every_kind_of_size),
        TEST(attachment__seal__is_a_plain_secretstream),
        TEST(attachment__seal__keys_differ),
        TEST(attachment__unseal__refuses_cut_reordered_repeated_and_longer),
        TEST(attachment__unseal__refuses_changed_bytes_keys_and_digests),
        TEST(attachment__unseal__one_blob_opens_under_one_key),
        TEST(attachment__unseal__refuses_what_breaks_the_rules_under_right_digests),
        TEST(attachment__seal__refuses_another_length_and_too_much),
        TEST(attachment__seal__64_mib_with_bounded_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
