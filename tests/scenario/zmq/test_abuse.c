/* Goal: what one peer does to libzmq costs at most that peer's connection (ARCHITECTURE 9): squatted routing ids,
 * endless messages, silent and dripping peers, too many connections. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/st_bytes.h"
#include "tests/scenario/zmq/gate.h"
#include "tests/scenario/zmq/raw_curve.h"

enum { MIB = 1024 * 1024 };

/* What AddressSanitizer keeps back of freed memory would count as the gateway's. */
#ifdef __SANITIZE_ADDRESS__
enum { RSS_EXTRA = 400 * MIB };
#else
enum { RSS_EXTRA = 0 };
#endif

/* The routing ids that an unseeded libzmq would give out next: 00 and a counter that starts at rand() | rand() << 31.
 * Whoever connects with one of them before an honest client does makes the ROUTER abort. */
static void squat(uint8_t rid[static 5], uint32_t start, uint32_t n)
{
    rid[0] = 0;
    st_put_u32(rid + 1, start + n);
}

static void squatted_routing_ids__abort_nothing(void **state)
{
    enum { SOCKETS = 10, IDS = 12, HONEST = 20 };
    static const struct gate_options options = { 0 };
    struct gate gate;
    uint32_t starts[SOCKETS];
    void *squatters[SOCKETS * IDS];
    size_t count = 0;
    (void)state;
    srand(1); /* what a process has that never seeds. check: allow srand (plays libzmq's own part) */
    for (int i = 0; i < SOCKETS; i++) {
        uint32_t low = (uint32_t)rand();          /* check: allow rand (as above) */
        starts[i] = low | (uint32_t)rand() << 31; /* check: allow rand (as above) */
    }
    srand(1); /* check: allow srand (as above) */
    gate_open(&gate, &options);
    for (int i = 0; i < SOCKETS; i++)
        for (uint32_t n = 0; n < IDS; n++) {
            uint8_t rid[5];
            squat(rid, starts[i], n);
            squatters[count] = gate_client(&gate, true, NULL, rid, sizeof rid);
            struct st_msg_hello hello = { 0 };
            assert_true(gate_say(squatters[count], ST_HELLO, &hello));
            count++;
        }
    assert_int_equal(gate_hear(squatters[0], 10000), ST_WELCOME);
    for (int i = 0; i < HONEST; i++) {
        void *client = gate_client(&gate, true, NULL, NULL, 0);
        assert_int_equal(gate_hello(client, 10000), ST_WELCOME);
        zmq_close(client);
    }
    for (size_t i = 0; i < count; i++)
        zmq_close(squatters[i]);
    assert_true(gate_wait(&gate.connections, 0, 5000));
    gate_close(&gate);
}

static void routing_id__of_another_client_is_not_taken_over(void **state)
{
    static const struct gate_options options = { 0 };
    struct gate gate;
    struct st_msg_fetch fetch = { 0 };
    (void)state;
    gate_open(&gate, &options);
    void *first = gate_client(&gate, true, NULL, "\0abcd", 5);
    assert_int_equal(gate_hello(first, 3000), ST_WELCOME);
    void *second = gate_client(&gate, true, NULL, "\0abcd", 5);
    assert_int_equal(gate_hello(second, 1000), 0); /* parked by libzmq, unheard */
    for (int i = 0; i < 10; i++) {
        assert_true(gate_say(first, ST_FETCH, &fetch));
        assert_int_equal(gate_hear(first, 3000), ST_ERROR);
        assert_int_equal(gate_hear(second, 0), 0);
    }
    zmq_close(first);
    zmq_close(second);
    gate_close(&gate);
}

/* ---- endless messages ---- */

/* In a child, so that its memory is not ours: one message whose frames never end. Exits with the MiB it got rid of
 * before its connection ended, 255 if it was not ended. */
static int flood(const char *endpoint, const uint8_t *server_key, size_t frame_len, size_t total)
{
    static uint8_t bytes[65536];
    struct raw_curve raw;
    int fd = gate_tcp(endpoint);
    size_t sent = 0;
    if (fd < 0)
        return 254;
    raw_curve_init(&raw, fd, server_key);
    if (!raw_curve_handshake(&raw, NULL, NULL, 0))
        return 253;
    while (sent < total && raw_curve_send(&raw, bytes, frame_len, true))
        sent += frame_len;
    return sent >= total ? 255 : (int)(sent / MIB);
}

/* Floods one endpoint, watches memory and an honest client meanwhile. Returns the MiB that got through. */
static int flooded(bool device, size_t frame_len, size_t rss_max)
{
    static const struct gate_options options = { 0 };
    static struct gate gate; /* a failed check must not leave its threads without it */
    struct st_msg_fetch fetch = { 0 };
    struct st_msg_endpoints endpoints = { 0 };
    int ready[2], status = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork(); /* before there is a context */
    assert_true(child >= 0);
    if (child == 0) {
        char endpoint[64];
        uint8_t key[32];
        if (read(ready[0], endpoint, sizeof endpoint) != sizeof endpoint || read(ready[0], key, sizeof key) != 32)
            _exit(252);
        _exit(flood(endpoint, key, frame_len, 150 * (size_t)MIB));
    }
    gate_open(&gate, &options);
    void *client = gate_client(&gate, device, NULL, NULL, 0);
    if (device)
        assert_int_equal(gate_hello(client, 3000), ST_WELCOME);
    size_t before = gate_rss();
    size_t peak = before;
    assert_int_equal(write(ready[1], device ? gate.device : gate.enrol, 64), 64);
    assert_int_equal(write(ready[1], device ? gate.device_key : gate.enrol_key, 32), 32);
    int64_t slowest_ms = 0;
    pid_t ended = 0;
    for (int64_t end_ms = gate_now_ms() + 60000; ended == 0 && gate_now_ms() < end_ms;) {
        int64_t start_ms = gate_now_ms();
        assert_true(device ? gate_say(client, ST_FETCH, &fetch) : gate_say(client, ST_ENDPOINTS, &endpoints));
        assert_int_equal(gate_hear(client, 5000), ST_ERROR); /* others are served */
        slowest_ms = gate_now_ms() - start_ms > slowest_ms ? gate_now_ms() - start_ms : slowest_ms;
        peak = gate_rss() > peak ? gate_rss() : peak;
        gate_sleep_ms(10);
        ended = waitpid(child, &status, WNOHANG);
    }
    assert_int_equal(ended, child);
    print_message("frames of %zu bytes: %d MiB sent, memory rose by %zu MiB, slowest answer %lld ms\n", frame_len,
                  WEXITSTATUS(status), (peak - before) / MIB, (long long)slowest_ms);
    assert_true(peak - before < rss_max + RSS_EXTRA);
    assert_true(gate_wait(&gate.connections, 1, 5000));
    zmq_close(client);
    gate_close(&gate);
    close(ready[0]);
    close(ready[1]);
    return WEXITSTATUS(status);
}

static void endless_message__on_enrol_is_cut(void **state)
{
    (void)state;
    assert_in_range(flooded(false, 4000, 100 * (size_t)MIB), 0, 100);
    assert_in_range(flooded(false, 100, 100 * (size_t)MIB), 0, 100);
}

static void endless_message__on_device_is_cut(void **state)
{
    (void)state;
    assert_in_range(flooded(true, 65536, 150 * (size_t)MIB), 8, 149);
}

/* ---- peers that do not talk ---- */

static void silent_and_dripping_peers__end_at_the_handshake_limit(void **state)
{
    static const struct gate_options options = { .handshake_ms = 1000 };
    static const uint8_t greeting[64] = { 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'C', 'U', 'R', 'V', 'E' };
    struct gate gate;
    (void)state;
    gate_open(&gate, &options);
    const char *const endpoints[] = { gate.enrol, gate.device };
    for (int i = 0; i < 2; i++) {
        for (size_t len = 0; len <= sizeof greeting; len += len < 2 ? 1 : 62) {
            int fd = gate_tcp(endpoints[i]);
            assert_true(fd >= 0);
            if (len > 0)
                assert_int_equal(write(fd, greeting, len), (ssize_t)len);
            assert_in_range(gate_closed_after(fd, 4000), 700, 1800);
            close(fd);
        }
        int fd = gate_tcp(endpoints[i]);
        int64_t start_ms = gate_now_ms(), ended_ms = -1;
        for (size_t n = 0; n < sizeof greeting && ended_ms < 0; n++) {
            assert_true(send(fd, greeting + n, 1, MSG_NOSIGNAL) == 1 || errno == EPIPE || errno == ECONNRESET);
            if (gate_closed_after(fd, 60) >= 0)
                ended_ms = gate_now_ms() - start_ms;
        }
        assert_in_range(ended_ms, 700, 1800);
        close(fd);
    }
    assert_true(gate_wait(&gate.connections, 0, 3000));
    gate_close(&gate);
}

static void who_shakes_hands_and_says_nothing__is_cut(void **state)
{
    static const struct gate_options options = { .handshake_ms = 1000 };
    struct gate gate;
    struct raw_curve raw;
    (void)state;
    gate_open(&gate, &options);
    raw_curve_init(&raw, gate_tcp(gate.device), gate.device_key);
    assert_true(raw_curve_handshake(&raw, NULL, NULL, 0));
    assert_in_range(gate_closed_after(raw.fd, 20000), 13000, 17000);
    close(raw.fd);
    gate_close(&gate);
}

static void own_user_id_in_a_curve_handshake__is_overruled(void **state)
{
    static const struct gate_options options = { 0 };
    struct gate gate;
    struct raw_curve raw;
    (void)state;
    gate_open(&gate, &options);
    void *victim = gate_client(&gate, true, NULL, NULL, 0);
    assert_int_equal(gate_hello(victim, 3000), ST_WELCOME);
    assert_true(gate_wait(&gate.sessions, 1, 1000));
    raw_curve_init(&raw, gate_tcp(gate.device), gate.device_key);
    assert_true(raw_curve_handshake(&raw, "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", NULL, 0));
    static const uint8_t hello[] = { 1, ST_HELLO, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80 };
    assert_true(raw_curve_send(&raw, hello, sizeof hello, false));
    assert_true(gate_wait(&gate.sessions, 2, 3000)); /* a session of its own key, not of that one */
    close(raw.fd);
    assert_true(gate_wait(&gate.sessions, 1, 3000));
    zmq_close(victim);
    gate_close(&gate);
}

/* ---- many connections ---- */

static void connections__beyond_the_caps_are_cut_and_leave_nothing(void **state)
{
    enum { TRIES = 300, CAP = 40 };
    static const struct gate_options options = { .handshake_ms = 1000, .per_address = CAP };
    struct gate gate;
    int fds[TRIES];
    unsigned open = 0;
    (void)state;
    gate_open(&gate, &options);
    void *client = gate_client(&gate, true, NULL, NULL, 0);
    assert_int_equal(gate_hello(client, 3000), ST_WELCOME);
    unsigned before = gate_fds();
    for (int i = 0; i < TRIES; i++)
        fds[i] = gate_tcp(gate.enrol);
    gate_sleep_ms(300);
    assert_true(atomic_load(&gate.connections) <= CAP + 1);
    assert_int_equal(atomic_load(&gate.cuts), TRIES - CAP);
    for (int i = 0; i < TRIES; i++) {
        open += fds[i] >= 0 && gate_closed_after(fds[i], 1) < 0;
        close(fds[i]);
    }
    assert_in_range(open, 0, CAP);
    assert_true(gate_wait(&gate.connections, 1, 3000));
    /* An address that was full has room again. */
    void *enrol = gate_client(&gate, false, NULL, NULL, 0);
    struct st_msg_endpoints endpoints = { 0 };
    assert_true(gate_say(enrol, ST_ENDPOINTS, &endpoints));
    assert_int_equal(gate_hear(enrol, 5000), ST_ERROR);
    zmq_close(enrol);
    assert_true(gate_wait(&gate.connections, 1, 3000));
    assert_in_range(gate_fds(), before - 2, before + 2);
    zmq_close(client);
    gate_close(&gate);
}

static void connections__come_and_go_without_leaks(void **state)
{
    static const struct gate_options options = { 0 };
    struct gate gate;
    unsigned before = 0;
    (void)state;
    gate_open(&gate, &options);
    for (int round = 0; round < 5; round++) {
        void *clients[20];
        for (int i = 0; i < 20; i++)
            clients[i] = gate_client(&gate, i % 2 == 0, NULL, NULL, 0);
        for (int i = 0; i < 20; i += 2)
            assert_int_equal(gate_hello(clients[i], 5000), ST_WELCOME);
        for (int i = 0; i < 20; i++)
            zmq_close(clients[i]);
        assert_true(gate_wait(&gate.connections, 0, 5000));
        assert_true(gate_wait(&gate.sessions, 0, 1000));
        gate_sleep_ms(100);
        if (round == 0)
            before = gate_fds();
    }
    assert_in_range(gate_fds(), before - 3, before + 3);
    gate_close(&gate);
}

static void last_words__of_a_client_that_leaves_at_once_are_heard(void **state)
{
    enum { CLIENTS = 40 };
    static const struct gate_options options = { 0 };
    struct gate gate;
    struct st_msg_fetch fetch = { 0 };
    int linger_ms = 5000;
    (void)state;
    gate_open(&gate, &options);
    for (int i = 0; i < CLIENTS; i++) {
        void *client = gate_client(&gate, true, NULL, NULL, 0);
        assert_int_equal(zmq_setsockopt(client, ZMQ_LINGER, &linger_ms, sizeof linger_ms), 0);
        assert_int_equal(gate_hello(client, 3000), ST_WELCOME);
        assert_true(gate_say(client, ST_FETCH, &fetch));
        zmq_close(client);
    }
    assert_true(gate_wait(&gate.connections, 0, 5000));
    for (int i = 0; i < 100 && atomic_load(&gate.forwarded) < CLIENTS; i++)
        gate_sleep_ms(20); /* the last one may still be on its way to the relay */
    assert_int_equal(atomic_load(&gate.forwarded), CLIENTS);
    gate_close(&gate);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* a raw peer may be cut off while it writes */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endless_message__on_enrol_is_cut),
        cmocka_unit_test(endless_message__on_device_is_cut),
        cmocka_unit_test(squatted_routing_ids__abort_nothing),
        cmocka_unit_test(routing_id__of_another_client_is_not_taken_over),
        cmocka_unit_test(silent_and_dripping_peers__end_at_the_handshake_limit),
        cmocka_unit_test(who_shakes_hands_and_says_nothing__is_cut),
        cmocka_unit_test(own_user_id_in_a_curve_handshake__is_overruled),
        cmocka_unit_test(connections__beyond_the_caps_are_cut_and_leave_nothing),
        cmocka_unit_test(connections__come_and_go_without_leaks),
        cmocka_unit_test(last_words__of_a_client_that_leaves_at_once_are_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
