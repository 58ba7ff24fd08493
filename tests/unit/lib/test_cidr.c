#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/st_cidr.h"

static bool contains(const char *list_text, const char *address_text)
{
    struct st_cidr_list list;
    uint8_t address[ST_CIDR_ADDRESS_BYTES];
    assert_int_equal(st_cidr_parse_list(&list, list_text), ST_OK);
    assert_int_equal(st_cidr_parse_address(address, address_text), ST_OK);
    return st_cidr_contains(&list, address);
}

static void cidr__contains__edges_of_networks(void **state)
{
    (void)state;
    assert_true(contains("10.0.0.0/8", "10.0.0.0"));
    assert_true(contains("10.0.0.0/8", "10.255.255.255"));
    assert_false(contains("10.0.0.0/8", "9.255.255.255"));
    assert_false(contains("10.0.0.0/8", "11.0.0.0"));
    assert_true(contains("172.16.0.0/12", "172.31.255.255"));
    assert_false(contains("172.16.0.0/12", "172.32.0.0"));
    assert_true(contains("192.0.2.7", "192.0.2.7"));
    assert_false(contains("192.0.2.7", "192.0.2.6"));
    assert_true(contains("192.0.2.6/31", "192.0.2.7"));
    assert_true(contains("0.0.0.0/0", "255.1.2.3"));
    assert_false(contains("0.0.0.0/0", "2001:db8::1"));
    assert_true(contains("2001:db8::/32", "2001:db8:ffff::1"));
    assert_false(contains("2001:db8::/32", "2001:db9::1"));
    assert_true(contains("::/0", "2001:db9::1"));
    assert_true(contains("fe80::/10", "febf::1"));
    assert_false(contains("fe80::/10", "fec0::1"));
    assert_false(contains("", "10.0.0.1"));
    assert_true(contains(" 10.0.0.0/8 , 2001:db8::/32,192.0.2.7 ", "192.0.2.7"));
}

static void cidr__contains__mapped_is_the_same(void **state)
{
    (void)state;
    assert_true(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
    assert_false(contains("10.0.0.0/8", "::10.1.2.3"));
}

static void cidr__parse_list__refuses_slips(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "10.1.2.3/8",      "10.0.0.0/33",    "10.0.0.0/-1",    "10.0.0.0/",   "10.0.0.0/08",
        "10.0.0/8",        "host",           "10.0.0.0/8,",    ",10.0.0.0/8", ",",
        "10.0.0.0 /8",     "2001:db8::/129", "fe80::1%1",      "[::1]",       "1.2.3.4:80",
        "1.2.3.4 5.6.7.8", "10.0.0.0/8/8",   "2001:db8::1/32", "010.0.0.1"
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct st_cidr_list list;
        memset(&list, 1, sizeof list);
        if (st_cidr_parse_list(&list, bad[i]) != ST_EMALFORMED || list.count != 0)
            fail_msg("%s was taken", bad[i]);
    }
}

static void cidr__parse_list__has_a_limit(void **state)
{
    (void)state;
    char text[(ST_CIDR_MAX + 1) * 8 + 1];
    struct st_cidr_list list;
    for (size_t i = 0; i <= ST_CIDR_MAX; i++)
        memcpy(text + 8 * i, "1.2.3.4,", 8);
    text[8 * ST_CIDR_MAX - 1] = '\0';
    assert_int_equal(st_cidr_parse_list(&list, text), ST_OK);
    assert_int_equal(list.count, ST_CIDR_MAX);
    text[8 * ST_CIDR_MAX - 1] = ',';
    text[8 * (ST_CIDR_MAX + 1) - 1] = '\0';
    assert_int_equal(st_cidr_parse_list(&list, text), ST_ELIMIT);
    assert_int_equal(list.count, 0);
    char longer[200];
    memset(longer, '1', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(st_cidr_parse_list(&list, longer), ST_EMALFORMED);
}

static void cidr__format__and_back(void **state)
{
    (void)state;
    static const char *const texts[] = { "10.0.0.0/8",
                                         "0.0.0.0/0",
                                         "192.0.2.7/32",
                                         "2001:db8::/32",
                                         "::/0",
                                         "::1/128",
                                         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct st_cidr_list list;
        char text[ST_CIDR_TEXT_SIZE];
        assert_int_equal(st_cidr_parse_list(&list, texts[i]), ST_OK);
        assert_int_equal(list.count, 1);
        st_cidr_format(text, &list.items[0]);
        assert_string_equal(text, texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cidr__contains__edges_of_networks),
        cmocka_unit_test(cidr__contains__mapped_is_the_same),
        cmocka_unit_test(cidr__parse_list__refuses_slips),
        cmocka_unit_test(cidr__parse_list__has_a_limit),
        cmocka_unit_test(cidr__format__and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
