#include "tests/unit/devlist/devlist_fixture.h"

#include <string.h>

#include <sodium.h>

static void seed_of(uint8_t seed[static 32], uint8_t kind, uint8_t number)
{
    memset(seed, 0, 32);
    seed[0] = kind;
    seed[1] = number;
}

void fixture_sign(struct account *account)
{
    struct st_devlist *list = &account->list;
    for (size_t i = 0; i < list->count; i++) {
        size_t who = list->devices[i].dev_id / 10 - 1;
        assert_int_equal(
            st_devlist_accept_sign(list->accept[i], account->dsk_secret[who], account->ak, &list->devices[i]), ST_OK);
    }
    assert_int_equal(st_devlist_sign(list, account->ak_secret), ST_OK);
}

void fixture_make(struct account *account, uint8_t number, uint8_t count)
{
    uint8_t seed[32];
    memset(account, 0, sizeof *account);
    seed_of(seed, 1, number);
    assert_int_equal(crypto_sign_seed_keypair(account->ak, account->ak_secret, seed), 0);
    for (uint8_t i = 0; i < ST_DEVLIST_DEVICES_MAX; i++) {
        struct st_device *device = &account->devices[i];
        seed_of(seed, 2, (uint8_t)(number * 16 + i));
        assert_int_equal(crypto_sign_seed_keypair(device->dsk, account->dsk_secret[i], seed), 0);
        seed_of(seed, 3, (uint8_t)(number * 16 + i));
        assert_int_equal(crypto_scalarmult_base(device->dik, seed), 0);
        device->dev_id = 10u * (i + 1u);
        device->added = FIXTURE_NOW - 1000u + i;
    }
    st_devlist_acct_id(account->list.acct_id, account->ak);
    account->list.seq = 1;
    account->list.issued = FIXTURE_NOW - 10;
    account->list.expires = FIXTURE_NOW - 10 + 30 * FIXTURE_DAY;
    account->list.count = count;
    memcpy(account->list.devices, account->devices, sizeof account->devices);
    fixture_sign(account);
}

void fixture_next(struct account *account, unsigned mask)
{
    uint8_t hash[ST_DEVLIST_HASH_BYTES];
    assert_int_equal(st_devlist_hash(&account->list, hash), ST_OK);
    account->list.seq++;
    memcpy(account->list.prev_hash, hash, sizeof hash);
    account->list.count = 0;
    for (size_t i = 0; i < ST_DEVLIST_DEVICES_MAX; i++)
        if ((mask >> i & 1u) != 0)
            account->list.devices[account->list.count++] = account->devices[i];
    fixture_sign(account);
}

struct st_view fixture_wire(const struct st_devlist *list, struct st_buf *buf)
{
    st_buf_init(buf, ST_DEVLIST_WIRE_MAX);
    assert_int_equal(st_devlist_write(list, buf), ST_OK);
    return st_buf_view(buf);
}
