#include "services/auth/auth_throttle.h"

enum {
    BUCKET_MS = 10 * 1000, /* attempts are dated to within 10 s */
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    LET_THROUGH = 0x80 /* kind of the key that counts the attempts which went through */
};

/* How a counted limit counts: so many in a period. */
struct period {
    int64_t period_ms;
    uint32_t max;
};

static struct period period_of(const struct auth_limits *limits, enum auth_limit limit)
{
    switch (limit) {
    case AUTH_LIMIT_ADDRESS:
        return (struct period) { MINUTE_MS, limits->address_per_minute };
    case AUTH_LIMIT_PASSWORD:
        return (struct period) { HOUR_MS, limits->passwords_per_hour };
    case AUTH_LIMIT_LOOKUP:
        return (struct period) { HOUR_MS, limits->lookups_per_hour };
    case AUTH_LIMIT_LIST:
        return (struct period) { HOUR_MS, limits->lists_per_hour };
    case AUTH_LIMIT_LIST_CHANGE:
        return (struct period) { HOUR_MS, limits->list_changes_per_hour };
    case AUTH_LIMIT_BUNDLE:
        return (struct period) { HOUR_MS, limits->bundles_per_hour };
    case AUTH_LIMIT_OPK:
        return (struct period) { HOUR_MS, limits->opks_per_hour };
    case AUTH_LIMIT_OFFER:
        return (struct period) { HOUR_MS, limits->link_offers_per_hour };
    case AUTH_LIMIT_LOGIN:
    case AUTH_LIMIT_REGISTER:
    case AUTH_LIMIT_REMOVE:
        break; /* attempts are counted otherwise */
    }
    return (struct period) { HOUR_MS, 0 };
}

/* The end of the period that `now_ms` lies in. */
static int64_t end_of(int64_t now_ms, int64_t period_ms)
{
    return (now_ms / period_ms + 1) * period_ms;
}

static uint64_t seconds_until(int64_t now_ms, int64_t then_ms)
{
    return then_ms <= now_ms ? 1 : (uint64_t)(then_ms - now_ms + 999) / 1000;
}

enum st_err auth_throttle_count(const struct auth_throttle *throttle, enum auth_limit limit, struct st_view subject,
                                uint64_t *retry_s_r)
{
    uint8_t key[ST_HASH_LEN];
    uint64_t count;
    *retry_s_r = 0;
    if (throttle->limits->off)
        return ST_OK;
    struct period period = period_of(throttle->limits, limit);
    int64_t end_ms = end_of(throttle->now_ms, period.period_ms);
    auth_secrets_hash(key, throttle->secrets, AUTH_PURPOSE_THROTTLE, (uint8_t)limit, subject);
    enum st_err err = auth_store_throttle_hit(throttle->store, key, end_ms, &count);
    if (err != ST_OK || count <= period.max)
        return err;
    *retry_s_r = seconds_until(throttle->now_ms, end_ms);
    return ST_ELIMIT;
}

/* The time that is looked back at, and a minute ahead, for the clocks of other auths; what lies further ahead was
 * counted by a wrong clock, and must not lock anybody out until then. */
static struct auth_span since(int64_t now_ms, int64_t length_ms)
{
    return (struct auth_span) { now_ms - length_ms, now_ms + MINUTE_MS };
}

/* The wait between two attempts when so many beyond the free ones were made lately. */
static int64_t wait_ms(uint64_t excess)
{
    static const int64_t minutes[] = { 1, 2, 4, 8, 15 };
    uint64_t step = (excess - 1) / 2;
    return minutes[step < 4 ? step : 4] * MINUTE_MS;
}

enum st_err auth_throttle_attempt(const struct auth_throttle *throttle, enum auth_limit limit, struct st_view subject,
                                  uint64_t *retry_s_r)
{
    uint8_t all[ST_HASH_LEN];
    uint8_t through[ST_HASH_LEN];
    uint64_t count;
    int64_t newest_ms;
    *retry_s_r = 0;
    if (throttle->limits->off)
        return ST_OK;
    int64_t now_ms = throttle->now_ms;
    int64_t bucket_ms = end_of(now_ms, BUCKET_MS);
    int64_t window_ms = (int64_t)throttle->limits->attempts_window_s * 1000;
    uint64_t free_count = throttle->limits->attempts_free;
    auth_secrets_hash(all, throttle->secrets, AUTH_PURPOSE_THROTTLE, (uint8_t)limit, subject);
    auth_secrets_hash(through, throttle->secrets, AUTH_PURPOSE_THROTTLE, (uint8_t)(LET_THROUGH | limit), subject);

    enum st_err err = auth_store_throttle_hit(throttle->store, all, bucket_ms, &count);
    if (err == ST_OK)
        err = auth_store_throttle_recent(throttle->store, all, since(now_ms, window_ms), &count, &newest_ms);
    if (err != ST_OK)
        return err;
    if (count > free_count) {
        int64_t gap_ms = wait_ms(count - free_count);
        err = auth_store_throttle_recent(throttle->store, through, since(now_ms, gap_ms), &count, &newest_ms);
        if (err != ST_OK)
            return err;
        if (count > 0) {
            *retry_s_r = seconds_until(now_ms, newest_ms + gap_ms);
            return ST_ELIMIT;
        }
    }
    return auth_store_throttle_hit(throttle->store, through, bucket_ms, &count);
}

enum st_err auth_throttle_forget(const struct auth_throttle *throttle, enum auth_limit limit, struct st_view subject)
{
    uint8_t key[ST_HASH_LEN];
    if (throttle->limits->off)
        return ST_OK;
    auth_secrets_hash(key, throttle->secrets, AUTH_PURPOSE_THROTTLE, (uint8_t)limit, subject);
    enum st_err err = auth_store_throttle_clear(throttle->store, key);
    if (err != ST_OK)
        return err;
    auth_secrets_hash(key, throttle->secrets, AUTH_PURPOSE_THROTTLE, (uint8_t)(LET_THROUGH | limit), subject);
    return auth_store_throttle_clear(throttle->store, key);
}
