/* Goal: nobody gets in but by our own ZAP handler's word (ARCHITECTURE 9, findings 1 to 3), however late, absent or
 * negative auth's answer is (PROTOCOL 4). */
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "services/gateway/gateway_sockets.h"
#include "tests/scenario/zmq/gate.h"

enum {
    HANDSHAKE_EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                       ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
};

/* Our own socket options, with and without somebody to ask. */
static int event_of_a_handshake(bool handler, bool close_handler)
{
    struct gate gate = { .zmq = zmq_ctx_new() };
    struct gateway_listen listen = { .endpoint = "tcp://127.0.0.1:*" };
    struct gateway_sockets_client made = { 0 };
    char public_text[41], secret_text[41];
    assert_int_equal(zmq_curve_keypair(public_text, secret_text), 0);
    assert_non_null(zmq_z85_decode(listen.secret_key, secret_text));
    assert_non_null(zmq_z85_decode(gate.device_key, public_text));
    void *zap = handler ? gateway_sockets_zap(gate.zmq) : NULL;
    if (handler)
        assert_int_equal(zmq_bind(zap, "inproc://zeromq.zap.01"), 0);
    assert_int_equal(gateway_sockets_client(gate.zmq, GATEWAY_DEVICE, &listen, 2000, &made), 0);
    memcpy(gate.device, made.bound, sizeof gate.device);
    if (close_handler)
        zmq_close(zap);
    void *client = gate_client_idle(&gate, true, NULL, NULL, 0);
    void *monitor = gate_monitor(&gate, client, HANDSHAKE_EVENTS);
    gate_connect(&gate, true, client);
    assert_true(zmq_send(client, "knock", 5, 0) >= 0);
    int event = gate_event(monitor, 1500);
    char bytes[16];
    gate_sleep_ms(200);
    assert_true(zmq_recv(made.socket, bytes, sizeof bytes, ZMQ_DONTWAIT) < 0); /* nothing came through */
    gateway_sockets_close_client(made.socket, made.monitor);
    assert_int_equal(zmq_socket_monitor(client, NULL, 0), 0);
    zmq_close(client);
    zmq_close(monitor);
    if (zap != NULL && !close_handler)
        zmq_close(zap);
    assert_int_equal(zmq_ctx_term(gate.zmq), 0);
    return event;
}

static void zap__handler_dead__nobody_gets_in(void **state)
{
    (void)state;
    assert_int_not_equal(event_of_a_handshake(false, false), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_not_equal(event_of_a_handshake(true, true), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_not_equal(event_of_a_handshake(true, false), ZMQ_EVENT_HANDSHAKE_SUCCEEDED); /* it says nothing */
}

/* ZMTP 3.0 with the NULL mechanism, by hand: greeting, then READY with a User-Id of the client's own making. */
static void spoofed_user_id__by_a_null_client__reaches_nobody(void **state)
{
    static const struct gate_options options = { .handshake_ms = 2000 };
    struct gate gate;
    uint8_t greeting[64] = { 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L' };
    static const char name[] = "User-Id";
    static const char value[] = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
    uint8_t ready[128] = { 0x04, 0, 5, 'R', 'E', 'A', 'D', 'Y' };
    size_t len = 8;
    (void)state;
    ready[len++] = 11;
    memcpy(ready + len, "Socket-Type", 11);
    len += 11;
    memcpy(ready + len, "\0\0\0\6DEALER", 10);
    len += 10;
    ready[len++] = (uint8_t)strlen(name);
    memcpy(ready + len, name, strlen(name));
    len += strlen(name);
    memcpy(ready + len, "\0\0\0\x28", 4);
    len += 4;
    memcpy(ready + len, value, strlen(value));
    len += strlen(value);
    ready[1] = (uint8_t)(len - 2);
    static const uint8_t message[] = { 0x00, 13, 1, ST_ENDPOINTS, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80 };
    gate_open(&gate, &options);
    const char *const endpoints[] = { gate.enrol, gate.device };
    for (int i = 0; i < 2; i++) {
        int fd = gate_tcp(endpoints[i]);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, greeting, sizeof greeting), sizeof greeting);
        /* It may close between the writes. */
        if (write(fd, ready, len) == (ssize_t)len)
            assert_true(write(fd, message, sizeof message) != 0);
        assert_true(gate_closed_after(fd, 3000) >= 0);
        close(fd);
    }
    assert_int_equal(atomic_load(&gate.forwarded), 0);
    assert_int_equal(atomic_load(&gate.sessions), 0);
    assert_true(gate_wait(&gate.connections, 0, 3000));
    gate_close(&gate);
}

/* The finding itself, so that a libzmq that behaves otherwise is noticed: after a poll the routing-id frame has no
 * User-Id, the body has. And the gateway, which polls, knows its client. */
static void user_id__stands_on_the_body_frame(void **state)
{
    static const struct gate_options options = { 0 };
    struct gate gate;
    struct st_msg_fetch fetch = { 0 };
    (void)state;
    gate_open(&gate, &options);
    void *client = gate_client(&gate, true, NULL, NULL, 0);
    assert_int_equal(gate_hello(client, 3000), ST_WELCOME);
    for (int i = 0; i < 20; i++) {
        assert_true(gate_say(client, ST_FETCH, &fetch));
        assert_int_equal(gate_hear(client, 3000), ST_ERROR);
    }
    assert_int_equal(atomic_load(&gate.forwarded), 20);
    assert_int_equal(atomic_load(&gate.cuts), 0);
    zmq_close(client);
    assert_true(gate_wait(&gate.sessions, 0, 3000)); /* its end is noticed without a word */
    assert_true(gate_wait(&gate.connections, 0, 3000));
    gate_close(&gate);
}

static void zap__late_answer__client_gets_in(void **state)
{
    static const struct gate_options options = { 0 };
    struct gate gate;
    (void)state;
    gate_open(&gate, &options);
    atomic_store(&gate.auth, GATE_LATE);
    void *client = gate_client_idle(&gate, true, NULL, NULL, 0);
    void *monitor = gate_monitor(&gate, client, HANDSHAKE_EVENTS);
    int64_t start_ms = gate_now_ms();
    gate_connect(&gate, true, client);
    assert_int_equal(gate_event(monitor, 5000), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_in_range(gate_now_ms() - start_ms, 1800, 4000);
    assert_int_equal(gate_hello(client, 3000), ST_WELCOME);
    zmq_close(client);
    zmq_close(monitor);
    gate_close(&gate);
}

static void zap__no_answer__client_is_not_refused_and_gets_in_later(void **state)
{
    static const struct gate_options options = { .handshake_ms = 1000 };
    struct gate gate;
    (void)state;
    gate_open(&gate, &options);
    atomic_store(&gate.auth, GATE_SILENT);
    void *client = gate_client_idle(&gate, true, NULL, NULL, 0);
    void *monitor = gate_monitor(&gate, client, HANDSHAKE_EVENTS);
    gate_connect(&gate, true, client);
    for (int64_t end_ms = gate_now_ms() + 2500; gate_now_ms() < end_ms;) {
        int event = gate_event(monitor, 100);
        assert_int_not_equal(event, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
        assert_int_not_equal(event, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    }
    atomic_store(&gate.auth, GATE_KNOWS_ALL);
    int event = 0;
    for (int64_t end_ms = gate_now_ms() + 8000; event != ZMQ_EVENT_HANDSHAKE_SUCCEEDED && gate_now_ms() < end_ms;)
        event = gate_event(monitor, 100);
    assert_int_equal(event, ZMQ_EVENT_HANDSHAKE_SUCCEEDED); /* the same socket, by itself */
    assert_int_equal(gate_hello(client, 3000), ST_WELCOME);
    assert_int_equal(atomic_load(&gate.refused), 0);
    zmq_close(client);
    zmq_close(monitor);
    gate_close(&gate);
}

static void zap__refused__client_is_told_and_gone(void **state)
{
    static const struct gate_options options = { 0 };
    struct gate gate;
    (void)state;
    gate_open(&gate, &options);
    atomic_store(&gate.auth, GATE_KNOWS_NONE);
    void *client = gate_client_idle(&gate, true, NULL, NULL, 0);
    void *monitor = gate_monitor(&gate, client, HANDSHAKE_EVENTS);
    gate_connect(&gate, true, client);
    assert_int_equal(gate_event(monitor, 3000), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    assert_true(gate_wait(&gate.connections, 0, 7000));
    assert_int_equal(atomic_load(&gate.sessions), 0);
    /* The enrol endpoint takes the same key. */
    void *enrol = gate_client(&gate, false, NULL, NULL, 0);
    struct st_msg_endpoints endpoints = { 0 };
    assert_true(gate_say(enrol, ST_ENDPOINTS, &endpoints));
    assert_int_equal(gate_hear(enrol, 3000), ST_ERROR);
    zmq_close(enrol);
    zmq_close(client);
    zmq_close(monitor);
    gate_close(&gate);
}

/* The handler's socket changes hands every 50 ms while clients come; also one whose answer takes 2 s. */
static void zap__handler_changes__everybody_gets_in_all_the_same(void **state)
{
    enum { CLIENTS = 60 };
    static const struct gate_options options = { .handshake_ms = 3000, .door_ms = 50 };
    struct gate gate;
    void *clients[CLIENTS];
    (void)state;
    gate_open(&gate, &options);
    atomic_store(&gate.auth, GATE_LATE);
    void *slow = gate_client(&gate, true, NULL, NULL, 0);
    assert_int_equal(gate_hello(slow, 8000), ST_WELCOME);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = gate_client(&gate, true, NULL, NULL, 0);
        assert_int_equal(gate_hello(clients[i], 8000), ST_WELCOME);
        gate_sleep_ms(i % 4 == 0 ? 300 : 5);
    }
    /* Their handshakes' pipes are closed; they are served as before. */
    struct st_msg_fetch fetch = { 0 };
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(gate_say(clients[i], ST_FETCH, &fetch));
        assert_int_equal(gate_hear(clients[i], 3000), ST_ERROR);
        zmq_close(clients[i]);
    }
    assert_int_equal(atomic_load(&gate.refused), 0);
    zmq_close(slow);
    gate_close(&gate);
}

static void frames__the_largest_passes_a_larger_one_ends_the_connection(void **state)
{
    static const struct gate_options options = { 0 };
    struct gate gate;
    static uint8_t bytes[ST_FRAME_MAX + 1] = { 1, ST_FETCH };
    (void)state;
    gate_open(&gate, &options);
    void *client = gate_client(&gate, true, NULL, NULL, 0);
    assert_int_equal(gate_hello(client, 3000), ST_WELCOME);
    assert_true(zmq_send(client, bytes, ST_FRAME_MAX, 0) >= 0);
    assert_int_equal(gate_hear(client, 3000), ST_ERROR); /* malformed, but it came */
    void *monitor = gate_monitor(&gate, client, ZMQ_EVENT_DISCONNECTED);
    assert_true(zmq_send(client, bytes, ST_FRAME_MAX + 1, 0) >= 0);
    assert_int_equal(gate_event(monitor, 3000), ZMQ_EVENT_DISCONNECTED);
    zmq_close(client);
    zmq_close(monitor);
    void *enrol = gate_client(&gate, false, NULL, NULL, 0);
    assert_true(zmq_send(enrol, bytes, ST_ENROL_FRAME_MAX, 0) >= 0);
    assert_int_equal(gate_hear(enrol, 3000), ST_ERROR);
    monitor = gate_monitor(&gate, enrol, ZMQ_EVENT_DISCONNECTED);
    assert_true(zmq_send(enrol, bytes, ST_ENROL_FRAME_MAX + 1, 0) >= 0);
    assert_int_equal(gate_event(monitor, 3000), ZMQ_EVENT_DISCONNECTED);
    zmq_close(enrol);
    zmq_close(monitor);
    gate_close(&gate);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* a raw peer may be cut off while it writes */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zap__handler_dead__nobody_gets_in),
        cmocka_unit_test(spoofed_user_id__by_a_null_client__reaches_nobody),
        cmocka_unit_test(user_id__stands_on_the_body_frame),
        cmocka_unit_test(zap__late_answer__client_gets_in),
        cmocka_unit_test(zap__no_answer__client_is_not_refused_and_gets_in_later),
        cmocka_unit_test(zap__refused__client_is_told_and_gone),
        cmocka_unit_test(zap__handler_changes__everybody_gets_in_all_the_same),
        cmocka_unit_test(frames__the_largest_passes_a_larger_one_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
