#include "lib/st_invite.h"

#include "lib/st_wipe.h"

static const char ALPHABET[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum { RANDOM_CHARS = ST_INVITE_CHARS - 1 };

static int value_of(uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        c = (uint8_t)(c - 'a' + 'A');
    if (c == 'O')
        c = '0';
    if (c == 'I' || c == 'L')
        c = '1';
    const char *at = c == '\0' ? NULL : strchr(ALPHABET, c);
    return at == NULL ? -1 : (int)(at - ALPHABET);
}

/* Luhn mod N over the first 11 values: from the right, every other one counts double, its two digits added. */
static unsigned check_value(const uint8_t values[static RANDOM_CHARS])
{
    unsigned sum = 0;
    for (size_t i = 0; i < RANDOM_CHARS; i++) {
        unsigned factor = (RANDOM_CHARS - 1 - i) % 2 == 0 ? 2 : 1;
        unsigned addend = factor * values[i];
        sum += addend / 32 + addend % 32;
    }
    return (32 - sum % 32) % 32;
}

enum st_err st_invite_parse(struct st_invite *out, struct st_view text)
{
    memset(out, 0, sizeof *out);
    uint8_t values[ST_INVITE_CHARS];
    size_t count = 0;
    if (text.len > ST_INVITE_INPUT_MAX)
        return ST_EMALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c == ' ' || c == '-')
            continue;
        int value = value_of(c);
        if (value < 0 || count == ST_INVITE_CHARS)
            return ST_EMALFORMED;
        values[count++] = (uint8_t)value;
    }
    if (count != ST_INVITE_CHARS || values[RANDOM_CHARS] != check_value(values))
        return ST_EMALFORMED;
    for (size_t i = 0; i < ST_INVITE_CHARS; i++)
        out->code[i] = ALPHABET[values[i]];
    return ST_OK;
}

static bool has_blind_pair(const uint8_t values[static ST_INVITE_CHARS])
{
    for (size_t i = 0; i + 1 < ST_INVITE_CHARS; i++) {
        unsigned low = values[i] < values[i + 1] ? values[i] : values[i + 1];
        unsigned high = values[i] < values[i + 1] ? values[i + 1] : values[i];
        if (low == 0 && high == 31)
            return true;
    }
    return false;
}

void st_invite_random(struct st_invite *out, const struct st_env *env)
{
    uint8_t values[ST_INVITE_CHARS];
    memset(out, 0, sizeof *out);
    do {
        st_env_random(env, values, sizeof values);
        for (size_t i = 0; i < RANDOM_CHARS; i++)
            values[i] &= 31;
        values[RANDOM_CHARS] = (uint8_t)check_value(values);
    } while (has_blind_pair(values));
    for (size_t i = 0; i < ST_INVITE_CHARS; i++)
        out->code[i] = ALPHABET[values[i]];
    ST_WIPE(values);
}

void st_invite_format(char out[static ST_INVITE_TEXT_BYTES], const struct st_invite *invite)
{
    size_t at = 0;
    for (size_t i = 0; i < ST_INVITE_CHARS; i++) {
        if (i > 0 && i % 4 == 0)
            out[at++] = '-';
        out[at++] = invite->code[i];
    }
    out[at] = '\0';
}
