/* test/net/tls_trust.c tests net/tls.c and net/tls_config.c: who is believed, and for how long. */
#define _GNU_SOURCE
#include "test/net/tls_pair.h"

#include <mbedtls/x509_crt.h>

#include "proto/limits.h"

static struct tls_config *other; /* another pool's listener */
static char other_pin[65];

static int set_up(void **state)
{
	struct certificate *c = a_pool(0, "pool.example.org");

	strcpy(other_pin, certificate_pin(c));
	other = tls_config_server(c);
	return a_pool_listens(state);
}

static int tear_down(void **state)
{
	tls_config_release(other);
	return the_pool_ends(state);
}

static void any_address_will_do_with_the_pin(void **state)
{
	static const char *const hosts[] = {"localhost", "127.0.0.1", "::1", "10.1.2.3", "elsewhere.example"};

	(void)state;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		struct pair p = connected(client_of(hosts[i], pin, NULL), pool);

		assert_int_equal(tls_state(p.client.tls), TLS_OPEN);
		pair_free(&p);
	}
}

static void a_man_in_the_middle_gets_not_one_plain_byte(void **state)
{
	struct pair p = connected(client_of("pool.example.org", pin, NULL), other);
	size_t taken = 1, n;

	(void)state;
	assert_int_equal(p.client.rc, STATUS_UNAUTHENTICATED);
	assert_non_null(strstr(p.client.error.text, pin));
	assert_non_null(strstr(p.client.error.text, other_pin));
	assert_string_equal(tls_peer_pin(p.client.tls), other_pin);
	assert_int_equal(tls_state(p.client.tls), TLS_FAILED);
	assert_int_equal(tls_write(p.client.tls, "secret", 6, &taken, NULL), STATUS_UNAUTHENTICATED);
	assert_int_equal(taken, 0);
	tls_out(p.client.tls, &n);
	assert_int_equal(n, 0);
	assert_int_not_equal(tls_state(p.server.tls), TLS_OPEN);
	assert_int_equal(p.server.got.n, 0);
	pair_free(&p);
}

/* He may show the right authority behind a leaf that it did not sign. */
static void the_right_authority_must_have_signed_the_leaf(void **state)
{
	struct certificate *evil = a_pool(0, NULL);
	mbedtls_x509_crt *authority = certificate_chain(own)->next;
	struct tls_config *server;
	struct pair p;

	(void)state;
	mbedtls_x509_crt_free(certificate_chain(evil)->next);
	assert_int_equal(
	    mbedtls_x509_crt_parse_der(certificate_chain(evil)->next, authority->raw.p, authority->raw.len),
	    0);
	server = tls_config_server(evil);
	p = connected(client_of("localhost", pin, NULL), server);
	assert_int_equal(p.client.rc, STATUS_UNAUTHENTICATED);
	assert_string_not_equal(tls_peer_pin(p.client.tls), pin); /* nothing to mislead a person with */
	assert_int_equal(strlen(tls_peer_pin(p.client.tls)), 64);
	assert_int_not_equal(tls_state(p.server.tls), TLS_OPEN);
	pair_free(&p);
	tls_config_release(server);
}

/* He may even show the right leaf: its key he has not. */
static void the_right_certificate_without_its_key_is_refused(void **state)
{
	struct certificate *evil = a_pool(0, NULL);
	mbedtls_x509_crt *chain = certificate_chain(evil);
	struct tls_config *server;
	struct pair p;

	(void)state;
	mbedtls_x509_crt_free(chain);
	for (mbedtls_x509_crt *c = certificate_chain(own); c != NULL; c = c->next)
		assert_int_equal(mbedtls_x509_crt_parse_der(chain, c->raw.p, c->raw.len), 0);
	server = tls_config_server(evil);
	p = connected(client_of("localhost", pin, NULL), server);
	assert_int_equal(p.client.rc, STATUS_UNAUTHENTICATED);
	assert_non_null(strstr(p.client.error.text, "does not hold the key"));
	assert_int_not_equal(tls_state(p.server.tls), TLS_OPEN);
	pair_free(&p);
	tls_config_release(server);
}

static void without_a_pin_an_unknown_pool_is_refused_with_the_key_to_ask_about(void **state)
{
	struct pair p = connected(client_of("pool.example.org", "", NULL), pool);

	(void)state;
	assert_int_equal(p.client.rc, STATUS_UNAUTHENTICATED);
	assert_string_equal(tls_peer_pin(p.client.tls), pin);
	assert_non_null(strstr(p.client.error.hint, pin));
	assert_int_not_equal(tls_state(p.server.tls), TLS_OPEN);
	pair_free(&p);
}

static void an_expired_certificate_is_refused(void **state)
{
	struct certificate *old = a_pool(100, NULL), *early = a_pool(-10, NULL);
	char old_pin[65], early_pin[65];
	struct tls_config *old_pool, *early_pool;
	struct pair p;

	(void)state;
	strcpy(old_pin, certificate_pin(old));
	strcpy(early_pin, certificate_pin(early));
	old_pool = tls_config_server(old);
	early_pool = tls_config_server(early);
	p = connected(client_of("localhost", old_pin, NULL), old_pool);
	assert_int_equal(p.client.rc, STATUS_UNAUTHENTICATED);
	assert_non_null(strstr(p.client.error.text, "expired"));
	pair_free(&p);
	p = connected(client_of("localhost", early_pin, NULL), early_pool);
	assert_int_equal(p.client.rc, STATUS_UNAUTHENTICATED);
	assert_non_null(strstr(p.client.error.text, "not good yet"));
	pair_free(&p);
	tls_config_release(old_pool);
	tls_config_release(early_pool);
}

static void a_renewed_certificate_keeps_connections_and_the_pin(void **state)
{
	char dir[] = "/tmp/hivemind-tls.XXXXXX", command[64];
	struct certificate *first = NULL, *second = NULL;
	struct tls_config *before, *after, *client;
	struct pair old, new;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(certificate_open(&first, dir, NULL, 0, NULL), 0);
	client = client_of("localhost", certificate_pin(first), NULL);
	before = tls_config_server(first);
	old = a_pair(client, before);
	pump(&old, 100000);
	clock_set_for_test((clock_wall_ms() + 61 * 86400000ll) * 1000);
	assert_int_equal(certificate_open(&second, dir, NULL, 0, NULL), 0);
	clock_set_for_test(-1);
	tls_config_release(before); /* the connection keeps it */
	/* mbedTLS judges by the real clock, for which this leaf begins in 60 days: the pin must still match
	 */
	after = tls_config_server(second);
	new = a_pair(client, after);
	pump(&new, 100000);
	assert_non_null(strstr(new.client.error.text, "not good yet"));
	say(&old.client, "still here");
	pump(&old, 100000);
	assert_string_equal(buf_text(&old.server.got), "still here");
	pair_free(&old);
	pair_free(&new);
	tls_config_release(after);
	tls_config_release(client);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

static void the_second_connection_resumes(void **state)
{
	struct tls_config *client = client_of("localhost", pin, NULL);
	struct tls_counts before = tls_config_counts(pool), after;

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct pair p = a_pair(client, pool);

		pump(&p, 100000);
		assert_int_equal(tls_state(p.server.tls), TLS_OPEN);
		assert_int_equal(tls_resumed(p.client.tls), i > 0);
		assert_int_equal(tls_resumed(p.server.tls), i > 0);
		say(&p.client, "hello");
		pump(&p, 100000);
		assert_string_equal(buf_text(&p.server.got), "hello");
		pair_free(&p);
	}
	after = tls_config_counts(pool);
	assert_int_equal(after.full - before.full, 1);
	assert_int_equal(after.resumed - before.resumed, 4);
	assert_int_equal(tls_config_counts(client).full, 1);
	assert_int_equal(tls_config_counts(client).resumed, 4);
	tls_config_release(client);
}

static void after_twelve_hours_the_certificate_is_checked_again(void **state)
{
	struct tls_config *client = client_of("localhost", pin, NULL);
	int64_t start = clock_us();
	bool resumed[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct pair p;

		clock_set_for_test(start + i * (TLS_SESSION_MS / 2) * 1000);
		p = a_pair(client, pool);
		pump(&p, 100000);
		resumed[i] = tls_resumed(p.client.tls);
		pair_free(&p);
	}
	clock_set_for_test(-1);
	assert_false(resumed[0]);
	assert_true(resumed[1]);
	assert_false(resumed[2]);
	tls_config_release(client);
}

/* A session of the right pool must not open the door to another one at the same address. */
static void a_session_does_not_stand_in_for_the_key(void **state)
{
	struct tls_config *client = client_of("localhost", pin, NULL);
	struct pair p = a_pair(client, pool);

	(void)state;
	pump(&p, 100000);
	pair_free(&p);
	p = a_pair(client, other);
	pump(&p, 100000);
	assert_int_equal(p.client.rc, STATUS_UNAUTHENTICATED);
	pair_free(&p);
	p = a_pair(client, pool); /* the session went with the failure */
	pump(&p, 100000);
	assert_int_equal(tls_state(p.client.tls), TLS_OPEN);
	assert_false(tls_resumed(p.client.tls));
	pair_free(&p);
	tls_config_release(client);
}

static void a_client_needs_a_host_and_a_whole_pin(void **state)
{
	struct tls_config *c = NULL;

	(void)state;
	assert_int_equal(tls_config_client(&c, "", pin, NULL, NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(tls_config_client(&c, "h", "abc", NULL, NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(tls_config_client(&c, "h", "", "/dev/null", NULL), STATUS_FAILED_PRECONDITION);
	assert_int_equal(tls_config_client(&c, "h", "", "/nowhere", NULL), STATUS_FAILED_PRECONDITION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_address_will_do_with_the_pin),
	    cmocka_unit_test(a_man_in_the_middle_gets_not_one_plain_byte),
	    cmocka_unit_test(the_right_authority_must_have_signed_the_leaf),
	    cmocka_unit_test(the_right_certificate_without_its_key_is_refused),
	    cmocka_unit_test(without_a_pin_an_unknown_pool_is_refused_with_the_key_to_ask_about),
	    cmocka_unit_test(an_expired_certificate_is_refused),
	    cmocka_unit_test(a_renewed_certificate_keeps_connections_and_the_pin),
	    cmocka_unit_test(the_second_connection_resumes),
	    cmocka_unit_test(after_twelve_hours_the_certificate_is_checked_again),
	    cmocka_unit_test(a_session_does_not_stand_in_for_the_key),
	    cmocka_unit_test(a_client_needs_a_host_and_a_whole_pin),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
