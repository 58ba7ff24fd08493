#include "services/auth/store_sqlite_db.h"

#define ACCOUNT "acct, name, state, ak, record, list_seq, next_dev, flags, created, last_seen"
#define DEVICE  "acct, dev, state, tk, dsk, dik, name, spk_id, spk, spk_sig, spk_created, opk_hi, last_seen"
#define OFFER   "acct, dev, dsk, dik, accept_sig, tag, name, expires"
#define INVITE  "code_hash, uses, uses_left, name, expires, creator"

const char *const auth_sql_texts[AUTH_SQL_COUNT] = {
    [AUTH_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [AUTH_SQL_COMMIT] = "COMMIT",
    [AUTH_SQL_ROLLBACK] = "ROLLBACK",
    [AUTH_SQL_MARK] = "SAVEPOINT request",
    [AUTH_SQL_RELEASE] = "RELEASE request",
    [AUTH_SQL_REWIND] = "ROLLBACK TO request",

    [AUTH_SQL_ACCOUNT_INSERT] = "INSERT INTO account (" ACCOUNT ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [AUTH_SQL_ACCOUNT_BY_NAME] = "SELECT " ACCOUNT " FROM account WHERE name = ?",
    [AUTH_SQL_ACCOUNT_BY_ID] = "SELECT " ACCOUNT " FROM account WHERE acct = ?",
    [AUTH_SQL_ACCOUNT_UPDATE] = "UPDATE account SET state = ?, record = ?, list_seq = ?, next_dev = ?, flags = ?, "
                                "last_seen = ? WHERE acct = ? AND list_seq <= ?",
    [AUTH_SQL_ACCOUNT_SEEN] = "UPDATE account SET last_seen = ? WHERE acct = ?",
    [AUTH_SQL_ACCOUNT_ERASE] = "DELETE FROM account WHERE acct = ?",
    [AUTH_SQL_ACCOUNT_COUNT] = "SELECT COUNT(*) FROM account WHERE state <> 3",
    [AUTH_SQL_TOMBSTONE_PUT] = "INSERT INTO tombstone (name_hash, at) VALUES (?, ?) ON CONFLICT (name_hash) DO NOTHING",
    [AUTH_SQL_TOMBSTONE_GET] = "SELECT at FROM tombstone WHERE name_hash = ?",

    [AUTH_SQL_DEVICE_INSERT] = "INSERT INTO device (" DEVICE ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [AUTH_SQL_DEVICE_GET] = "SELECT " DEVICE " FROM device WHERE acct = ? AND dev = ?",
    [AUTH_SQL_DEVICE_BY_TK] = "SELECT " DEVICE " FROM device WHERE tk = ?",
    [AUTH_SQL_DEVICE_ALL] = "SELECT " DEVICE " FROM device WHERE acct = ? ORDER BY dev",
    [AUTH_SQL_DEVICE_UPDATE] = "UPDATE device SET state = ?, tk = ?, dsk = ?, dik = ?, name = ?, spk_id = ?, spk = ?, "
                               "spk_sig = ?, spk_created = ?, opk_hi = ?, last_seen = ? WHERE acct = ? AND dev = ?",
    [AUTH_SQL_DEVICE_DELETE] = "DELETE FROM device WHERE acct = ? AND dev = ?",
    [AUTH_SQL_DEVICE_SEEN] = "UPDATE device SET last_seen = ? WHERE acct = ? AND dev = ?",
    [AUTH_SQL_SESSION_GET] = "SELECT d.acct, d.dev, a.state, d.state, d.last_seen, l.seq, l.body, "
                             "(SELECT COUNT(*) FROM opk o WHERE o.acct = d.acct AND o.dev = d.dev) "
                             "FROM device d JOIN account a ON a.acct = d.acct "
                             "LEFT JOIN device_list l ON l.acct = a.acct AND l.seq = a.list_seq WHERE d.tk = ?",

    [AUTH_SQL_LIST_PUT] = "INSERT INTO device_list (acct, seq, body) VALUES (?, ?, ?)",
    [AUTH_SQL_LIST_GET] = "SELECT seq, body FROM device_list WHERE acct = ? AND seq = ?",

    [AUTH_SQL_OPK_PUT] = "INSERT INTO opk (acct, dev, opk_id, pub) VALUES (?, ?, ?, ?)",
    [AUTH_SQL_OPK_COUNT] = "SELECT COUNT(*) FROM opk WHERE acct = ? AND dev = ?",
    [AUTH_SQL_OPK_FIRST] = "SELECT opk_id, pub FROM opk WHERE acct = ? AND dev = ? ORDER BY opk_id LIMIT 1",
    [AUTH_SQL_OPK_DELETE] = "DELETE FROM opk WHERE acct = ? AND dev = ? AND opk_id = ?",
    [AUTH_SQL_GRANT_INSERT] = "INSERT INTO opk_grant (target, dev, requester, day, nonce, opk_id, pub) "
                              "VALUES (?, ?, ?, ?, ?, ?, ?)",
    [AUTH_SQL_GRANT_GET] = "SELECT nonce, opk_id, pub FROM opk_grant "
                           "WHERE target = ? AND dev = ? AND requester = ? AND day = ?",
    [AUTH_SQL_GRANT_TARGETS] = "SELECT COUNT(DISTINCT CASE WHEN target = ?1 OR target = ?2 THEN NULL ELSE target END), "
                               "COUNT(CASE WHEN target = ?1 THEN 1 ELSE NULL END) "
                               "FROM opk_grant WHERE requester = ?2 AND day = ?3",

    [AUTH_SQL_OFFER_PUT] = "INSERT INTO link_offer (" OFFER ") VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                           "ON CONFLICT (acct, dev) DO UPDATE SET dsk = excluded.dsk, dik = excluded.dik, "
                           "accept_sig = excluded.accept_sig, tag = excluded.tag, name = excluded.name, "
                           "expires = excluded.expires",
    [AUTH_SQL_OFFER_ALL] = "SELECT " OFFER " FROM link_offer WHERE acct = ? AND expires > ? ORDER BY dev LIMIT ?",
    [AUTH_SQL_OFFER_DELETE] = "DELETE FROM link_offer WHERE acct = ? AND dev = ?",

    [AUTH_SQL_INVITE_INSERT] = "INSERT INTO invite (" INVITE ") VALUES (?, ?, ?, ?, ?, ?)",
    [AUTH_SQL_INVITE_GET] = "SELECT " INVITE " FROM invite WHERE code_hash = ?",
    [AUTH_SQL_INVITE_USE] = "UPDATE invite SET uses_left = uses_left - 1 WHERE code_hash = ? AND uses_left > 0",

    [AUTH_SQL_THROTTLE_HIT] = "INSERT INTO throttle (k, win, n) VALUES (?, ?, 1) "
                              "ON CONFLICT (k, win) DO UPDATE SET n = n + 1",
    [AUTH_SQL_THROTTLE_GET] = "SELECT n FROM throttle WHERE k = ? AND win = ?",
    [AUTH_SQL_THROTTLE_RECENT] = "SELECT COALESCE(SUM(n), 0), COALESCE(MAX(win), 0) FROM throttle "
                                 "WHERE k = ? AND win > ? AND win <= ?",
    [AUTH_SQL_THROTTLE_CLEAR] = "DELETE FROM throttle WHERE k = ?",

    [AUTH_SQL_ERASE_INSERT] = "INSERT INTO erase_job (acct, devs, next_at, tries) VALUES (?, ?, ?, ?)",
    [AUTH_SQL_ERASE_DUE] = "SELECT acct, devs, next_at, tries FROM erase_job WHERE next_at <= ? "
                           "ORDER BY next_at, acct LIMIT 1",
    [AUTH_SQL_ERASE_LATER] = "UPDATE erase_job SET next_at = ?, tries = ? WHERE acct = ?",
    [AUTH_SQL_ERASE_DONE] = "DELETE FROM erase_job WHERE acct = ?",

    [AUTH_SQL_AUDIT] = "INSERT INTO audit (at, who, what) VALUES (?, ?, ?)",
    [AUTH_SQL_SETTING_GET] = "SELECT v FROM setting WHERE k = ?",
    [AUTH_SQL_SETTING_PUT] = "INSERT INTO setting (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v",

    [AUTH_SQL_SWEEP + AUTH_SWEEP_THROTTLE] = "DELETE FROM throttle WHERE (k, win) IN "
                                             "(SELECT k, win FROM throttle WHERE win < ? LIMIT ?)",
    [AUTH_SQL_SWEEP + AUTH_SWEEP_GRANTS] = "DELETE FROM opk_grant WHERE (target, dev, requester, day) IN "
                                           "(SELECT target, dev, requester, day FROM opk_grant WHERE day < ? LIMIT ?)",
    [AUTH_SQL_SWEEP + AUTH_SWEEP_OFFERS] = "DELETE FROM link_offer WHERE (acct, dev) IN "
                                           "(SELECT acct, dev FROM link_offer WHERE expires < ? LIMIT ?)",
    [AUTH_SQL_SWEEP + AUTH_SWEEP_INVITES] = "DELETE FROM invite WHERE code_hash IN "
                                            "(SELECT code_hash FROM invite WHERE expires < ? LIMIT ?)",
    [AUTH_SQL_SWEEP + AUTH_SWEEP_PENDING] = "DELETE FROM device WHERE (acct, dev) IN "
                                            "(SELECT acct, dev FROM device WHERE state = 2 AND last_seen < ? LIMIT ?)",
    [AUTH_SQL_SWEEP + AUTH_SWEEP_UNSEEN] =
        "UPDATE device SET tk = NULL WHERE (acct, dev) IN "
        "(SELECT acct, dev FROM device WHERE state = 1 AND last_seen < ? AND tk IS NOT NULL LIMIT ?)",
};
