/* test/net/certificate.c tests net/certificate.c and net/certificate_make.c; the oracle is openssl(1). */
#define _GNU_SOURCE
#include "net/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/clock.h"
#include "net/endpoint.h"
#include "net/secret_file.h"
#include "proto/limits.h"
#include "proto/status.h"

#define DAY_US (86400ll * 1000000)

static char dir[64];

/* The output of a shell command, in which $D is the directory. */
static const char *shell(const char *command)
{
	static char out[8192];
	FILE *p;
	size_t n;

	setenv("D", dir, 1);
	p = popen(command, "r");
	assert_non_null(p);
	n = fread(out, 1, sizeof out - 1, p);
	out[n] = '\0';
	pclose(p);
	return out;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/hivemind-certificate.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	clock_set_for_test(-1);
	shell("rm -rf \"$D\"");
	return 0;
}

static struct certificate *opened(const char *const *names, size_t count)
{
	struct certificate *c = NULL;
	struct error err = {0};

	if (certificate_open(&c, dir, names, count, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(err.status, 0);
	return c;
}

static mode_t mode_of(const char *name)
{
	char path[128];
	struct stat s;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(stat(path, &s), 0);
	return s.st_mode & 07777;
}

static void the_first_start_makes_an_authority_and_a_leaf(void **state)
{
	static const char *const names[] = {"Pool.Example.org", "192.0.2.7", "2001:db8::1"};
	struct certificate *c = opened(names, 3);

	(void)state;
	assert_int_equal(mode_of("ca.pem"), 0600);
	assert_int_equal(mode_of("pool.pem"), 0600);
	assert_int_equal(mode_of("ca.crt"), 0644);
	assert_int_equal(strlen(certificate_pin(c)), 64);
	assert_string_equal(shell("openssl verify -x509_strict -purpose sslserver -CAfile $D/ca.crt "
	                          "$D/pool.pem 2>&1 | sed 's/.*: //'"),
	                    "OK\n");
	assert_string_equal(
	    shell("openssl x509 -in $D/pool.pem -noout -ext subjectAltName | tail -n 1 | tr -d ' '"),
	    "DNS:pool.hivemind.internal,DNS:localhost,IPAddress:127.0.0.1,IPAddress:0:0:0:0:0:0:0:1,"
	    "DNS:Pool.Example.org,IPAddress:192.0.2.7,IPAddress:2001:DB8:0:0:0:0:0:1\n");
	assert_non_null(strstr(shell("openssl x509 -in $D/pool.pem -noout -text"), "prime256v1"));
	assert_non_null(strstr(shell("openssl x509 -in $D/ca.crt -noout -text"), "CA:TRUE, pathlen:0"));
	certificate_free(c);
}

static void the_pin_is_what_openssl_says_of_the_authority(void **state)
{
	struct certificate *c = opened(NULL, 0);
	const char *pin =
	    shell("openssl x509 -in $D/ca.crt -noout -pubkey | openssl pkey -pubin -outform der | sha256sum");
	char join[JOIN_STRING_SIZE];

	(void)state;
	assert_memory_equal(pin, certificate_pin(c), 64);
	assert_int_equal(strlen(join_string(join, "pool.example.org", 50051, certificate_pin(c))),
	                 23 + 7 + 64 - 0);
	assert_memory_equal(join, "pool.example.org:50051#sha256:", 30);
	assert_memory_equal(join_string(join, "::1", 7, certificate_pin(c)), "[::1]:7#sha256:", 15);
	certificate_free(c);
}

static void the_join_string_is_an_endpoint(void **state)
{
	static const char *const hosts[] = {"pool.example.org", "192.0.2.1", "2001:db8::1"};
	struct certificate *c = opened(NULL, 0);
	char join[JOIN_STRING_SIZE];
	struct endpoint e;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    endpoint_parse(&e, join_string(join, hosts[i], 4711, certificate_pin(c)), NULL), 0);
		assert_string_equal(e.host, hosts[i]);
		assert_int_equal(e.port, 4711);
		assert_string_equal(e.pin, certificate_pin(c));
	}
	certificate_free(c);
}

static void a_second_start_changes_nothing(void **state)
{
	struct certificate *c;
	char before[512];

	(void)state;
	certificate_free(opened(NULL, 0));
	strcpy(before, shell("cd $D; sha256sum *"));
	c = opened(NULL, 0);
	assert_string_equal(shell("cd $D; sha256sum *"), before);
	certificate_free(c);
}

static void the_leaf_is_renewed_at_two_thirds_and_the_pin_stays(void **state)
{
	int64_t start = clock_wall_ms() * 1000;
	struct certificate *a, *b;
	char before[256];

	(void)state;
	clock_set_for_test(start);
	a = opened(NULL, 0);
	assert_in_range(certificate_expires_at(a), start / 1000 + 89 * DAY_US / 1000,
	                start / 1000 + 91 * DAY_US / 1000);
	assert_in_range(certificate_renew_at(a), start / 1000 + 58 * DAY_US / 1000,
	                start / 1000 + 61 * DAY_US / 1000);
	strcpy(before, shell("openssl x509 -in $D/pool.pem -noout -pubkey -serial"));
	clock_set_for_test(certificate_renew_at(a) * 1000 - 1000000);
	certificate_free(opened(NULL, 0));
	assert_string_equal(shell("openssl x509 -in $D/pool.pem -noout -pubkey -serial"), before);
	clock_set_for_test(certificate_renew_at(a) * 1000);
	b = opened(NULL, 0);
	assert_string_not_equal(shell("openssl x509 -in $D/pool.pem -noout -pubkey -serial"), before);
	assert_string_equal(certificate_pin(b), certificate_pin(a));
	assert_true(certificate_expires_at(b) > certificate_expires_at(a));
	certificate_free(a);
	certificate_free(b);
}

static void other_names_make_another_leaf(void **state)
{
	static const char *const names[] = {"a.example"};
	char before[256];

	(void)state;
	certificate_free(opened(NULL, 0));
	strcpy(before, shell("openssl x509 -in $D/pool.pem -noout -serial"));
	certificate_free(opened(names, 1));
	assert_string_not_equal(shell("openssl x509 -in $D/pool.pem -noout -serial"), before);
}

static void many_long_names_fit(void **state)
{
	const char *names[CERTIFICATE_NAMES_MAX + 1];
	struct certificate *c = NULL;
	char name[254];

	(void)state;
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	name[60] = name[120] = name[180] = name[240] = '.';
	for (int i = 0; i <= CERTIFICATE_NAMES_MAX; i++)
		names[i] = name;
	c = opened(names, CERTIFICATE_NAMES_MAX);
	assert_true(certificate_bears(certificate_chain(c), name));
	assert_true(certificate_bears(certificate_chain(c), "127.0.0.1"));
	assert_true(certificate_bears(certificate_chain(c), "0:0::1"));
	assert_false(certificate_bears(certificate_chain(c), "127.0.0.2"));
	assert_false(certificate_bears(certificate_chain(c), "localhos"));
	certificate_free(c);
	assert_int_equal(certificate_open(&c, dir, names, CERTIFICATE_NAMES_MAX + 1, NULL),
	                 STATUS_INVALID_ARGUMENT);
}

static void only_names_and_addresses_are_names(void **state)
{
	static const char *const bad[] = {"",      ".",     "a..b",  "a.",  "-a.b",   "a-.b",
	                                  "a b",   "a_b",   "*.a.b", "a/b", "a,CN=b", "a\nb",
	                                  "ä.org", "[::1]", "a:b",   "a#b", "a=b"};
	struct certificate *c = NULL;
	struct error err;
	char label[70];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(certificate_name_valid(bad[i]));
	memset(label, 'a', 64);
	label[64] = '\0';
	assert_false(certificate_name_valid(label));
	label[63] = '\0';
	assert_true(certificate_name_valid(label));
	assert_true(certificate_name_valid("a-1.B.c"));
	assert_true(certificate_name_valid("::1"));
	assert_int_equal(certificate_open(&c, dir, &bad[10], 1, &err), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "a,CN=b"));
}

static void a_key_that_others_can_read_is_refused(void **state)
{
	struct certificate *c = NULL;
	struct error err;

	(void)state;
	certificate_free(opened(NULL, 0));
	shell("chmod 640 $D/ca.pem");
	assert_int_equal(certificate_open(&c, dir, NULL, 0, &err), STATUS_PERMISSION_DENIED);
	shell("chmod 600 $D/ca.pem; chmod 604 $D/pool.pem");
	assert_int_equal(certificate_open(&c, dir, NULL, 0, &err), STATUS_PERMISSION_DENIED);
	assert_non_null(strstr(err.hint, "pool.pem"));
}

static void a_damaged_authority_is_never_replaced_but_a_leaf_is(void **state)
{
	struct certificate *c = NULL;
	struct error err;
	char pin[65];

	(void)state;
	c = opened(NULL, 0);
	strcpy(pin, certificate_pin(c));
	certificate_free(c);
	shell("cp $D/ca.pem $D/save; head -c 300 $D/pool.pem > $D/x; cat $D/x > $D/pool.pem; rm $D/ca.crt");
	c = opened(NULL, 0);
	assert_string_equal(certificate_pin(c), pin);
	certificate_free(c);
	assert_int_equal(mode_of("ca.crt"), 0644);
	shell("head -c 300 $D/save > $D/ca.pem");
	assert_int_equal(certificate_open(&c, dir, NULL, 0, &err), STATUS_DATA_LOSS);
	assert_non_null(strstr(err.text, "ca.pem"));
	assert_int_equal(strlen(shell("cat $D/ca.pem")), 300);
	shell("rm $D/ca.pem"); /* a new identity: the old leaf is not its */
	c = opened(NULL, 0);
	assert_string_not_equal(certificate_pin(c), pin);
	certificate_free(c);
}

static int load(const char *chain, const char *key, struct certificate **c, struct error *err)
{
	char a[128], b[128];

	snprintf(a, sizeof a, "%s/%s", dir, chain);
	snprintf(b, sizeof b, "%s/%s", dir, key);
	return certificate_load(c, a, b, err);
}

#define SELF_SIGNED                                                                                          \
	"cd $D && umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:%s -nodes -keyout "   \
	"%s.key -out %s.crt -days %s "                                                                       \
	"-subj /CN=x.example 2>/dev/null"

static void self_signed(const char *curve, const char *name, const char *days)
{
	char command[512];

	snprintf(command, sizeof command, SELF_SIGNED, curve, name, name, days);
	shell(command);
}

static void an_operators_own_is_loaded_and_checked(void **state)
{
	struct certificate *c = NULL;
	struct error err;
	char pin[65];

	(void)state;
	self_signed("P-256", "a", "10");
	self_signed("P-256", "b", "10");
	self_signed("P-384", "big", "10");
	shell("cd $D; cat a.crt b.crt > ab.crt; cp a.key open.key; chmod 644 open.key");
	assert_int_equal(load("a.crt", "a.key", &c, &err), 0);
	strcpy(pin, shell("openssl x509 -in $D/a.crt -noout -pubkey | openssl pkey -pubin -outform der | "
	                  "sha256sum | cut -c 1-64 | tr -d '\\n'"));
	assert_string_equal(certificate_pin(c), pin);
	certificate_free(c);
	assert_int_equal(load("a.crt", "b.key", &c, &err), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "is not the one of the certificate"));
	assert_int_equal(load("a.crt", "open.key", &c, &err), STATUS_PERMISSION_DENIED);
	assert_int_equal(load("ab.crt", "a.key", &c, &err), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "no chain"));
	assert_int_equal(load("big.crt", "big.key", &c, &err), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "P-256"));
	assert_int_equal(load("none.crt", "a.key", &c, &err), STATUS_NOT_FOUND);
	assert_int_equal(load("a.key", "a.key", &c, &err), STATUS_INVALID_ARGUMENT);
	assert_int_equal(load("a.crt", "a.crt", &c, &err), STATUS_INVALID_ARGUMENT);
	clock_set_for_test((clock_wall_ms() + 11 * 86400000ll) * 1000);
	assert_int_equal(load("a.crt", "a.key", &c, &err), STATUS_FAILED_PRECONDITION);
	assert_non_null(strstr(err.text, "ended on"));
	clock_set_for_test(86400000000ll);
	assert_int_equal(load("a.crt", "a.key", &c, &err), STATUS_FAILED_PRECONDITION);
	assert_non_null(strstr(err.text, "is good from"));
}

static void the_pools_own_file_can_be_loaded_as_an_operators(void **state)
{
	struct certificate *own = opened(NULL, 0), *c = NULL;

	(void)state;
	assert_int_equal(load("pool.pem", "pool.pem", &c, NULL), 0);
	assert_string_equal(certificate_pin(c), certificate_pin(own));
	certificate_free(own);
	certificate_free(c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(the_first_start_makes_an_authority_and_a_leaf),
	    TEST(the_pin_is_what_openssl_says_of_the_authority),
	    TEST(the_join_string_is_an_endpoint),
	    TEST(a_second_start_changes_nothing),
	    TEST(the_leaf_is_renewed_at_two_thirds_and_the_pin_stays),
	    TEST(other_names_make_another_leaf),
	    TEST(many_long_names_fit),
	    TEST(only_names_and_addresses_are_names),
	    TEST(a_key_that_others_can_read_is_refused),
	    TEST(a_damaged_authority_is_never_replaced_but_a_leaf_is),
	    TEST(an_operators_own_is_loaded_and_checked),
	    TEST(the_pools_own_file_can_be_loaded_as_an_operators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
