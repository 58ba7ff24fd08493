#include "tests/unit/cli/cli_test.h"

#include "client/cli/file_name.h"
#include "client/cli/picture.h"
#include "tests/unit/cli/picture_sample.h"

enum { FILE_CAP = 4096 };

/* The samples: whole pictures with metadata in every place that we know of. */
static const struct {
    sample_fn make;
    enum picture_kind kind;
    const char *mime;
} SAMPLES[] = {
    { sample_png, PICTURE_PNG, "image/png" },
    { sample_jpeg, PICTURE_JPEG, "image/jpeg" },
    { sample_gif, PICTURE_GIF, "image/gif" },
    { sample_webp, PICTURE_WEBP, "image/webp" },
};

enum { SAMPLE_COUNT = sizeof SAMPLES / sizeof SAMPLES[0] };

static bool holds(const uint8_t *bytes, size_t len, const char *text)
{
    size_t text_len = strlen(text);
    for (size_t i = 0; i + text_len <= len; i++)
        if (memcmp(bytes + i, text, text_len) == 0)
            return true;
    return false;
}

static void picture__whole__is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        uint8_t file[FILE_CAP];
        const char *why;
        size_t len = SAMPLES[i].make(file);
        assert_int_equal(picture_kind(st_view(file, len)), SAMPLES[i].kind);
        assert_string_equal(picture_mime(st_view(file, len)), SAMPLES[i].mime);
        assert_int_equal(picture_check(st_view(file, len), &why), PICTURE_WHOLE);
        assert_string_equal(why, "");
    }
}

static void picture__every_truncation__is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        uint8_t file[FILE_CAP];
        size_t whole = SAMPLES[i].make(file);
        const char *why;
        for (size_t len = 0; len < whole; len++) {
            uint8_t *cut = malloc(len > 0 ? len : 1); /* exact, so that a sanitizer sees a read past the end */
            assert_non_null(cut);
            memcpy(cut, file, len);
            enum picture_verdict verdict = picture_check(st_view(cut, len), &why);
            if (picture_kind(st_view(cut, len)) == SAMPLES[i].kind)
                assert_int_equal(verdict, PICTURE_TRUNCATED);
            assert_int_equal(picture_strip(cut, len), len);
            free(cut);
        }
    }
}

static void picture__strip__takes_the_metadata_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        uint8_t file[FILE_CAP];
        const char *why;
        size_t whole = SAMPLES[i].make(file);
        assert_true(holds(file, whole, "SECRET"));
        size_t len = picture_strip(file, whole);
        assert_true(len < whole);
        assert_false(holds(file, len, "SECRET"));
        assert_true(holds(file, len, "IMAGE"));
        assert_true(holds(file, len, "KEPT") || SAMPLES[i].kind == PICTURE_WEBP);
        assert_int_equal(picture_check(st_view(file, len), &why), PICTURE_WHOLE);
        assert_int_equal(picture_strip(file, len), len);
    }
}

static void picture__strip__jpeg_keeps_orientation_profile_and_transform(void **state)
{
    (void)state;
    uint8_t file[FILE_CAP];
    size_t len = picture_strip(file, sample_jpeg(file));
    static const uint8_t exif[] = { 0xFF, 0xE1, 0,   34, 'E', 'x', 'i', 'f', 0, 0, 'M',
                                    'M',  0,    '*', 0,  0,   0,   8,   0,   1, 1, 0x12 };
    size_t at = 0;
    while (at + 36 <= len && memcmp(file + at, exif, sizeof exif) != 0)
        at++;
    assert_true(at + 36 <= len);
    assert_int_equal(file[at + 29], 6);
    assert_true(holds(file, len, "ICC_PROFILE"));
    assert_true(holds(file, len, "Adobe"));
    assert_false(holds(file, len, "http://ns.adobe.com"));
    assert_false(holds(file, len, "MPF"));
}

static void picture__strip__webp_says_so_in_its_header(void **state)
{
    (void)state;
    uint8_t file[FILE_CAP];
    size_t len = picture_strip(file, sample_webp(file));
    assert_int_equal(file[20] & 0x0C, 0);
    assert_int_equal(file[20] & 0x10, 0x10); /* alpha stays announced */
    assert_int_equal(file[4] | file[5] << 8, (int)len - 8);
}

static void picture__check__what_does_not_fit_together(void **state)
{
    (void)state;
    uint8_t file[FILE_CAP];
    const char *why;
    size_t len = sample_png(file);
    file[12] = 'J'; /* IHDR */
    assert_int_equal(picture_check(st_view(file, len), &why), PICTURE_DAMAGED);
    len = sample_png(file);
    file[33] = 0xFF; /* length of the chunk behind IHDR */
    assert_int_equal(picture_check(st_view(file, len), &why), PICTURE_DAMAGED);
    len = sample_jpeg(file);
    file[20] = 0; /* where a marker is due */
    assert_int_equal(picture_check(st_view(file, len), &why), PICTURE_DAMAGED);
    len = sample_gif(file);
    file[13 + 6] = 0x99;
    assert_int_equal(picture_check(st_view(file, len), &why), PICTURE_DAMAGED);
    assert_true(why[0] != '\0');
}

/* Flipping any bit never breaks a bound (the sanitizers watch), and never makes a file longer. */
static void picture__every_bit_flip__is_survived(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        uint8_t whole[FILE_CAP];
        size_t len = SAMPLES[i].make(whole);
        for (size_t bit = 0; bit < len * 8; bit++) {
            uint8_t *file = malloc(len);
            const char *why;
            assert_non_null(file);
            memcpy(file, whole, len);
            file[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            enum picture_verdict verdict = picture_check(st_view(file, len), &why);
            size_t left = picture_strip(file, len);
            assert_true(left <= len);
            if (verdict == PICTURE_WHOLE)
                assert_int_equal(picture_check(st_view(file, left), &why), PICTURE_WHOLE);
            free(file);
        }
    }
}

static void picture__mime__of_other_files(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *mime;
    } cases[] = {
        { "", 0, "text/plain" },
        { "hello\n", 6, "text/plain" },
        { "Gr\xC3\xBC\xC3\x9F"
          "e\r\n\t",
          10, "text/plain" },
        { "\x7f"
          "ELF\2\1\1",
          7, "application/octet-stream" },
        { "a\0b", 3, "application/octet-stream" },
        { "\xFF\xFE", 2, "application/octet-stream" },
        { "%PDF-1.7", 8, "application/pdf" },
        { "PK\x03\x04", 4, "application/zip" },
        { "\0\0\0\x18"
          "ftypmp42",
          12, "video/mp4" },
        { "RIFF\0\0\0\0WAVE", 12, "application/octet-stream" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(picture_mime(st_view(cases[i].bytes, cases[i].len)), cases[i].mime);
}

static void file_name__clean__every_rule(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *name;
    } cases[] = {
        { "harbour.png", "harbour.png" },
        { "/home/alice/Pictures/harbour.png", "harbour.png" },
        { "..\\..\\windows\\x.exe", "x.exe" },
        { "../../.bashrc", "bashrc" },
        { "...", "file" },
        { "", "file" },
        { "/", "file" },
        { "a/", "file" },
        { ".", "file" },
        { "a\nb\x1b[31m.png", "ab[31m.png" },
        { "photo\xE2\x80\xAEgnp.exe", "photognp.exe" },
        { "\xE2\x80\x8B.hidden", "hidden" },
        { "\xFF\xFE"
          "a",
          "a" },
        { "Übersicht 2026.pdf", "Übersicht 2026.pdf" },
        { "\x01\x02", "file" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[FILE_NAME_BYTES];
        file_name_clean(name, cases[i].path);
        assert_string_equal(name, cases[i].name);
    }
}

static void file_name__clean__at_most_255_bytes_of_whole_characters(void **state)
{
    (void)state;
    char path[1000];
    char name[FILE_NAME_BYTES];
    for (size_t i = 0; i + 2 < sizeof path; i += 2)
        memcpy(path + i, "\xC3\xA9", 2);
    path[sizeof path - 2] = '\0';
    file_name_clean(name, path);
    assert_int_equal(strlen(name), 254);
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    file_name_clean(name, path);
    assert_int_equal(strlen(name), 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture__whole__is_whole),
        cmocka_unit_test(picture__every_truncation__is_found),
        cmocka_unit_test(picture__strip__takes_the_metadata_and_nothing_else),
        cmocka_unit_test(picture__strip__jpeg_keeps_orientation_profile_and_transform),
        cmocka_unit_test(picture__strip__webp_says_so_in_its_header),
        cmocka_unit_test(picture__check__what_does_not_fit_together),
        cmocka_unit_test(picture__every_bit_flip__is_survived),
        cmocka_unit_test(picture__mime__of_other_files),
        cmocka_unit_test(file_name__clean__every_rule),
        cmocka_unit_test(file_name__clean__at_most_255_bytes_of_whole_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
