#include "tests/scenario/zmq/raw_curve.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/st_bytes.h"

enum { COMMAND = 0x04, LONG = 0x02, BOX_MAX = 70000 };

void raw_curve_init(struct raw_curve *raw, int fd, const uint8_t server_key[static 32])
{
    memset(raw, 0, sizeof *raw);
    raw->fd = fd;
    memcpy(raw->server_key, server_key, 32);
    crypto_box_keypair(raw->public_key, raw->secret_key);
    crypto_box_keypair(raw->short_public, raw->short_secret);
}

static bool put(int fd, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool get(int fd, void *bytes, size_t len)
{
    uint8_t *p = bytes;
    while (len > 0) {
        ssize_t n = recv(fd, p, len, 0);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool put_frame(int fd, uint8_t flags, const void *bytes, size_t len)
{
    uint8_t head[9] = { flags, (uint8_t)len };
    size_t head_len = 2;
    if (len > 255) {
        head[0] = (uint8_t)(flags | LONG);
        st_put_u64(head + 1, len);
        head_len = 9;
    }
    return put(fd, head, head_len) && put(fd, bytes, len);
}

static bool get_frame(int fd, uint8_t *bytes, size_t room, size_t *len_r)
{
    uint8_t head[9];
    if (!get(fd, head, 2))
        return false;
    *len_r = head[1];
    if (head[0] & LONG) {
        if (!get(fd, head + 2, 7))
            return false;
        *len_r = st_get_u64(head + 1);
    }
    return *len_r <= room && get(fd, bytes, *len_r);
}

/* nonce = prefix (16) ‖ counter (8); the counter's bytes go to `out`. */
static void short_nonce(struct raw_curve *raw, const char *prefix, uint8_t nonce[static 24], uint8_t out[static 8])
{
    memcpy(nonce, prefix, 16);
    st_put_u64(nonce + 16, ++raw->nonce);
    memcpy(out, nonce + 16, 8);
}

static bool greet(struct raw_curve *raw)
{
    uint8_t greeting[64] = { 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'C', 'U', 'R', 'V', 'E' };
    return put(raw->fd, greeting, sizeof greeting) && get(raw->fd, greeting, sizeof greeting);
}

static bool hello(struct raw_curve *raw)
{
    uint8_t command[200] = { 5, 'H', 'E', 'L', 'L', 'O', 1, 0 };
    static const uint8_t zeros[64];
    uint8_t nonce[24];
    memcpy(command + 80, raw->short_public, 32);
    short_nonce(raw, "CurveZMQHELLO---", nonce, command + 112);
    return crypto_box_easy(command + 120, zeros, sizeof zeros, nonce, raw->server_key, raw->short_secret) == 0 &&
           put_frame(raw->fd, COMMAND, command, sizeof command);
}

static bool welcome(struct raw_curve *raw)
{
    uint8_t command[512], nonce[24], plain[128];
    size_t len = 0;
    if (!get_frame(raw->fd, command, sizeof command, &len) || len != 168 || memcmp(command, "\7WELCOME", 8) != 0)
        return false;
    memcpy(nonce, "WELCOME-", 8);
    memcpy(nonce + 8, command + 8, 16);
    if (crypto_box_open_easy(plain, command + 24, 144, nonce, raw->server_key, raw->short_secret) != 0)
        return false;
    memcpy(raw->server_short, plain, 32);
    memcpy(raw->cookie, plain + 32, 96);
    return true;
}

static size_t property(uint8_t *out, const char *name, const void *value, size_t len)
{
    size_t name_len = strlen(name);
    out[0] = (uint8_t)name_len;
    memcpy(out + 1, name, name_len);
    st_put_u32(out + 1 + name_len, (uint32_t)len);
    if (len > 0)
        memcpy(out + 5 + name_len, value, len);
    return 5 + name_len + len;
}

static bool initiate(struct raw_curve *raw, const char *user_id, const void *rid, size_t rid_len)
{
    uint8_t plain[1024], vouch[64], nonce[24], command[1200] = { 8, 'I', 'N', 'I', 'T', 'I', 'A', 'T', 'E' };
    size_t len = 0;
    memcpy(vouch, raw->short_public, 32);
    memcpy(vouch + 32, raw->server_key, 32);
    memcpy(nonce, "VOUCH---", 8);
    randombytes_buf(nonce + 8, 16);
    memcpy(plain, raw->public_key, 32);
    memcpy(plain + 32, nonce + 8, 16);
    if (crypto_box_easy(plain + 48, vouch, sizeof vouch, nonce, raw->server_short, raw->secret_key) != 0)
        return false;
    len = 128;
    len += property(plain + len, "Socket-Type", "DEALER", 6);
    len += property(plain + len, "Identity", rid, rid_len);
    if (user_id != NULL)
        len += property(plain + len, "User-Id", user_id, strlen(user_id));
    memcpy(command + 9, raw->cookie, 96);
    short_nonce(raw, "CurveZMQINITIATE", nonce, command + 105);
    return crypto_box_easy(command + 113, plain, len, nonce, raw->server_short, raw->short_secret) == 0 &&
           put_frame(raw->fd, COMMAND, command, 113 + len + crypto_box_MACBYTES);
}

bool raw_curve_handshake(struct raw_curve *raw, const char *user_id, const void *rid, size_t rid_len)
{
    uint8_t command[512];
    size_t len = 0;
    return greet(raw) && hello(raw) && welcome(raw) && initiate(raw, user_id, rid, rid_len) &&
           get_frame(raw->fd, command, sizeof command, &len) && len > 6 && memcmp(command, "\5READY", 6) == 0;
}

bool raw_curve_send(struct raw_curve *raw, const void *bytes, size_t len, bool more)
{
    static _Thread_local uint8_t plain[BOX_MAX + 1], command[BOX_MAX + 64];
    uint8_t nonce[24];
    if (len > BOX_MAX)
        return false;
    plain[0] = more ? 1 : 0;
    if (len > 0)
        memcpy(plain + 1, bytes, len);
    memcpy(command, "\7MESSAGE", 8);
    short_nonce(raw, "CurveZMQMESSAGEC", nonce, command + 8);
    return crypto_box_easy(command + 16, plain, len + 1, nonce, raw->server_short, raw->short_secret) == 0 &&
           put_frame(raw->fd, 0, command, 16 + len + 1 + crypto_box_MACBYTES);
}
