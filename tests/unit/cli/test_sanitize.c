#include "tests/unit/cli/cli_test.h"

#include "client/cli/sanitize.h"

static void expect(const void *text, size_t len, enum sanitize_mode mode, bool ascii, const char *shown)
{
    struct st_buf out;
    st_buf_init(&out, 65536);
    sanitize_append(&out, st_view(text, len), mode, ascii);
    assert_string_equal(buf_text(&out), shown);
    st_buf_free(&out);
}

static void line(const char *text, const char *shown)
{
    expect(text, strlen(text), SANITIZE_LINE, false, shown);
}

static void message(const char *text, const char *shown)
{
    expect(text, strlen(text), SANITIZE_MESSAGE, false, shown);
}

static void same(const char *text)
{
    line(text, text);
}

static void sanitize__plain_text__stays(void **state)
{
    (void)state;
    same("");
    same("hello, world ~ [x] <U+202E>");
    same("Grüße, Ελλάδα, Здравствуй, 日本語, العربية, हिन्दी, ไทย");
    same("e\xCC\x81"); /* e and a combining acute */
    same("naïve — “quoted” …");
    same("\xEF\xBF\xBD"); /* U+FFFD itself */
}

static void sanitize__controls__are_shown(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0xA0; c++) {
        if (c >= 0x20 && c < 0x7F)
            continue;
        char text[3] = { 0 };
        char shown[16];
        size_t len = 1;
        text[0] = (char)c;
        if (c >= 0x80) {
            text[0] = (char)0xC2;
            text[1] = (char)c;
            len = 2;
        }
        (void)snprintf(shown, sizeof shown, "<U+%04X>", c);
        expect(text, len, SANITIZE_LINE, false, shown);
        if (c != '\n' && c != '\t')
            expect(text, len, SANITIZE_MESSAGE, false, shown);
    }
    message("a\nb\tc", "a\nb\tc");
    message("a\r\nb", "a<U+000D>\nb");
    line("\x1b]0;owned\x07\x1b[2J", "<U+001B>]0;owned<U+0007><U+001B>[2J");
    line("\xC2\x9B"
         "31m",
         "<U+009B>31m");
}

static void sanitize__bidi_and_separators__are_shown(void **state)
{
    (void)state;
    line("photo\xE2\x80\xAEgnp.exe", "photo<U+202E>gnp.exe");
    static const unsigned codes[] = { 0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202B,
                                      0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069 };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char text[8];
        char shown[32];
        unsigned c = codes[i];
        if (c < 0x800)
            (void)snprintf(text, sizeof text, "%c%c", (int)(0xC0 | c >> 6), (int)(0x80 | (c & 63)));
        else
            (void)snprintf(text, sizeof text, "%c%c%c", (int)(0xE0 | c >> 12), (int)(0x80 | (c >> 6 & 63)),
                           (int)(0x80 | (c & 63)));
        (void)snprintf(shown, sizeof shown, "<U+%04X>", c);
        line(text, shown);
        message(text, shown);
    }
}

static void sanitize__zero_width__is_shown_outside_emoji(void **state)
{
    (void)state;
    line("a\xE2\x80\x8B"
         "b",
         "a<U+200B>b");
    line("a\xE2\x80\x8D"
         "b",
         "a<U+200D>b");
    line("a\xEF\xBB\xBF", "a<U+FEFF>");
    line("a\xC2\xAD"
         "b",
         "a<U+00AD>b");
    line("\xF3\xA0\x81\xA1", "<U+E0061>");
    line("a\xEF\xB8\x8F", "a<U+FE0F>");
    line("a\xE1\x85\x9F", "a<U+115F>");
}

static void sanitize__emoji__keep_what_joins_them(void **state)
{
    (void)state;
    same("\xF0\x9F\x98\x80");                                             /* grinning face */
    same("\xE2\x9D\xA4\xEF\xB8\x8F");                                     /* red heart, emoji style */
    same("\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB");                 /* woman technologist */
    same("\xF0\x9F\x91\xA9\xF0\x9F\x8F\xBD\xE2\x80\x8D\xF0\x9F\x92\xBB"); /* with a skin tone */
    same("\xE2\x9D\xA4\xEF\xB8\x8F\xE2\x80\x8D\xF0\x9F\x94\xA5");         /* heart on fire */
    same("1\xEF\xB8\x8F\xE2\x83\xA3");                                    /* keycap 1 */
    same("\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA");                             /* flag of regional indicators */
    same("\xF0\x9F\x8F\xB4\xF3\xA0\x81\xA7\xF3\xA0\x81\xA2\xF3\xA0\x81\xB3\xF3\xA0\x81\xA3\xF3\xA0\x81\xB4"
         "\xF3\xA0\x81\xBF"); /* Scotland */
}

static void sanitize__emoji__hide_nothing_else(void **state)
{
    (void)state;
    /* A joiner at the end, two joiners, a tag without its flag, a flag that is none of the three. */
    line("\xF0\x9F\x98\x80\xE2\x80\x8D", "\xF0\x9F\x98\x80<U+200D>");
    line("\xF0\x9F\x98\x80\xE2\x80\x8D\xE2\x80\x8D\xF0\x9F\x98\x80",
         "\xF0\x9F\x98\x80<U+200D><U+200D>\xF0\x9F\x98\x80");
    line("\xF0\x9F\x98\x80\xE2\x80\x8D"
         "a",
         "\xF0\x9F\x98\x80<U+200D>a");
    line("\xF0\x9F\x98\x80\xF3\xA0\x81\xA7", "\xF0\x9F\x98\x80<U+E0067>");
    line("\xF0\x9F\x8F\xB4\xF3\xA0\x81\xA7\xF3\xA0\x81\xA2\xF3\xA0\x81\xBF",
         "\xF0\x9F\x8F\xB4<U+E0067><U+E0062><U+E007F>");
    line("\xF0\x9F\x98\x80\xEF\xB8\x8F\xEF\xB8\x8F", "\xF0\x9F\x98\x80\xEF\xB8\x8F<U+FE0F>");
    line("\xF0\x9F\x98\x80\xE2\x80\x8B", "\xF0\x9F\x98\x80<U+200B>");
}

static void sanitize__marks__neither_pile_up_nor_touch_our_text(void **state)
{
    (void)state;
    line("\xCC\x81x", "<U+0301>x");
    message("a\n\xCC\x81x", "a\n<U+0301>x");
    char text[64] = "a";
    char shown[256] = "a";
    for (int i = 0; i < 12; i++) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s", "\xCC\x81");
        (void)snprintf(shown + strlen(shown), sizeof shown - strlen(shown), "%s",
                       i < SANITIZE_MARKS_MAX ? "\xCC\x81" : "<U+0301>");
    }
    line(text, shown);
}

static void sanitize__invalid_utf8__is_shown_by_byte(void **state)
{
    (void)state;
    line("a\xFF\xFE"
         "b",
         "a<0xFF><0xFE>b");
    line("\x80", "<0x80>");
    line("\xC3", "<0xC3>");
    line("\xC0\xAF", "<0xC0><0xAF>");                     /* overlong slash */
    line("\xED\xA0\x80", "<0xED><0xA0><0x80>");           /* surrogate */
    line("\xF4\x90\x80\x80", "<0xF4><0x90><0x80><0x80>"); /* beyond U+10FFFF */
    line("\xE2\x82", "<0xE2><0x82>");
    line("\xEF\xBF\xBE", "<U+FFFE>"); /* a non-character */
}

static void sanitize__ascii__names_every_other_character(void **state)
{
    (void)state;
    static const char text[] = "5 \xE2\x82\xAC \xF0\x9F\x98\x80\xE2\x80\xAE";
    expect(text, sizeof text - 1, SANITIZE_LINE, true, "5 \\u{20AC} \\u{1F600}<U+202E>");
}

/* Whatever comes in, what goes out has no control but newline and tab, and stays within its stated growth. */
static void sanitize__any_bytes__come_out_harmless(void **state)
{
    (void)state;
    uint32_t seed = 12345;
    for (int round = 0; round < 3000; round++) {
        uint8_t text[64];
        size_t len = (size_t)(round % 64);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = (uint8_t)(seed >> 24);
            if (round % 3 == 0 && i % 3 == 0)
                text[i] = 0xE2;
            if (round % 3 == 0 && i % 3 == 1)
                text[i] = 0x80;
        }
        for (int ascii = 0; ascii < 2; ascii++) {
            struct st_buf out;
            st_buf_init(&out, 65536);
            sanitize_append(&out, st_view(text, len), SANITIZE_MESSAGE, ascii == 1);
            assert_int_equal(st_buf_error(&out), ST_OK);
            assert_true(out.len <= len * SANITIZE_GROWTH_MAX);
            struct sanitize_scan scan;
            struct sanitize_point point;
            sanitize_scan_init(&scan, st_buf_view(&out));
            while (sanitize_next(&scan, &point)) {
                assert_true(point.code >= 0);
                assert_true(!point.hidden || point.code == '\n' || point.code == '\t');
                assert_true(ascii == 0 || point.code < 0x80);
            }
            st_buf_free(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sanitize__plain_text__stays),
        cmocka_unit_test(sanitize__controls__are_shown),
        cmocka_unit_test(sanitize__bidi_and_separators__are_shown),
        cmocka_unit_test(sanitize__zero_width__is_shown_outside_emoji),
        cmocka_unit_test(sanitize__emoji__keep_what_joins_them),
        cmocka_unit_test(sanitize__emoji__hide_nothing_else),
        cmocka_unit_test(sanitize__marks__neither_pile_up_nor_touch_our_text),
        cmocka_unit_test(sanitize__invalid_utf8__is_shown_by_byte),
        cmocka_unit_test(sanitize__ascii__names_every_other_character),
        cmocka_unit_test(sanitize__any_bytes__come_out_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
