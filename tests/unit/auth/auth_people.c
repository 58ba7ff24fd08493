#include "tests/unit/auth/auth_world.h"

#include <stdio.h>

#include <sodium.h>

static uint64_t now_s(const struct world *world)
{
    return (uint64_t)(world->wall_ms / 1000);
}

void gadget_init(struct gadget *gadget, struct world *world, uint32_t dev)
{
    uint8_t seed[32];
    memset(gadget, 0, sizeof *gadget);
    gadget->dev = dev;
    gadget->sid = ++world->next_sid;
    gadget->next_opk = 1;
    st_env_random(&world->env, seed, sizeof seed);
    assert_int_equal(crypto_sign_seed_keypair(gadget->dsk, gadget->dsk_secret, seed), 0);
    st_env_random(&world->env, seed, sizeof seed);
    assert_int_equal(crypto_scalarmult_base(gadget->dik, seed), 0);
    st_env_random(&world->env, gadget->tk, sizeof gadget->tk);
}

void person_sign_list(struct person *person)
{
    must_ok(st_devlist_sign(&person->list, person->ak_secret));
    for (size_t i = 0; i < person->list.count; i++)
        for (size_t j = 0; j < WORLD_DEVICES; j++)
            if (person->gadgets[j].dev == person->list.devices[i].dev_id)
                must_ok(st_devlist_accept_sign(person->list.accept[i], person->gadgets[j].dsk_secret, person->ak,
                                               &person->list.devices[i]));
}

static void fill_device(struct st_device *device, const struct gadget *gadget, uint64_t added)
{
    device->dev_id = gadget->dev;
    memcpy(device->dsk, gadget->dsk, sizeof device->dsk);
    memcpy(device->dik, gadget->dik, sizeof device->dik);
    device->added = added;
}

void person_init(struct person *person, struct world *world, const char *name)
{
    uint8_t seed[32];
    memset(person, 0, sizeof *person);
    person->world = world;
    person->password = "correct horse battery";
    (void)snprintf(person->name, sizeof person->name, "%s", name);
    st_env_random(&world->env, seed, sizeof seed);
    assert_int_equal(crypto_sign_seed_keypair(person->ak, person->ak_secret, seed), 0);
    st_devlist_acct_id(person->acct, person->ak);
    gadget_init(&person->gadgets[0], world, 1);
    struct st_devlist *list = &person->list;
    memcpy(list->acct_id, person->acct, sizeof list->acct_id);
    list->seq = 1;
    list->issued = now_s(world);
    list->expires = list->issued + 30 * 86400;
    list->count = 1;
    fill_device(&list->devices[0], &person->gadgets[0], list->issued);
    person_sign_list(person);
}

void person_next_list(struct person *person, const struct gadget *add, uint32_t drop)
{
    struct st_devlist next = person->list;
    next.seq++;
    must_ok(st_devlist_hash(&person->list, next.prev_hash));
    next.issued = now_s(person->world);
    next.expires = next.issued + 30 * 86400;
    next.count = 0;
    for (size_t i = 0; i < person->list.count; i++)
        if (person->list.devices[i].dev_id != drop)
            next.devices[next.count++] = person->list.devices[i];
    if (add != NULL)
        fill_device(&next.devices[next.count++], add, next.issued);
    person->list = next;
    person_sign_list(person);
}

size_t list_wire(const struct st_devlist *list, uint8_t out[ST_DEVLIST_WIRE_MAX])
{
    struct st_buf buf;
    st_buf_init(&buf, ST_DEVLIST_WIRE_MAX);
    must_ok(st_devlist_write(list, &buf));
    size_t len = buf.len;
    memcpy(out, buf.p, len);
    st_buf_free(&buf);
    return len;
}

struct st_hop person_enrol_hop(const struct person *person, const struct gadget *gadget)
{
    struct st_hop hop = { .kind = ST_HOP_ENROL, .sid = ++person->world->next_sid };
    memcpy(hop.tk, gadget->tk, sizeof hop.tk);
    hop.addr[15] = (uint8_t)hop.sid; /* everybody comes from another place, if the test does not say otherwise */
    hop.addr[14] = (uint8_t)(hop.sid >> 8);
    hop.addr[0] = 0x20;
    return hop;
}

struct st_hop person_hop(const struct person *person, const struct gadget *gadget)
{
    struct st_hop hop = { .kind = ST_HOP_DEVICE, .dev = gadget->dev, .sid = gadget->sid };
    memcpy(hop.acct, person->acct, sizeof hop.acct);
    return hop;
}

enum st_code person_say(struct person *person, const struct gadget *gadget, enum st_type type, const void *msg)
{
    struct st_hop hop = person_hop(person, gadget);
    world_send(person->world, person->auth, &world_gateway, &hop, type, msg);
    return world_code(person->world);
}

/* ---- registration ---- */

static struct opaque_client_setup setup_of(const struct person *person, uint8_t context[ST_OPAQUE_LOGIN_CONTEXT_BYTES],
                                           const uint8_t *tk)
{
    const struct auth_config *config = &person->world->config;
    must_ok(st_opaque_login_context(context, tk, config->enrol_key, &config->ksf));
    return (struct opaque_client_setup) {
        .parties = { .client_identity = st_view_text(person->name),
                     .server_identity = st_view(config->server_id, sizeof config->server_id),
                     .context = st_view(context, ST_OPAQUE_LOGIN_CONTEXT_BYTES) },
        .ksf = config->ksf,
    };
}

enum st_code person_add_user(struct person *person, const char *invite, uint8_t record_r[ST_OPAQUE_RECORD_LEN])
{
    struct world *world = person->world;
    struct opaque_client_registration registration;
    struct opaque_client_registered registered;
    struct st_opaque_request blinded;
    struct st_view password = st_view_text(person->password);
    must_ok(opaque_client_register_start(&registration, &blinded, password, &world->env));
    struct st_msg_add_user ask = { .name = st_view_text(person->name), .request = st_view(&blinded, sizeof blinded) };
    if (invite != NULL) {
        ask.invite = st_view_text(invite);
        ST_SET(&ask, 3);
    }
    struct st_hop hop = person_enrol_hop(person, &person->gadgets[0]);
    world_send(world, person->auth, &world_gateway, &hop, ST_ADD_USER, &ask);
    enum st_code code = world_code(world);
    if (code != 0)
        return code;
    struct st_msg_add_user_r answer;
    uint8_t context[ST_OPAQUE_LOGIN_CONTEXT_BYTES];
    world_read(world, ST_ADD_USER_R, &answer);
    assert_memory_equal(answer.server_id.p, world->config.server_id, ST_SERVER_ID_LEN);
    struct opaque_client_setup setup = setup_of(person, context, person->gadgets[0].tk);
    must_ok(opaque_client_register_finish_any_ksf(&registered, &registration, answer.response, password, &setup,
                                                  &world->env));
    memcpy(record_r, &registered.record, ST_OPAQUE_RECORD_LEN);
    return 0;
}

struct st_spk person_spk(const struct person *person, const struct gadget *gadget, uint32_t spk_id)
{
    struct st_spk spk = { .spk_id = spk_id, .created = now_s(person->world) };
    uint8_t secret[32] = { 9 };
    st_put_u32(secret + 4, spk_id);
    assert_int_equal(crypto_scalarmult_base(spk.pub, secret), 0);
    must_ok(st_prekey_sign(&spk, gadget->dsk_secret, person->acct, gadget->dev));
    return spk;
}

static struct st_msg_spk spk_msg(const struct st_spk *spk)
{
    return (struct st_msg_spk) { .id = spk->spk_id,
                                 .created_s = spk->created,
                                 .pub = st_view(spk->pub, sizeof spk->pub),
                                 .sig = st_view(spk->sig, sizeof spk->sig) };
}

enum st_code person_add_user_finish(struct person *person, const char *invite,
                                    const uint8_t record[ST_OPAQUE_RECORD_LEN])
{
    struct world *world = person->world;
    uint8_t wire[ST_DEVLIST_WIRE_MAX];
    struct st_spk spk = person_spk(person, &person->gadgets[0], 1);
    struct st_msg_spk spk_row = spk_msg(&spk);
    struct st_msg_add_user_finish ask = {
        .name = st_view_text(person->name),
        .record = st_view(record, ST_OPAQUE_RECORD_LEN),
        .ak = st_view(person->ak, sizeof person->ak),
        .list = st_view(wire, list_wire(&person->list, wire)),
        .spk = { .count = 1, .items = &spk_row },
        .device_name = st_view_text("laptop"),
    };
    if (invite != NULL) {
        ask.invite = st_view_text(invite);
        ST_SET(&ask, 7);
    }
    struct st_hop hop = person_enrol_hop(person, &person->gadgets[0]);
    world_send(world, person->auth, &world_gateway, &hop, ST_ADD_USER_FINISH, &ask);
    return world_code(world);
}

void person_enrol(struct person *person)
{
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    must_do(person_add_user(person, NULL, record));
    must_do(person_add_user_finish(person, NULL, record));
}

void person_new(struct person *person, struct world *world, const char *name)
{
    person_init(person, world, name);
    person_enrol(person);
}

/* ---- login ---- */

enum st_code attempt_start(struct attempt *attempt, struct person *person, const struct gadget *gadget,
                           const char *password)
{
    struct world *world = person->world;
    struct st_opaque_ke1 ke1;
    memset(attempt, 0, sizeof *attempt);
    attempt->hop = person_enrol_hop(person, gadget);
    must_ok(opaque_client_login_start(&attempt->client, &ke1, st_view_text(password), &world->env));
    struct st_msg_login ask = { .name = st_view_text(person->name), .ke1 = st_view(&ke1, sizeof ke1) };
    world_send(world, person->auth, &world_gateway, &attempt->hop, ST_LOGIN, &ask);
    enum st_code code = world_code(world);
    if (code != 0)
        return code;
    struct st_msg_login_r answer;
    world_read(world, ST_LOGIN_R, &answer);
    memcpy(attempt->ke2, answer.ke2.p, sizeof attempt->ke2);
    return 0;
}

enum st_err attempt_stretch(struct attempt *attempt, struct person *person, const char *password)
{
    uint8_t context[ST_OPAQUE_LOGIN_CONTEXT_BYTES];
    struct opaque_client_setup setup = setup_of(person, context, attempt->hop.tk);
    return opaque_client_login_finish_any_ksf(
        &attempt->done, &attempt->client, st_view(attempt->ke2, sizeof attempt->ke2), st_view_text(password), &setup);
}

enum st_code attempt_finish(struct attempt *attempt, struct person *person, const struct gadget *gadget, bool prove)
{
    struct world *world = person->world;
    uint8_t keys[2 * ST_CURVE_KEY_BYTES];
    uint8_t sig[ST_SIG_LEN];
    struct st_msg_login_finish ask = { .ke3 = st_view(&attempt->done.ke3, ST_KE3_LEN) };
    if (prove) {
        memcpy(keys, gadget->tk, ST_CURVE_KEY_BYTES);
        memcpy(keys + ST_CURVE_KEY_BYTES, world->config.enrol_key, ST_CURVE_KEY_BYTES);
        must_ok(st_bind_tk_sign(sig, gadget->dsk_secret, person->acct, gadget->dev, keys));
        ask.dev = gadget->dev;
        ask.sig = st_view(sig, sizeof sig);
        ST_SET(&ask, 2);
        ST_SET(&ask, 3);
    }
    world_send(world, person->auth, &world_gateway, &attempt->hop, ST_LOGIN_FINISH, &ask);
    return world_code(world);
}

enum st_code person_login(struct person *person, const struct gadget *gadget, const char *password, bool prove)
{
    struct attempt attempt;
    enum st_code code = attempt_start(&attempt, person, gadget, password);
    if (code != 0)
        return code;
    (void)attempt_stretch(&attempt, person, password); /* a wrong password gives a KE3 of zeros */
    return attempt_finish(&attempt, person, gadget, prove);
}

/* ---- lists, prekeys ---- */

enum st_code person_put_lists(struct person *person, const struct gadget *gadget, const struct st_devlist *lists,
                              size_t count)
{
    static uint8_t wires[ST_LISTS_MAX][ST_DEVLIST_WIRE_MAX];
    struct st_msg_list rows[ST_LISTS_MAX];
    for (size_t i = 0; i < count; i++) {
        memset(&rows[i], 0, sizeof rows[i]);
        rows[i].list = st_view(wires[i], list_wire(&lists[i], wires[i]));
    }
    struct st_msg_put_list ask = { .lists = { .count = count, .items = rows } };
    return person_say(person, gadget, ST_PUT_LIST, &ask);
}

enum st_code person_put_list(struct person *person, const struct gadget *gadget)
{
    return person_put_lists(person, gadget, &person->list, 1);
}

enum st_code person_confirm(struct person *person, struct gadget *gadget, uint32_t spk_id, size_t opks)
{
    static uint8_t pubs[ST_OPK_UPLOAD_MAX][ST_KEY_LEN];
    struct st_msg_opk rows[ST_OPK_UPLOAD_MAX];
    struct st_spk spk;
    struct st_msg_spk spk_row;
    struct st_msg_confirm_chat ask = { 0 };
    if (spk_id != 0) {
        spk = person_spk(person, gadget, spk_id);
        spk_row = spk_msg(&spk);
        ask.spk.count = 1;
        ask.spk.items = &spk_row;
        ST_SET(&ask, 1);
    }
    for (size_t i = 0; i < opks; i++) {
        memset(pubs[i], (int)gadget->next_opk, ST_KEY_LEN);
        rows[i] = (struct st_msg_opk) { .id = gadget->next_opk++, .pub = st_view(pubs[i], ST_KEY_LEN) };
    }
    if (opks > 0) {
        ask.opks.count = opks;
        ask.opks.items = rows;
        ST_SET(&ask, 2);
    }
    return person_say(person, gadget, ST_CONFIRM_CHAT, &ask);
}

enum st_code person_start_chat(struct person *person, const uint8_t acct[ST_ACCT_LEN], uint8_t nonce)
{
    uint8_t bytes[ST_NONCE_LEN];
    memset(bytes, nonce, sizeof bytes);
    struct st_msg_start_chat ask = { .acct = st_view(acct, ST_ACCT_LEN), .nonce = st_view(bytes, sizeof bytes) };
    return person_say(person, &person->gadgets[0], ST_START_CHAT, &ask);
}

uint32_t world_opk_of(struct world *world, uint32_t dev)
{
    struct st_msg_chat_confirmed answer;
    struct st_msg_bundle bundle;
    world_read(world, ST_CHAT_CONFIRMED, &answer);
    while (st_records_next(&st_schema_bundle, &answer.bundles, &bundle))
        if (bundle.dev == dev)
            return ST_HAS(&bundle, 6) ? (uint32_t)bundle.opk_id : 0;
    return UINT32_MAX;
}

enum st_code person_offer(struct person *person, const struct gadget *gadget, const char *name)
{
    uint8_t accept[ST_SIG_LEN];
    uint8_t tag[ST_HASH_LEN] = { 1 };
    struct st_device device;
    fill_device(&device, gadget, 0);
    must_ok(st_devlist_accept_sign(accept, gadget->dsk_secret, person->ak, &device));
    struct st_msg_link_offer ask = { .dsk = st_view(gadget->dsk, sizeof gadget->dsk),
                                     .dik = st_view(gadget->dik, sizeof gadget->dik),
                                     .accept = st_view(accept, sizeof accept),
                                     .tag = st_view(tag, sizeof tag),
                                     .name = st_view_text(name) };
    return person_say(person, gadget, ST_LINK_OFFER, &ask);
}

void person_link(struct person *person, struct gadget *gadget)
{
    struct st_msg_login_done done;
    gadget_init(gadget, person->world, 0);
    must_do(person_login(person, gadget, person->password, false));
    world_read(person->world, ST_LOGIN_DONE, &done);
    assert_int_equal(done.state, 2);
    gadget->dev = (uint32_t)done.dev;
    must_do(person_offer(person, gadget, "phone"));
    person_next_list(person, gadget, 0);
    must_do(person_put_list(person, &person->gadgets[0]));
}
