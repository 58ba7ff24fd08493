/* How clean text is laid out: its width in columns, counted by grapheme, wrapping with indented continuation
 * lines, and tables. Everything here takes text that sanitize_append has written. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>

#include "lib/st_bytes.h"

enum {
    LAYOUT_TAB = 8,            /* columns between tab stops */
    LAYOUT_TEXT_WIDTH_MIN = 16 /* columns that wrapped text gets even on a narrow terminal */
};

/* Columns that a line of text takes: 0 for combining marks, 2 for wide characters and emoji, 1 for the rest. */
size_t layout_width(struct st_view text);

/* How many bytes of the text fit into `columns`, whole graphemes only. */
size_t layout_fit(struct st_view text, size_t columns);

/* Where a text goes. */
struct layout {
    size_t column; /* columns already used on the first line */
    size_t indent; /* spaces before every continuation line */
    size_t width;  /* columns of the terminal; 0 = no terminal: nothing is wrapped, newlines are still indented */
};

/* Appends `text` without a closing newline. Lines break at spaces where they can, else between graphemes; a tab
 * becomes spaces when wrapping. Errors stick in `out`. */
void layout_wrap(struct st_buf *out, struct st_view text, const struct layout *layout);

/* Rows of cells whose columns are padded to the same width, two spaces apart, the last cell unpadded. */
struct layout_table;

/* Returns new, or NULL without memory. */
struct layout_table *layout_table_new(void);
void layout_table_free(struct layout_table **table);

/* Appends a cell to the open row; `text` is copied. Errors stick and show in layout_table_print. */
void layout_table_cell(struct layout_table *table, struct st_view text);

/* Closes the row. */
void layout_table_row(struct layout_table *table);

/* Appends every closed row, a line each, and empties the table. Cells may be empty; a row's trailing empty cells are
 * left out. Does nothing for an empty table. Errors stick in `out`. */
void layout_table_print(struct layout_table *table, struct st_buf *out);

#endif
