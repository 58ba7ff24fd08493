#include "tests/contract/auth_store/auth_store_contract.h"

#include <stdio.h>

struct auth_text contract_text(const char *text)
{
    struct auth_text out = { 0 };
    size_t len = strlen(text);
    assert_true(len <= sizeof out.bytes);
    memcpy(out.bytes, text, len);
    out.len = (uint8_t)len;
    return out;
}

struct auth_account contract_account(uint8_t number)
{
    struct auth_account account = { .state = AUTH_ACCOUNT_ACTIVE, .list_seq = 1, .next_dev = 2 };
    char name[16];
    (void)snprintf(name, sizeof name, "user%u", number);
    account.name = contract_text(name);
    memset(account.acct, number, sizeof account.acct);
    memset(account.ak, 0x40 + number, sizeof account.ak);
    memset(account.record, 0x80 + number, sizeof account.record);
    account.flags = number;
    account.created_ms = 1000 + number;
    account.last_seen_ms = 2000 + number;
    return account;
}

struct auth_device contract_device(uint8_t account, uint32_t dev)
{
    struct auth_device device = { .dev = dev, .state = AUTH_DEVICE_ACTIVE, .has_tk = true };
    memset(device.acct, account, sizeof device.acct);
    memset(device.tk, account, sizeof device.tk);
    st_put_u32(device.tk, dev);
    memset(device.dsk, (int)(dev + 1), sizeof device.dsk);
    memset(device.dik, (int)(dev + 2), sizeof device.dik);
    device.name = contract_text("laptop");
    device.spk_id = 7;
    memset(device.spk, (int)(dev + 3), sizeof device.spk);
    memset(device.spk_sig, (int)(dev + 4), sizeof device.spk_sig);
    device.spk_created_s = 5;
    device.opk_hi = 9;
    device.last_seen_ms = 3000;
    return device;
}

struct auth_list contract_list(uint64_t seq, size_t len)
{
    struct auth_list list = { .seq = seq, .len = len };
    memset(list.wire, (int)seq, len);
    return list;
}

struct auth_opk contract_opk(uint32_t id)
{
    struct auth_opk opk = { .id = id };
    memset(opk.pub, (int)id, sizeof opk.pub);
    return opk;
}

struct auth_grant contract_grant(uint8_t target, uint32_t dev, uint8_t requester, uint32_t day)
{
    struct auth_grant grant = { .dev = dev, .day = day, .opk = contract_opk(target + dev) };
    memset(grant.target, target, sizeof grant.target);
    memset(grant.requester, requester, sizeof grant.requester);
    memset(grant.nonce, requester + 1, sizeof grant.nonce);
    return grant;
}

struct auth_offer contract_offer(uint8_t account, uint32_t dev, int64_t expires_ms)
{
    struct auth_offer offer = { .dev = dev, .expires_ms = expires_ms, .name = contract_text("phone") };
    memset(offer.acct, account, sizeof offer.acct);
    memset(offer.dsk, 1, sizeof offer.dsk);
    memset(offer.dik, 2, sizeof offer.dik);
    memset(offer.accept, 3, sizeof offer.accept);
    memset(offer.tag, 4, sizeof offer.tag);
    return offer;
}

void contract_add_account(const struct auth_store *store, uint8_t number)
{
    struct auth_account account = contract_account(number);
    struct auth_device device = contract_device(number, 1);
    struct auth_list list = contract_list(1, ST_LIST_MIN);
    contract_ok(auth_store_account_insert(store, &account));
    contract_ok(auth_store_list_put(store, account.acct, &list));
    contract_ok(auth_store_device_insert(store, &device));
}
