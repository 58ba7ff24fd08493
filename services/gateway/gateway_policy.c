#include "services/gateway/gateway_policy.h"

#define E GATEWAY_WHERE_ENROL
#define A GATEWAY_WHERE_ACTIVE
#define P GATEWAY_WHERE_PENDING

#define ROW(type_, where_, to_, class_, pin_)                                                                          \
    {                                                                                                                  \
        .type = ST_##type_, .where = (where_), .to = GATEWAY_TO_##to_, .class = GATEWAY_CLASS_##class_,                \
        .pin = GATEWAY_PIN_##pin_                                                                                      \
    }

/* By rising type. */
static const struct gateway_request_row requests[] = {
    ROW(PING, A | P, SELF, ACKS, NONE),
    ROW(ENDPOINTS, E, AUTH, FRAMES, NONE),
    ROW(HELLO, A | P, SELF, FRAMES, NONE),

    ROW(ADD_USER, E, AUTH, KE1, NONE),
    ROW(ADD_USER_FINISH, E, AUTH, FRAMES, NONE),
    ROW(LOGIN, E, AUTH, KE1, SET),
    ROW(LOGIN_FINISH, E, AUTH, FRAMES, USE),
    ROW(REMOVE_USER, A, AUTH, KE1, SET),
    ROW(REMOVE_USER_FINISH, A, AUTH, FRAMES, USE),
    ROW(SET_PASSWORD, A, AUTH, FRAMES, NONE),
    ROW(SET_PASSWORD_FINISH, A, AUTH, FRAMES, NONE),
    ROW(LOGOUT, A | P, AUTH, FRAMES, NONE),

    ROW(IS_USER, A, AUTH, FRAMES, NONE),
    ROW(CONFIRM_CHAT, A, AUTH, FRAMES, NONE),
    ROW(START_CHAT, A, AUTH, FRAMES, NONE),
    ROW(GET_LIST, A | P, AUTH, FRAMES, NONE),
    ROW(PUT_LIST, A, AUTH, FRAMES, NONE),
    ROW(LINK_OFFER, P, AUTH, FRAMES, NONE),
    ROW(LINK_GET, A, AUTH, FRAMES, NONE),

    ROW(MESSAGE, A, RECIPIENT, FRAMES, NONE),
    ROW(ACK, A, OWN_RELAY, ACKS, NONE),
    ROW(FETCH, A, OWN_RELAY, FRAMES, NONE),
    ROW(EPOCHS, A, OWN_RELAY, FRAMES, NONE),
    ROW(EXPOSE_KEY, A, OWN_RELAY, FRAMES, NONE),
    ROW(GET_EXPOSED, A, OWN_RELAY, FRAMES, NONE),
    ROW(PUT_BLOB, A, OWN_RELAY, FRAMES, NONE),
    ROW(PUT_CHUNK, A, OWN_RELAY, CHUNK_IN, NONE),
    ROW(GET_BLOB, A, OWN_RELAY, CHUNK_OUT, NONE),
};

struct answer_row {
    uint8_t type;
    uint8_t roles; /* set: bit of enum gateway_role */
    uint8_t where;
};

#define AUTH  (1u << GATEWAY_AUTH)
#define RELAY (1u << GATEWAY_RELAY)

/* By rising type. What only the gateway itself says (pong, bye, welcome) has no row. */
static const struct answer_row answers[] = {
    { ST_ERROR, AUTH | RELAY, E | A | P },
    { ST_ENDPOINTS_R, AUTH, E },
    { ST_ADD_USER_R, AUTH, E },
    { ST_ADD_USER_DONE, AUTH, E },
    { ST_LOGIN_R, AUTH, E },
    { ST_LOGIN_DONE, AUTH, E },
    { ST_REMOVE_USER_R, AUTH, A },
    { ST_REMOVE_USER_DONE, AUTH, A },
    { ST_SET_PASSWORD_R, AUTH, A },
    { ST_SET_PASSWORD_DONE, AUTH, A },
    { ST_LOGOUT_R, AUTH, A | P },
    { ST_IS_USER_R, AUTH, A },
    { ST_CONFIRM_CHAT_R, AUTH, A },
    { ST_CHAT_CONFIRMED, AUTH, A },
    { ST_CHAT_STARTED, RELAY, A },
    { ST_LIST_R, AUTH, A | P },
    { ST_PUT_LIST_R, AUTH, A },
    { ST_LINK_OFFER_R, AUTH, P },
    { ST_LINK_GET_R, AUTH, A },
    { ST_ACCEPTED, RELAY, A },
    { ST_PUSH, RELAY, A },
    { ST_EPOCHS_R, RELAY, A },
    { ST_EXPOSE_KEY_R, RELAY, A },
    { ST_GET_EXPOSED_R, RELAY, A },
    { ST_PUT_BLOB_R, RELAY, A },
    { ST_PUT_CHUNK_R, RELAY, A },
    { ST_GET_BLOB_R, RELAY, A },
};

static const struct answer_row internals[] = {
    { ST_SVC_PONG, AUTH | RELAY, 0 },
    { ST_TK_CHECK_R, AUTH, 0 },
    { ST_REVOKE, AUTH, 0 },
    { ST_PURGE_REQ, AUTH, 0 },
    { ST_BOXES_SET_R, RELAY, 0 },
    { ST_PURGE_R, RELAY, 0 },
    { ST_ATTACH_R, RELAY, 0 },
    { ST_ALIVE_R, RELAY, 0 },
    { ST_WAKE, RELAY, 0 },
    { ST_DROP, RELAY, 0 },
    { ST_NOTIFY, AUTH, 0 },
};

static const struct answer_row *find(const struct answer_row *rows, size_t count, uint8_t type)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].type == type)
            return &rows[i];
    return NULL;
}

const struct gateway_request_row *gateway_policy_request(uint8_t type)
{
    size_t low = 0;
    size_t count = sizeof requests / sizeof requests[0];
    while (low < count) {
        size_t mid = low + (count - low) / 2;
        if (requests[mid].type == type)
            return &requests[mid];
        if (requests[mid].type < type)
            low = mid + 1;
        else
            count = mid;
    }
    return NULL;
}

bool gateway_policy_answer(uint8_t type, enum gateway_role role, enum gateway_where where)
{
    const struct answer_row *row = find(answers, sizeof answers / sizeof answers[0], type);
    return row != NULL && (row->roles & (1u << role)) != 0 && (row->where & where) != 0;
}

bool gateway_policy_internal(uint8_t type, enum gateway_role role)
{
    const struct answer_row *row = find(internals, sizeof internals / sizeof internals[0], type);
    return row != NULL && (row->roles & (1u << role)) != 0;
}

const struct gateway_request_row *gateway_policy_requests(size_t *count_r)
{
    *count_r = sizeof requests / sizeof requests[0];
    return requests;
}
