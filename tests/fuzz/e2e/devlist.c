/* Device lists from a server. The first byte: 0 takes the rest as it is; else the list is signed anew with keys that
 * are known here, so that what lies behind the signatures is reached; bits of it choose what the client knows already.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "lib/devlist/st_devlist.h"

enum { NOW_S = 1800000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t ak[ST_SIGN_PUB_BYTES];
static uint8_t ak_secret[ST_SIGN_SECRET_BYTES];
static uint8_t dsk[ST_SIGN_PUB_BYTES];
static uint8_t dsk_secret[ST_SIGN_SECRET_BYTES];
static struct st_devlist stored;

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Our account, our device keys, our signatures; the rest is the input's. */
static void sign_anew(struct st_devlist *list)
{
    st_devlist_acct_id(list->acct_id, ak);
    for (size_t i = 0; i < list->count; i++) {
        memcpy(list->devices[i].dsk, dsk, sizeof dsk);
        require(st_devlist_accept_sign(list->accept[i], dsk_secret, ak, &list->devices[i]) == ST_OK);
    }
    require(st_devlist_sign(list, ak_secret) == ST_OK);
}

static void prepare(void)
{
    static const uint8_t seed[2][ST_SIGN_SEED_BYTES] = { { 1 }, { 2 } };
    require(sodium_init() >= 0);
    require(crypto_sign_seed_keypair(ak, ak_secret, seed[0]) == 0);
    require(crypto_sign_seed_keypair(dsk, dsk_secret, seed[1]) == 0);
    stored.seq = 1;
    stored.issued = NOW_S - 10;
    stored.expires = NOW_S + 86400;
    stored.count = 1;
    stored.devices[0].dev_id = 1;
    stored.devices[0].added = NOW_S - 10;
    stored.devices[0].dik[0] = 9;
    sign_anew(&stored);
    require(st_devlist_verify(&stored, ak) == ST_OK);
}

static void judge(struct st_view wire, uint8_t choice)
{
    struct st_devlist list;
    struct st_buf again;
    const struct st_devlist_offer offer = { .acct_id = stored.acct_id,
                                            .ak = ak,
                                            .wire = wire,
                                            .stored = (choice & 2) != 0 ? &stored : NULL,
                                            .seen = stored.devices,
                                            .seen_count = (choice & 4) != 0 ? 1 : 0,
                                            .now_s = NOW_S,
                                            .between = (choice & 8) != 0 };
    enum st_devlist_verdict verdict = st_devlist_judge(&offer, &list);
    if (verdict == ST_DEVLIST_REJECT) {
        require(list.count == 0);
        return;
    }
    require(list.count >= 1 && list.count <= ST_DEVLIST_DEVICES_MAX && list.seq >= 1);
    st_buf_init(&again, ST_DEVLIST_WIRE_MAX);
    require(st_devlist_write(&list, &again) == ST_OK && st_view_equal(st_buf_view(&again), wire));
    st_buf_free(&again);
    enum st_err err = st_devlist_continues(offer.stored, &list, ak, NOW_S, true);
    /* What a server would store after the same list, a client takes. */
    require(err != ST_OK || verdict == ST_DEVLIST_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (stored.seq == 0)
        prepare();
    if (size < 1)
        return 0;
    struct st_view wire = st_view(data + 1, size - 1);
    struct st_devlist list;
    if ((data[0] & 1) == 0 || st_devlist_parse(wire, &list) != ST_OK) {
        judge(wire, data[0]);
        return 0;
    }
    struct st_buf signed_wire;
    sign_anew(&list);
    st_buf_init(&signed_wire, ST_DEVLIST_WIRE_MAX);
    require(st_devlist_write(&list, &signed_wire) == ST_OK);
    judge(st_buf_view(&signed_wire), data[0]);
    st_buf_free(&signed_wire);
    return 0;
}
