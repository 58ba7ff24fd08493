#include "proto/st_msgpack.h"

/* Reads a big-endian number of `width` bytes that follows the first byte of a head. */
static enum st_err take_number(struct st_view *input, size_t width, uint64_t *number_r)
{
    if (input->len < width)
        return ST_EMALFORMED;
    uint64_t number = 0;
    for (size_t i = 0; i < width; i++)
        number = number << 8 | input->p[i];
    input->p += width;
    input->len -= width;
    *number_r = number;
    return ST_OK;
}

/* The heads with a number behind them. `floor` is the smallest number for which this form is the shortest. */
struct head {
    uint8_t first;
    uint8_t width;
    enum st_token_kind kind;
    uint64_t floor;
};

static const struct head heads[] = {
    { 0xcc, 1, ST_TOKEN_UINT, 0x80 },     { 0xcd, 2, ST_TOKEN_UINT, 0x100 },
    { 0xce, 4, ST_TOKEN_UINT, 0x10000 },  { 0xcf, 8, ST_TOKEN_UINT, UINT64_C(0x100000000) },
    { 0xc4, 1, ST_TOKEN_BYTES, 0 },       { 0xc5, 2, ST_TOKEN_BYTES, 0x100 },
    { 0xc6, 4, ST_TOKEN_BYTES, 0x10000 }, { 0xd9, 1, ST_TOKEN_TEXT, 32 },
    { 0xda, 2, ST_TOKEN_TEXT, 0x100 },    { 0xdb, 4, ST_TOKEN_TEXT, 0x10000 },
    { 0xdc, 2, ST_TOKEN_ARRAY, 16 },      { 0xdd, 4, ST_TOKEN_ARRAY, 0x10000 },
    { 0xde, 2, ST_TOKEN_MAP, 16 },        { 0xdf, 4, ST_TOKEN_MAP, 0x10000 },
};

/* Splits the first byte of a value into kind and number, reading further bytes where its form has them. */
static enum st_err take_head(struct st_view *input, struct st_token *token)
{
    if (input->len == 0)
        return ST_EMALFORMED;
    uint8_t first = input->p[0];
    input->p++;
    input->len--;
    if (first <= 0x7f) {
        token->kind = ST_TOKEN_UINT;
        token->number = first;
        return ST_OK;
    }
    if (first <= 0x8f) {
        token->kind = ST_TOKEN_MAP;
        token->number = first & 0x0f;
        return ST_OK;
    }
    if (first <= 0x9f) {
        token->kind = ST_TOKEN_ARRAY;
        token->number = first & 0x0f;
        return ST_OK;
    }
    if (first <= 0xbf) {
        token->kind = ST_TOKEN_TEXT;
        token->number = first & 0x1f;
        return ST_OK;
    }
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        if (heads[i].first != first)
            continue;
        token->kind = heads[i].kind;
        enum st_err err = take_number(input, heads[i].width, &token->number);
        if (err == ST_OK && token->number < heads[i].floor)
            err = ST_EMALFORMED;
        return err;
    }
    return ST_EMALFORMED;
}

enum st_err st_token_next(struct st_view *input, struct st_token *token_r)
{
    memset(token_r, 0, sizeof *token_r);
    enum st_err err = take_head(input, token_r);
    if (err != ST_OK)
        return err;
    uint64_t number = token_r->number;
    switch (token_r->kind) {
    case ST_TOKEN_UINT:
        return number <= ST_UINT_MAX ? ST_OK : ST_EMALFORMED;
    case ST_TOKEN_ARRAY:
        return number <= ST_ARRAY_ITEMS_MAX && number <= input->len ? ST_OK : ST_EMALFORMED;
    case ST_TOKEN_MAP:
        return number <= ST_MAP_PAIRS_MAX && number <= input->len / 2 ? ST_OK : ST_EMALFORMED;
    case ST_TOKEN_BYTES:
    case ST_TOKEN_TEXT:
        break;
    }
    if (number > input->len)
        return ST_EMALFORMED;
    token_r->data = st_view(input->p, (size_t)number);
    input->p += number;
    input->len -= (size_t)number;
    return ST_OK;
}

/* The length of the well-formed UTF-8 sequence at the front (Unicode table 3-7), or 0. */
static size_t utf8_length(struct st_view text)
{
    uint8_t first = text.p[0];
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (len == 0 || len > text.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((text.p[i] & 0xc0) != 0x80)
            return 0;
    }
    if (len == 1)
        return 1;
    uint8_t second = text.p[1];
    bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    bool outside = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    return overlong || outside ? 0 : len;
}

enum st_err st_text_check(struct st_view text, bool prose)
{
    while (text.len > 0) {
        size_t len = utf8_length(text);
        uint8_t first = text.p[0];
        bool control = first < 0x20 || first == 0x7f || (first == 0xc2 && len == 2 && text.p[1] < 0xa0);
        bool allowed = prose && (first == '\n' || first == '\t');
        if (len == 0 || (control && !allowed))
            return ST_EMALFORMED;
        text.p += len;
        text.len -= len;
    }
    return ST_OK;
}

static enum st_err skip_value(struct st_view *input, int depth);

/* Orders two encoded keys: byte by byte, the shorter first where one begins the other. */
static int key_order(struct st_view a, struct st_view b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.p, b.p, len);
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

static enum st_err skip_pairs(struct st_view *input, uint64_t count, int depth)
{
    struct st_view previous = { NULL, 0 };
    for (uint64_t i = 0; i < count; i++) {
        struct st_view key = { input->p, 0 };
        struct st_token token;
        enum st_err err = st_token_next(input, &token);
        if (err != ST_OK)
            return err;
        if (token.kind == ST_TOKEN_TEXT)
            err = st_text_check(token.data, false);
        else if (token.kind != ST_TOKEN_UINT)
            err = ST_EMALFORMED;
        key.len = (size_t)(input->p - key.p);
        if (err != ST_OK || (i > 0 && key_order(previous, key) >= 0))
            return ST_EMALFORMED;
        previous = key;
        err = skip_value(input, depth);
        if (err != ST_OK)
            return err;
    }
    return ST_OK;
}

static enum st_err skip_value(struct st_view *input, int depth)
{
    struct st_token token;
    enum st_err err = st_token_next(input, &token);
    if (err != ST_OK)
        return err;
    if (token.kind == ST_TOKEN_TEXT)
        return st_text_check(token.data, true);
    if (token.kind != ST_TOKEN_ARRAY && token.kind != ST_TOKEN_MAP)
        return ST_OK;
    if (depth >= ST_NESTING_MAX)
        return ST_EMALFORMED;
    if (token.kind == ST_TOKEN_MAP)
        return skip_pairs(input, token.number, depth + 1);
    for (uint64_t i = 0; i < token.number && err == ST_OK; i++)
        err = skip_value(input, depth + 1);
    return err;
}

enum st_err st_value_skip(struct st_view *input)
{
    return skip_value(input, 0);
}

enum st_err st_msgpack_validate(struct st_view input)
{
    enum st_err err = st_value_skip(&input);
    if (err == ST_OK && input.len != 0)
        err = ST_EMALFORMED;
    return err;
}
