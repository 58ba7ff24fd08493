#include "client/cli/layout.h"

#include <stdlib.h>

#include <utf8proc.h>

enum {
    TABLE_BYTES_MAX = 16 * 1024 * 1024,
    TABLE_COLUMNS_MAX = 16,
    EMOJI_STYLE = 0xFE0F,
    FLAG_LETTER_FIRST = 0x1F1E6,
    FLAG_LETTER_LAST = 0x1F1FF
};

/* One grapheme: its bytes and its columns. */
struct grapheme {
    size_t len;
    size_t width;
    uint8_t first; /* its first byte, to see spaces, tabs and newlines */
};

static size_t code_width(int32_t code)
{
    int width = utf8proc_charwidth(code);
    return width > 0 ? (size_t)width : 0;
}

/* Two of these are a flag. */
static bool is_flag_letter(int32_t code)
{
    return code >= FLAG_LETTER_FIRST && code <= FLAG_LETTER_LAST;
}

/* What an emoji sequence may begin with: all of it is one picture of two columns. */
static bool begins_emoji(int32_t code)
{
    return is_flag_letter(code) || utf8proc_get_property(code)->boundclass == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

/* Reads the grapheme that begins `text` (not empty). A byte that is not UTF-8 stands alone. Outside emoji the widths
 * add up, as terminals count them. */
static struct grapheme read_grapheme(struct st_view text)
{
    struct grapheme g = { 1, 1, text.p[0] };
    utf8proc_int32_t code = -1;
    utf8proc_ssize_t len = utf8proc_iterate(text.p, (utf8proc_ssize_t)text.len, &code);
    if (len <= 0)
        return g;
    g.len = (size_t)len;
    g.width = code_width(code);
    bool emoji = begins_emoji(code);
    utf8proc_int32_t state = 0;
    while (g.len < text.len) {
        utf8proc_int32_t next = -1;
        len = utf8proc_iterate(text.p + g.len, (utf8proc_ssize_t)(text.len - g.len), &next);
        if (len <= 0 || utf8proc_grapheme_break_stateful(code, next, &state))
            break;
        if (next == EMOJI_STYLE || (emoji && (begins_emoji(next) || code_width(next) > 0)))
            g.width = 2;
        else
            g.width += code_width(next);
        g.len += (size_t)len;
        code = next;
    }
    return g;
}

size_t layout_width(struct st_view text)
{
    size_t width = 0;
    while (text.len > 0) {
        struct grapheme g = read_grapheme(text);
        width += g.width;
        text = st_view(text.p + g.len, text.len - g.len);
    }
    return width;
}

size_t layout_fit(struct st_view text, size_t columns)
{
    size_t len = 0;
    size_t width = 0;
    while (len < text.len) {
        struct grapheme g = read_grapheme(st_view(text.p + len, text.len - len));
        if (width + g.width > columns)
            break;
        width += g.width;
        len += g.len;
    }
    return len;
}

static void spaces(struct st_buf *out, size_t count)
{
    uint8_t *at = count > 0 ? st_buf_extend(out, count) : NULL;
    if (at != NULL)
        memset(at, ' ', count);
}

static void new_line(struct st_buf *out, const struct layout *layout)
{
    (void)st_buf_append(out, "\n", 1);
    spaces(out, layout->indent);
}

/* The word that begins `text`: everything up to the next space, tab or newline. Returns its bytes. */
static size_t read_word(struct st_view text, size_t *width)
{
    size_t len = 0;
    *width = 0;
    while (len < text.len) {
        struct grapheme g = read_grapheme(st_view(text.p + len, text.len - len));
        if (g.first == ' ' || g.first == '\t' || g.first == '\n')
            break;
        len += g.len;
        *width += g.width;
    }
    return len;
}

/* A word longer than a line: broken between graphemes. Returns the column behind it. */
static size_t put_long_word(struct st_buf *out, struct st_view word, size_t column, const struct layout *layout)
{
    while (word.len > 0) {
        struct grapheme g = read_grapheme(word);
        if (column + g.width > layout->width && column > layout->indent) {
            new_line(out, layout);
            column = layout->indent;
        }
        (void)st_buf_append(out, word.p, g.len);
        column += g.width;
        word = st_view(word.p + g.len, word.len - g.len);
    }
    return column;
}

/* What stands between two words: how many columns it would take before the next one. */
static size_t gap_columns(struct st_view *text, size_t column)
{
    size_t start = column;
    while (text->len > 0 && (text->p[0] == ' ' || text->p[0] == '\t')) {
        column += text->p[0] == '\t' ? LAYOUT_TAB - column % LAYOUT_TAB : 1;
        *text = st_view(text->p + 1, text->len - 1);
    }
    return column - start;
}

static void wrap(struct st_buf *out, struct st_view text, const struct layout *layout)
{
    size_t column = layout->column;
    while (text.len > 0) {
        size_t gap = gap_columns(&text, column);
        size_t width = 0;
        size_t len = read_word(text, &width);
        if (text.len == 0)
            return; /* spaces at the end show nothing */
        bool fits = column + gap + width <= layout->width;
        bool fits_alone = width <= layout->width - layout->indent;
        if (text.len > 0 && text.p[0] == '\n') {
            new_line(out, layout);
            column = layout->indent;
            text = st_view(text.p + 1, text.len - 1);
            continue;
        }
        if (fits || (!fits_alone && column + gap < layout->width)) {
            spaces(out, gap);
            column += gap;
        } else if (column > layout->indent) {
            new_line(out, layout);
            column = layout->indent;
        }
        column = put_long_word(out, st_view(text.p, len), column, layout);
        text = st_view(text.p + len, text.len - len);
    }
}

void layout_wrap(struct st_buf *out, struct st_view text, const struct layout *layout)
{
    if (layout->width > 0) {
        struct layout fitted = *layout;
        if (fitted.width < fitted.indent + LAYOUT_TEXT_WIDTH_MIN)
            fitted.width = fitted.indent + LAYOUT_TEXT_WIDTH_MIN;
        wrap(out, text, &fitted);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '\n')
            new_line(out, layout);
        else
            (void)st_buf_append(out, text.p + i, 1);
    }
}

/* Cells lie one behind the other in `cells`, each with its length before it (4 bytes); a row ends with the length
 * ROW_END. */
struct layout_table {
    struct st_buf cells;
    size_t widths[TABLE_COLUMNS_MAX];
    size_t column; /* of the open row */
};

#define ROW_END UINT32_MAX

struct layout_table *layout_table_new(void)
{
    struct layout_table *table = calloc(1, sizeof *table);
    if (table != NULL)
        st_buf_init(&table->cells, TABLE_BYTES_MAX);
    return table;
}

void layout_table_free(struct layout_table **table)
{
    if (*table == NULL)
        return;
    st_buf_wipe_free(&(*table)->cells);
    free(*table);
    *table = NULL;
}

static void put_length(struct st_buf *cells, uint32_t len)
{
    uint8_t bytes[4];
    st_put_u32(bytes, len);
    (void)st_buf_append(cells, bytes, sizeof bytes);
}

void layout_table_cell(struct layout_table *table, struct st_view text)
{
    if (table->column >= TABLE_COLUMNS_MAX || text.len >= TABLE_BYTES_MAX)
        return;
    put_length(&table->cells, (uint32_t)text.len);
    (void)st_buf_append(&table->cells, text.p, text.len);
    size_t width = layout_width(text);
    if (width > table->widths[table->column])
        table->widths[table->column] = width;
    table->column++;
}

void layout_table_row(struct layout_table *table)
{
    put_length(&table->cells, ROW_END);
    table->column = 0;
}

void layout_table_print(struct layout_table *table, struct st_buf *out)
{
    struct st_view rest = st_buf_view(&table->cells);
    size_t column = 0;
    size_t owed = 0; /* spaces before the next cell that is not empty */
    while (rest.len >= 4) {
        uint32_t len = st_get_u32(rest.p);
        rest = st_view(rest.p + 4, rest.len - 4);
        if (len == ROW_END) {
            (void)st_buf_append(out, "\n", 1);
            column = 0;
            owed = 0;
            continue;
        }
        struct st_view cell = st_view(rest.p, len);
        if (len > 0) {
            spaces(out, owed);
            (void)st_buf_append(out, cell.p, cell.len);
            owed = 0;
        }
        /* A column that is empty in every row takes no room. */
        if (table->widths[column] > 0)
            owed += table->widths[column] - layout_width(cell) + 2;
        column++;
        rest = st_view(rest.p + len, rest.len - len);
    }
    if (st_buf_error(&table->cells) != ST_OK && st_buf_error(out) == ST_OK)
        out->err = st_buf_error(&table->cells);
    st_buf_clear(&table->cells);
    memset(table->widths, 0, sizeof table->widths);
    table->column = 0;
}
