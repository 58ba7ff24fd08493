#include "lib/devlist/st_label.h"

#include <sodium.h>

/* L(text) as it lies in memory: the length byte, then the text. */
struct label {
    uint8_t len;
    char text[ST_LABEL_MAX - 1];
};

#define LABEL(string)                                                                                                  \
    {                                                                                                                  \
        sizeof string - 1, string                                                                                      \
    }

static const struct label labels[ST_LABEL_COUNT] = {
    [ST_LABEL_DEVICE_LIST] = LABEL("SafeTalk/1 device-list"),
    [ST_LABEL_DEVICE_ACCEPT] = LABEL("SafeTalk/1 device-accept"),
    [ST_LABEL_SIGNED_PREKEY] = LABEL("SafeTalk/1 signed-prekey"),
    [ST_LABEL_TK_BIND] = LABEL("SafeTalk/1 tk-bind"),
    [ST_LABEL_LINK] = LABEL("SafeTalk/1 link"),
    [ST_LABEL_ACCOUNT_ID] = LABEL("SafeTalk/1 account-id"),
    [ST_LABEL_TRANSCRIPT] = LABEL("SafeTalk/1 transcript"),
    [ST_LABEL_SESSION_ID] = LABEL("SafeTalk/1 session-id"),
    [ST_LABEL_SAFETY_NUMBER] = LABEL("SafeTalk/1 safety-number"),
    [ST_LABEL_EXPOSED] = LABEL("SafeTalk/1 exposed"),
};

_Static_assert(sizeof(struct label) == ST_LABEL_MAX, "a label has no gap behind its length byte");

const char *st_label_text(enum st_label label)
{
    return labels[label].text;
}

struct st_view st_label_view(enum st_label label)
{
    return st_view(&labels[label], 1 + (size_t)labels[label].len);
}

enum st_err st_label_put(uint8_t *out, size_t cap, const char *text, size_t *out_len)
{
    size_t len = strlen(text);
    *out_len = 0;
    if (len > 255 || cap < 1 + len)
        return ST_ELIMIT;
    out[0] = (uint8_t)len;
    memcpy(out + 1, text, len);
    *out_len = 1 + len;
    return ST_OK;
}

void st_label_hash(uint8_t out[static 32], enum st_label label, const struct st_view *parts, size_t count)
{
    struct st_view head = st_label_view(label);
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, head.p, head.len);
    for (size_t i = 0; i < count; i++)
        crypto_hash_sha256_update(&state, parts[i].p, parts[i].len);
    crypto_hash_sha256_final(&state, out);
}

/* Joins what is signed, since Ed25519 reads its message twice. */
static enum st_err join(uint8_t out[static ST_LABEL_MESSAGE_MAX], size_t *out_len, enum st_label label,
                        const struct st_view *parts, size_t count)
{
    struct st_view head = st_label_view(label);
    memcpy(out, head.p, head.len);
    size_t len = head.len;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > ST_LABEL_MESSAGE_MAX - len)
            return ST_ELIMIT;
        memcpy(out + len, parts[i].p, parts[i].len);
        len += parts[i].len;
    }
    *out_len = len;
    return ST_OK;
}

enum st_err st_label_sign(uint8_t sig[static ST_SIG_BYTES], const uint8_t secret[static ST_SIGN_SECRET_BYTES],
                          enum st_label label, const struct st_view *parts, size_t count)
{
    uint8_t message[ST_LABEL_MESSAGE_MAX];
    size_t len = 0;
    memset(sig, 0, ST_SIG_BYTES);
    enum st_err err = join(message, &len, label, parts, count);
    if (err == ST_OK && crypto_sign_detached(sig, NULL, message, len, secret) != 0)
        err = ST_EINTEGRITY;
    return err;
}

enum st_err st_label_check(const uint8_t sig[static ST_SIG_BYTES], const uint8_t pub[static ST_SIGN_PUB_BYTES],
                           enum st_label label, const struct st_view *parts, size_t count)
{
    uint8_t message[ST_LABEL_MESSAGE_MAX];
    size_t len = 0;
    if (join(message, &len, label, parts, count) != ST_OK)
        return ST_EINTEGRITY;
    return crypto_sign_verify_detached(sig, message, len, pub) == 0 ? ST_OK : ST_EINTEGRITY;
}
