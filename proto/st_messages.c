#include "proto/st_message_table.h"

#include "proto/st_field_macros.h"
#include "proto/st_messages.h"

static const struct st_field endpoint_fields[] = {
    FIELD(1, st_msg_endpoint, host, TEXT, 1, ST_HOST_MAX),
    FIELD(2, st_msg_endpoint, port, UINT, 1, 65535),
    FIELD(3, st_msg_endpoint, key, BYTES, ST_KEY_LEN, ST_KEY_LEN),
};
const struct st_schema st_schema_endpoint = SCHEMA("endpoint", endpoint_fields, st_msg_endpoint);

static const struct st_field spk_fields[] = {
    FIELD(1, st_msg_spk, id, UINT, 1, UINT32_MAX),
    FIELD(2, st_msg_spk, created_s, UINT, 0, ST_UINT_MAX),
    FIELD(3, st_msg_spk, pub, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    FIELD(4, st_msg_spk, sig, BYTES, ST_SIG_LEN, ST_SIG_LEN),
};
const struct st_schema st_schema_spk = SCHEMA("spk", spk_fields, st_msg_spk);

static const struct st_field opk_fields[] = {
    FIELD(1, st_msg_opk, id, UINT, 1, UINT32_MAX),
    FIELD(2, st_msg_opk, pub, BYTES, ST_KEY_LEN, ST_KEY_LEN),
};
const struct st_schema st_schema_opk = SCHEMA("opk", opk_fields, st_msg_opk);

static const struct st_field bundle_fields[] = {
    FIELD(1, st_msg_bundle, dev, UINT, 1, UINT32_MAX),
    FIELD(2, st_msg_bundle, spk_id, UINT, 1, UINT32_MAX),
    FIELD(3, st_msg_bundle, spk_created_s, UINT, 0, ST_UINT_MAX),
    FIELD(4, st_msg_bundle, spk, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    FIELD(5, st_msg_bundle, spk_sig, BYTES, ST_SIG_LEN, ST_SIG_LEN),
    OPTION(6, st_msg_bundle, opk_id, UINT, 1, UINT32_MAX),
    OPTION(7, st_msg_bundle, opk, BYTES, ST_KEY_LEN, ST_KEY_LEN),
};
const struct st_schema st_schema_bundle = SCHEMA("bundle", bundle_fields, st_msg_bundle);

static const struct st_field list_fields[] = {
    FIELD(1, st_msg_list, list, BYTES, ST_LIST_MIN, ST_LIST_MAX),
};
const struct st_schema st_schema_list = SCHEMA("list", list_fields, st_msg_list);

static const struct st_field link_entry_fields[] = {
    FIELD(1, st_msg_link_entry, dev, UINT, 1, UINT32_MAX),
    FIELD(2, st_msg_link_entry, dsk, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    FIELD(3, st_msg_link_entry, dik, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    FIELD(4, st_msg_link_entry, accept, BYTES, ST_SIG_LEN, ST_SIG_LEN),
    FIELD(5, st_msg_link_entry, tag, BYTES, ST_HASH_LEN, ST_HASH_LEN),
    FIELD(6, st_msg_link_entry, name, TEXT, 1, ST_DEVICE_NAME_MAX),
};
const struct st_schema st_schema_link_entry = SCHEMA("link_entry", link_entry_fields, st_msg_link_entry);

static const struct st_field copy_fields[] = {
    FIELD(1, st_msg_copy, dev, UINT, 1, UINT32_MAX),
    FIELD(2, st_msg_copy, body, BYTES, ST_ENVELOPE_MIN, ST_ENVELOPE_MAX),
    OPTION(3, st_msg_copy, token, BYTES, ST_TOKEN_LEN, ST_TOKEN_LEN),
};
const struct st_schema st_schema_copy = SCHEMA("copy", copy_fields, st_msg_copy);

static const struct st_field accepted_item_fields[] = {
    FIELD(1, st_msg_accepted_item, id, BYTES, ST_MSG_ID_LEN, ST_MSG_ID_LEN),
    FIELD(2, st_msg_accepted_item, dev, UINT, 1, UINT32_MAX),
    FIELD(3, st_msg_accepted_item, status, UINT, 1, 4),
    OPTION(4, st_msg_accepted_item, epoch, BYTES, ST_EPOCH_LEN, ST_EPOCH_LEN),
    OPTION(5, st_msg_accepted_item, token, BYTES, ST_TOKEN_LEN, ST_TOKEN_LEN),
    FIELD(6, st_msg_accepted_item, to, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
};
const struct st_schema st_schema_accepted_item = SCHEMA("accepted_item", accepted_item_fields, st_msg_accepted_item);

static const struct st_field push_item_fields[] = {
    FIELD(1, st_msg_push_item, token, BYTES, ST_TOKEN_LEN, ST_TOKEN_LEN),
    FIELD(2, st_msg_push_item, from, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(3, st_msg_push_item, from_dev, UINT, 1, UINT32_MAX),
    FIELD(4, st_msg_push_item, id, BYTES, ST_MSG_ID_LEN, ST_MSG_ID_LEN),
    FIELD(5, st_msg_push_item, at_ms, UINT, 0, ST_UINT_MAX),
    FIELD(6, st_msg_push_item, body, BYTES, ST_ENVELOPE_MIN, ST_ENVELOPE_MAX),
};
const struct st_schema st_schema_push_item = SCHEMA("push_item", push_item_fields, st_msg_push_item);

static const struct st_field exposed_fields[] = {
    FIELD(1, st_msg_exposed, hash, BYTES, ST_HASH_LEN, ST_HASH_LEN),
    FIELD(2, st_msg_exposed, key, BYTES, ST_KEY_LEN, ST_KEY_LEN),
};
const struct st_schema st_schema_exposed = SCHEMA("exposed", exposed_fields, st_msg_exposed);

static const struct st_field ping_fields[] = {
    OPTION(1, st_msg_ping, generation, BYTES, ST_GENERATION_LEN, ST_GENERATION_LEN),
};
static const struct st_schema ping = SCHEMA("ping", ping_fields, st_msg_ping);

static const struct st_field pong_fields[] = {
    FIELD(1, st_msg_pong, pending, UINT, 0, ST_UINT_MAX),
    OPTION(2, st_msg_pong, opk_left, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema pong = SCHEMA("pong", pong_fields, st_msg_pong);

static const struct st_field error_fields[] = {
    FIELD(1, st_msg_error, code, UINT, 1, UINT16_MAX),
    FIELD(2, st_msg_error, sentence, TEXT, 0, ST_SENTENCE_MAX),
    OPTION(3, st_msg_error, retry_after_s, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema error = SCHEMA("error", error_fields, st_msg_error);

static const struct st_field bye_fields[] = {
    FIELD(1, st_msg_bye, reason, UINT, 1, 4),
    FIELD(2, st_msg_bye, reconnect_after_ms, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema bye = SCHEMA("bye", bye_fields, st_msg_bye);

static const struct st_schema endpoints = SCHEMA_EMPTY("endpoints", st_msg_endpoints);

static const struct st_field endpoints_r_fields[] = {
    RECORDS(1, st_msg_endpoints_r, endpoints, 1, ST_ENDPOINTS_MAX, &st_schema_endpoint),
    FIELD(2, st_msg_endpoints_r, server_id, BYTES, ST_SERVER_ID_LEN, ST_SERVER_ID_LEN),
    FIELD(3, st_msg_endpoints_r, registration, UINT, 1, 4),
};
static const struct st_schema endpoints_r = SCHEMA("endpoints_r", endpoints_r_fields, st_msg_endpoints_r);

static const struct st_field hello_fields[] = {
    OPTION(1, st_msg_hello, generation, BYTES, ST_GENERATION_LEN, ST_GENERATION_LEN),
};
static const struct st_schema hello = SCHEMA("hello", hello_fields, st_msg_hello);

static const struct st_field welcome_fields[] = {
    FIELD(1, st_msg_welcome, pending, UINT, 0, ST_UINT_MAX),
    FIELD(2, st_msg_welcome, epoch, BYTES, ST_EPOCH_LEN, ST_EPOCH_LEN),
    OPTION(3, st_msg_welcome, generation, BYTES, ST_GENERATION_LEN, ST_GENERATION_LEN),
    FIELD(4, st_msg_welcome, opk_left, UINT, 0, ST_UINT_MAX),
    FIELD(5, st_msg_welcome, list_seq, UINT, 0, ST_UINT_MAX),
    FIELD(6, st_msg_welcome, retention_s, UINT, 0, ST_UINT_MAX),
    FIELD(7, st_msg_welcome, mailbox_bytes_max, UINT, 0, ST_UINT_MAX),
    FIELD(8, st_msg_welcome, blob_bytes_max, UINT, 0, ST_UINT_MAX),
    FIELD(9, st_msg_welcome, registration, UINT, 1, 4),
};
static const struct st_schema welcome = SCHEMA("welcome", welcome_fields, st_msg_welcome);

static const struct st_field add_user_fields[] = {
    FIELD(1, st_msg_add_user, name, TEXT, ST_NAME_MIN, ST_NAME_MAX),
    FIELD(2, st_msg_add_user, request, BYTES, ST_OPAQUE_REQUEST_LEN, ST_OPAQUE_REQUEST_LEN),
    OPTION(3, st_msg_add_user, invite, TEXT, ST_INVITE_LEN, ST_INVITE_LEN),
};
static const struct st_schema add_user = SCHEMA("add_user", add_user_fields, st_msg_add_user);

static const struct st_field add_user_r_fields[] = {
    FIELD(1, st_msg_add_user_r, response, BYTES, ST_OPAQUE_RESPONSE_LEN, ST_OPAQUE_RESPONSE_LEN),
    FIELD(2, st_msg_add_user_r, server_id, BYTES, ST_SERVER_ID_LEN, ST_SERVER_ID_LEN),
};
static const struct st_schema add_user_r = SCHEMA("add_user_r", add_user_r_fields, st_msg_add_user_r);

static const struct st_field add_user_finish_fields[] = {
    FIELD(1, st_msg_add_user_finish, name, TEXT, ST_NAME_MIN, ST_NAME_MAX),
    FIELD(2, st_msg_add_user_finish, record, BYTES, ST_OPAQUE_RECORD_LEN, ST_OPAQUE_RECORD_LEN),
    FIELD(3, st_msg_add_user_finish, ak, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    FIELD(4, st_msg_add_user_finish, list, BYTES, ST_LIST_MIN, ST_LIST_MAX),
    RECORDS(5, st_msg_add_user_finish, spk, 1, 1, &st_schema_spk),
    FIELD(6, st_msg_add_user_finish, device_name, TEXT, 1, ST_DEVICE_NAME_MAX),
    OPTION(7, st_msg_add_user_finish, invite, TEXT, ST_INVITE_LEN, ST_INVITE_LEN),
};
static const struct st_schema add_user_finish =
    SCHEMA("add_user_finish", add_user_finish_fields, st_msg_add_user_finish);

static const struct st_field add_user_done_fields[] = {
    FIELD(1, st_msg_add_user_done, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_msg_add_user_done, dev, UINT, 1, UINT32_MAX),
    RECORDS(3, st_msg_add_user_done, endpoints, 1, ST_ENDPOINTS_MAX, &st_schema_endpoint),
};
static const struct st_schema add_user_done = SCHEMA("add_user_done", add_user_done_fields, st_msg_add_user_done);

static const struct st_field login_fields[] = {
    FIELD(1, st_msg_login, name, TEXT, ST_NAME_MIN, ST_NAME_MAX),
    FIELD(2, st_msg_login, ke1, BYTES, ST_KE1_LEN, ST_KE1_LEN),
};
static const struct st_schema login = SCHEMA("login", login_fields, st_msg_login);

static const struct st_field login_r_fields[] = {
    FIELD(1, st_msg_login_r, ke2, BYTES, ST_KE2_LEN, ST_KE2_LEN),
    FIELD(2, st_msg_login_r, server_id, BYTES, ST_SERVER_ID_LEN, ST_SERVER_ID_LEN),
};
static const struct st_schema login_r = SCHEMA("login_r", login_r_fields, st_msg_login_r);

static const struct st_field login_finish_fields[] = {
    FIELD(1, st_msg_login_finish, ke3, BYTES, ST_KE3_LEN, ST_KE3_LEN),
    OPTION(2, st_msg_login_finish, dev, UINT, 1, UINT32_MAX),
    OPTION(3, st_msg_login_finish, sig, BYTES, ST_SIG_LEN, ST_SIG_LEN),
};
static const struct st_schema login_finish = SCHEMA("login_finish", login_finish_fields, st_msg_login_finish);

static const struct st_field login_done_fields[] = {
    FIELD(1, st_msg_login_done, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_msg_login_done, dev, UINT, 1, UINT32_MAX),
    FIELD(3, st_msg_login_done, state, UINT, 1, 2),
    RECORDS(4, st_msg_login_done, endpoints, 1, ST_ENDPOINTS_MAX, &st_schema_endpoint),
};
static const struct st_schema login_done = SCHEMA("login_done", login_done_fields, st_msg_login_done);

static const struct st_field remove_user_fields[] = {
    FIELD(1, st_msg_remove_user, ke1, BYTES, ST_KE1_LEN, ST_KE1_LEN),
};
static const struct st_schema remove_user = SCHEMA("remove_user", remove_user_fields, st_msg_remove_user);

static const struct st_field remove_user_r_fields[] = {
    FIELD(1, st_msg_remove_user_r, ke2, BYTES, ST_KE2_LEN, ST_KE2_LEN),
};
static const struct st_schema remove_user_r = SCHEMA("remove_user_r", remove_user_r_fields, st_msg_remove_user_r);

static const struct st_field remove_user_finish_fields[] = {
    FIELD(1, st_msg_remove_user_finish, ke3, BYTES, ST_KE3_LEN, ST_KE3_LEN),
};
static const struct st_schema remove_user_finish =
    SCHEMA("remove_user_finish", remove_user_finish_fields, st_msg_remove_user_finish);

static const struct st_field remove_user_done_fields[] = {
    FIELD(1, st_msg_remove_user_done, state, UINT, 1, 2),
};
static const struct st_schema remove_user_done =
    SCHEMA("remove_user_done", remove_user_done_fields, st_msg_remove_user_done);

static const struct st_field set_password_fields[] = {
    FIELD(1, st_msg_set_password, request, BYTES, ST_OPAQUE_REQUEST_LEN, ST_OPAQUE_REQUEST_LEN),
};
static const struct st_schema set_password = SCHEMA("set_password", set_password_fields, st_msg_set_password);

static const struct st_field set_password_r_fields[] = {
    FIELD(1, st_msg_set_password_r, response, BYTES, ST_OPAQUE_RESPONSE_LEN, ST_OPAQUE_RESPONSE_LEN),
};
static const struct st_schema set_password_r = SCHEMA("set_password_r", set_password_r_fields, st_msg_set_password_r);

static const struct st_field set_password_finish_fields[] = {
    FIELD(1, st_msg_set_password_finish, record, BYTES, ST_OPAQUE_RECORD_LEN, ST_OPAQUE_RECORD_LEN),
};
static const struct st_schema set_password_finish =
    SCHEMA("set_password_finish", set_password_finish_fields, st_msg_set_password_finish);

static const struct st_schema set_password_done = SCHEMA_EMPTY("set_password_done", st_msg_set_password_done);

static const struct st_field logout_fields[] = {
    FIELD(1, st_msg_logout, everywhere, UINT, 0, 1),
};
static const struct st_schema logout = SCHEMA("logout", logout_fields, st_msg_logout);

static const struct st_field logout_r_fields[] = {
    FIELD(1, st_msg_logout_r, devices, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema logout_r = SCHEMA("logout_r", logout_r_fields, st_msg_logout_r);

static const struct st_field is_user_fields[] = {
    FIELD(1, st_msg_is_user, name, TEXT, ST_NAME_MIN, ST_NAME_MAX),
};
static const struct st_schema is_user = SCHEMA("is_user", is_user_fields, st_msg_is_user);

static const struct st_field is_user_r_fields[] = {
    FIELD(1, st_msg_is_user_r, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_msg_is_user_r, ak, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    FIELD(3, st_msg_is_user_r, list, BYTES, ST_LIST_MIN, ST_LIST_MAX),
};
static const struct st_schema is_user_r = SCHEMA("is_user_r", is_user_r_fields, st_msg_is_user_r);

static const struct st_field confirm_chat_fields[] = {
    OPTION_RECORDS(1, st_msg_confirm_chat, spk, 1, 1, &st_schema_spk),
    OPTION_RECORDS(2, st_msg_confirm_chat, opks, 1, ST_OPK_UPLOAD_MAX, &st_schema_opk),
};
static const struct st_schema confirm_chat = SCHEMA("confirm_chat", confirm_chat_fields, st_msg_confirm_chat);

static const struct st_field confirm_chat_r_fields[] = {
    FIELD(1, st_msg_confirm_chat_r, opk_left, UINT, 0, ST_UINT_MAX),
    FIELD(2, st_msg_confirm_chat_r, spk_id, UINT, 0, UINT32_MAX),
};
static const struct st_schema confirm_chat_r = SCHEMA("confirm_chat_r", confirm_chat_r_fields, st_msg_confirm_chat_r);

static const struct st_field start_chat_fields[] = {
    FIELD(1, st_msg_start_chat, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_msg_start_chat, nonce, BYTES, ST_NONCE_LEN, ST_NONCE_LEN),
    OPTION(3, st_msg_start_chat, dev, UINT, 1, UINT32_MAX),
};
static const struct st_schema start_chat = SCHEMA("start_chat", start_chat_fields, st_msg_start_chat);

static const struct st_field chat_confirmed_fields[] = {
    FIELD(1, st_msg_chat_confirmed, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_msg_chat_confirmed, ak, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    FIELD(3, st_msg_chat_confirmed, list, BYTES, ST_LIST_MIN, ST_LIST_MAX),
    RECORDS(4, st_msg_chat_confirmed, bundles, 0, ST_DEVICES_MAX, &st_schema_bundle),
};
static const struct st_schema chat_confirmed = SCHEMA("chat_confirmed", chat_confirmed_fields, st_msg_chat_confirmed);

static const struct st_field chat_started_fields[] = {
    OPTION(1, st_msg_chat_started, opk_left, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema chat_started = SCHEMA("chat_started", chat_started_fields, st_msg_chat_started);

static const struct st_field get_list_fields[] = {
    FIELD(1, st_msg_get_list, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_msg_get_list, from_seq, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema get_list = SCHEMA("get_list", get_list_fields, st_msg_get_list);

static const struct st_field list_r_fields[] = {
    FIELD(1, st_msg_list_r, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_msg_list_r, ak, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    RECORDS(3, st_msg_list_r, lists, 0, ST_LISTS_MAX, &st_schema_list),
    FIELD(4, st_msg_list_r, name, TEXT, ST_NAME_MIN, ST_NAME_MAX),
};
static const struct st_schema list_r = SCHEMA("list_r", list_r_fields, st_msg_list_r);

static const struct st_field put_list_fields[] = {
    RECORDS(1, st_msg_put_list, lists, 1, ST_LISTS_MAX, &st_schema_list),
};
static const struct st_schema put_list = SCHEMA("put_list", put_list_fields, st_msg_put_list);

static const struct st_field put_list_r_fields[] = {
    FIELD(1, st_msg_put_list_r, seq, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema put_list_r = SCHEMA("put_list_r", put_list_r_fields, st_msg_put_list_r);

static const struct st_field link_offer_fields[] = {
    FIELD(1, st_msg_link_offer, dsk, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    FIELD(2, st_msg_link_offer, dik, BYTES, ST_KEY_LEN, ST_KEY_LEN),
    FIELD(3, st_msg_link_offer, accept, BYTES, ST_SIG_LEN, ST_SIG_LEN),
    FIELD(4, st_msg_link_offer, tag, BYTES, ST_HASH_LEN, ST_HASH_LEN),
    FIELD(5, st_msg_link_offer, name, TEXT, 1, ST_DEVICE_NAME_MAX),
};
static const struct st_schema link_offer = SCHEMA("link_offer", link_offer_fields, st_msg_link_offer);

static const struct st_field link_offer_r_fields[] = {
    FIELD(1, st_msg_link_offer_r, dev, UINT, 1, UINT32_MAX),
};
static const struct st_schema link_offer_r = SCHEMA("link_offer_r", link_offer_r_fields, st_msg_link_offer_r);

static const struct st_schema link_get = SCHEMA_EMPTY("link_get", st_msg_link_get);

static const struct st_field link_get_r_fields[] = {
    RECORDS(1, st_msg_link_get_r, offers, 0, ST_DEVICES_MAX, &st_schema_link_entry),
};
static const struct st_schema link_get_r = SCHEMA("link_get_r", link_get_r_fields, st_msg_link_get_r);

static const struct st_field message_fields[] = {
    FIELD(1, st_msg_message, to, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_msg_message, id, BYTES, ST_MSG_ID_LEN, ST_MSG_ID_LEN),
    RECORDS(3, st_msg_message, copies, 1, ST_COPIES_MAX, &st_schema_copy),
};
static const struct st_schema message = SCHEMA("message", message_fields, st_msg_message);

static const struct st_field accepted_fields[] = {
    RECORDS(1, st_msg_accepted, items, 1, ST_ACCEPTED_MAX, &st_schema_accepted_item),
};
static const struct st_schema accepted = SCHEMA("accepted", accepted_fields, st_msg_accepted);

static const struct st_field push_fields[] = {
    RECORDS(1, st_msg_push, items, 1, ST_PUSH_ITEMS_MAX, &st_schema_push_item),
};
static const struct st_schema push = SCHEMA("push", push_fields, st_msg_push);

static const struct st_field ack_fields[] = {
    BYTES_LIST(1, st_msg_ack, tokens, ST_TOKEN_LEN, 1, ST_ACK_TOKENS_MAX),
    OPTION(2, st_msg_ack, generation, BYTES, ST_GENERATION_LEN, ST_GENERATION_LEN),
};
static const struct st_schema ack = SCHEMA("ack", ack_fields, st_msg_ack);

static const struct st_schema fetch = SCHEMA_EMPTY("fetch", st_msg_fetch);

static const struct st_field epochs_fields[] = {
    BYTES_LIST(1, st_msg_epochs, accts, ST_ACCT_LEN, 1, ST_EPOCHS_MAX),
};
static const struct st_schema epochs = SCHEMA("epochs", epochs_fields, st_msg_epochs);

static const struct st_field epochs_r_fields[] = {
    BYTES_LIST(1, st_msg_epochs_r, epochs, ST_EPOCH_LEN, 1, ST_EPOCHS_MAX),
};
static const struct st_schema epochs_r = SCHEMA("epochs_r", epochs_r_fields, st_msg_epochs_r);

static const struct st_field expose_key_fields[] = {
    RECORDS(1, st_msg_expose_key, keys, 1, ST_EXPOSE_MAX, &st_schema_exposed),
};
static const struct st_schema expose_key = SCHEMA("expose_key", expose_key_fields, st_msg_expose_key);

static const struct st_field expose_key_r_fields[] = {
    FIELD(1, st_msg_expose_key_r, stored, UINT, 0, ST_UINT_MAX),
};
static const struct st_schema expose_key_r = SCHEMA("expose_key_r", expose_key_r_fields, st_msg_expose_key_r);

static const struct st_field get_exposed_fields[] = {
    FIELD(1, st_msg_get_exposed, acct, BYTES, ST_ACCT_LEN, ST_ACCT_LEN),
    FIELD(2, st_msg_get_exposed, dev, UINT, 1, UINT32_MAX),
    FIELD(3, st_msg_get_exposed, hash, BYTES, ST_HASH_LEN, ST_HASH_LEN),
};
static const struct st_schema get_exposed = SCHEMA("get_exposed", get_exposed_fields, st_msg_get_exposed);

static const struct st_field get_exposed_r_fields[] = {
    FIELD(1, st_msg_get_exposed_r, key, BYTES, ST_KEY_LEN, ST_KEY_LEN),
};
static const struct st_schema get_exposed_r = SCHEMA("get_exposed_r", get_exposed_r_fields, st_msg_get_exposed_r);

static const struct st_field put_blob_fields[] = {
    FIELD(1, st_msg_put_blob, blob, BYTES, ST_BLOB_ID_LEN, ST_BLOB_ID_LEN),
    FIELD(2, st_msg_put_blob, size, UINT, 1, ST_BLOB_BYTES_MAX),
    FIELD(3, st_msg_put_blob, chunks, UINT, 1, ST_BLOB_CHUNKS_MAX),
};
static const struct st_schema put_blob = SCHEMA("put_blob", put_blob_fields, st_msg_put_blob);

static const struct st_field put_blob_r_fields[] = {
    FIELD(1, st_msg_put_blob_r, blob, BYTES, ST_BLOB_ID_LEN, ST_BLOB_ID_LEN),
    FIELD(2, st_msg_put_blob_r, there, BYTES, 0, ST_BLOB_BITMAP_MAX),
};
static const struct st_schema put_blob_r = SCHEMA("put_blob_r", put_blob_r_fields, st_msg_put_blob_r);

static const struct st_field put_chunk_fields[] = {
    FIELD(1, st_msg_put_chunk, blob, BYTES, ST_BLOB_ID_LEN, ST_BLOB_ID_LEN),
    FIELD(2, st_msg_put_chunk, index, UINT, 0, ST_BLOB_CHUNKS_MAX - 1),
    FIELD(3, st_msg_put_chunk, data, BYTES, 1, ST_BLOB_CHUNK_MAX),
};
static const struct st_schema put_chunk = SCHEMA("put_chunk", put_chunk_fields, st_msg_put_chunk);

static const struct st_field put_chunk_r_fields[] = {
    FIELD(1, st_msg_put_chunk_r, blob, BYTES, ST_BLOB_ID_LEN, ST_BLOB_ID_LEN),
    FIELD(2, st_msg_put_chunk_r, index, UINT, 0, ST_BLOB_CHUNKS_MAX - 1),
};
static const struct st_schema put_chunk_r = SCHEMA("put_chunk_r", put_chunk_r_fields, st_msg_put_chunk_r);

static const struct st_field get_blob_fields[] = {
    FIELD(1, st_msg_get_blob, blob, BYTES, ST_BLOB_ID_LEN, ST_BLOB_ID_LEN),
    FIELD(2, st_msg_get_blob, index, UINT, 0, ST_BLOB_CHUNKS_MAX - 1),
};
static const struct st_schema get_blob = SCHEMA("get_blob", get_blob_fields, st_msg_get_blob);

static const struct st_field get_blob_r_fields[] = {
    FIELD(1, st_msg_get_blob_r, blob, BYTES, ST_BLOB_ID_LEN, ST_BLOB_ID_LEN),
    FIELD(2, st_msg_get_blob_r, index, UINT, 0, ST_BLOB_CHUNKS_MAX - 1),
    FIELD(3, st_msg_get_blob_r, size, UINT, 1, ST_BLOB_BYTES_MAX),
    FIELD(4, st_msg_get_blob_r, chunks, UINT, 1, ST_BLOB_CHUNKS_MAX),
    FIELD(5, st_msg_get_blob_r, data, BYTES, 1, ST_BLOB_CHUNK_MAX),
};
static const struct st_schema get_blob_r = SCHEMA("get_blob_r", get_blob_r_fields, st_msg_get_blob_r);

const struct st_message_type st_client_messages[] = {
    { ST_PING, "client", &ping },
    { ST_PONG, "server", &pong },
    { ST_ERROR, "server", &error },
    { ST_BYE, "server", &bye },
    { ST_ENDPOINTS, "client", &endpoints },
    { ST_ENDPOINTS_R, "server", &endpoints_r },
    { ST_HELLO, "client", &hello },
    { ST_WELCOME, "server", &welcome },
    { ST_ADD_USER, "client", &add_user },
    { ST_ADD_USER_R, "server", &add_user_r },
    { ST_ADD_USER_FINISH, "client", &add_user_finish },
    { ST_ADD_USER_DONE, "server", &add_user_done },
    { ST_LOGIN, "client", &login },
    { ST_LOGIN_R, "server", &login_r },
    { ST_LOGIN_FINISH, "client", &login_finish },
    { ST_LOGIN_DONE, "server", &login_done },
    { ST_REMOVE_USER, "client", &remove_user },
    { ST_REMOVE_USER_R, "server", &remove_user_r },
    { ST_REMOVE_USER_FINISH, "client", &remove_user_finish },
    { ST_REMOVE_USER_DONE, "server", &remove_user_done },
    { ST_SET_PASSWORD, "client", &set_password },
    { ST_SET_PASSWORD_R, "server", &set_password_r },
    { ST_SET_PASSWORD_FINISH, "client", &set_password_finish },
    { ST_SET_PASSWORD_DONE, "server", &set_password_done },
    { ST_LOGOUT, "client", &logout },
    { ST_LOGOUT_R, "server", &logout_r },
    { ST_IS_USER, "client", &is_user },
    { ST_IS_USER_R, "server", &is_user_r },
    { ST_CONFIRM_CHAT, "client", &confirm_chat },
    { ST_CONFIRM_CHAT_R, "server", &confirm_chat_r },
    { ST_START_CHAT, "client", &start_chat },
    { ST_CHAT_CONFIRMED, "server", &chat_confirmed },
    { ST_CHAT_STARTED, "server", &chat_started },
    { ST_GET_LIST, "client", &get_list },
    { ST_LIST_R, "server", &list_r },
    { ST_PUT_LIST, "client", &put_list },
    { ST_PUT_LIST_R, "server", &put_list_r },
    { ST_LINK_OFFER, "client", &link_offer },
    { ST_LINK_OFFER_R, "server", &link_offer_r },
    { ST_LINK_GET, "client", &link_get },
    { ST_LINK_GET_R, "server", &link_get_r },
    { ST_MESSAGE, "client", &message },
    { ST_ACCEPTED, "server", &accepted },
    { ST_PUSH, "server", &push },
    { ST_ACK, "client", &ack },
    { ST_FETCH, "client", &fetch },
    { ST_EPOCHS, "client", &epochs },
    { ST_EPOCHS_R, "server", &epochs_r },
    { ST_EXPOSE_KEY, "client", &expose_key },
    { ST_EXPOSE_KEY_R, "server", &expose_key_r },
    { ST_GET_EXPOSED, "client", &get_exposed },
    { ST_GET_EXPOSED_R, "server", &get_exposed_r },
    { ST_PUT_BLOB, "client", &put_blob },
    { ST_PUT_BLOB_R, "server", &put_blob_r },
    { ST_PUT_CHUNK, "client", &put_chunk },
    { ST_PUT_CHUNK_R, "server", &put_chunk_r },
    { ST_GET_BLOB, "client", &get_blob },
    { ST_GET_BLOB_R, "server", &get_blob_r },
};
const size_t st_client_message_count = sizeof st_client_messages / sizeof st_client_messages[0];
