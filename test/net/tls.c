/* test/net/tls.c tests net/tls.c and net/tls_config.c: our client against our server, in memory. */
#define _GNU_SOURCE
#include "test/net/tls_pair.h"

#include <errno.h>

#include "net/sha256.h"
#include "proto/limits.h"

static void two_ends_shake_hands_and_talk(void **state)
{
	struct pair p = connected(client_of("pool.example.org", pin, NULL), pool);

	(void)state;
	assert_int_equal(tls_state(p.client.tls), TLS_OPEN);
	assert_int_equal(tls_state(p.server.tls), TLS_OPEN);
	say(&p.client, "hello");
	say(&p.server, "good day");
	pump(&p, 100000);
	assert_string_equal(buf_text(&p.server.got), "hello");
	assert_string_equal(buf_text(&p.client.got), "good day");
	pair_free(&p);
}

static void every_byte_may_come_alone(void **state)
{
	struct tls_config *client = client_of("pool.example.org", pin, NULL);
	struct pair p = a_pair(client, pool);

	(void)state;
	tls_config_release(client);
	pump(&p, 1);
	assert_int_equal(tls_state(p.client.tls), TLS_OPEN);
	assert_int_equal(tls_state(p.server.tls), TLS_OPEN);
	say(&p.client, "hello");
	pump(&p, 1);
	assert_string_equal(buf_text(&p.server.got), "hello");
	pair_free(&p);
}

static void plain_bytes_wait_for_the_handshake(void **state)
{
	struct tls_config *client = client_of("pool.example.org", pin, NULL);
	struct pair p = a_pair(client, pool);
	size_t taken = 7;

	(void)state;
	tls_config_release(client);
	do {
		if (tls_state(p.client.tls) == TLS_OPEN)
			break;
		assert_int_equal(tls_write(p.client.tls, "x", 1, &taken, NULL), 0);
		assert_int_equal(taken, 0);
	} while (carry(&p, &p.client, &p.server, 64) + carry(&p, &p.server, &p.client, 64) > 0);
	assert_int_equal(tls_state(p.client.tls), TLS_OPEN);
	pair_free(&p);
}

static void clear_text_is_told_so(void **state)
{
	static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	                                    "\x80\x2e\x01\x03\x01"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p = {.server.tls = tls_new(pool)};

		assert_false(tls_is_hello(texts[i], strlen(texts[i])));
		feed(&p.server, texts[i], strlen(texts[i]));
		assert_int_equal(p.server.rc, STATUS_UNAVAILABLE);
		assert_non_null(strstr(p.server.error.text, "does not speak TLS"));
		pair_free(&p);
	}
}

static void garbage_after_a_good_start_fails(void **state)
{
	struct pair p = {.server.tls = tls_new(pool)};
	uint8_t junk[600];

	(void)state;
	memset(junk, 0xa5, sizeof junk);
	memcpy(junk, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
	feed(&p.server, junk, sizeof junk);
	assert_int_equal(p.server.rc, STATUS_UNAVAILABLE);
	assert_int_equal(tls_state(p.server.tls), TLS_FAILED);
	assert_int_equal(tls_in(p.server.tls, "x", 1, NULL), STATUS_UNAVAILABLE); /* and stays so */
	pair_free(&p);
}

static void a_damaged_record_fails(void **state)
{
	struct pair p = connected(client_of("localhost", pin, NULL), pool);
	uint8_t copy[256];
	size_t n;

	(void)state;
	say(&p.client, "hello");
	memcpy(copy, tls_out(p.client.tls, &n), tls_pending_out(p.client.tls));
	copy[n - 1] ^= 1;
	feed(&p.server, copy, n);
	assert_int_equal(p.server.rc, STATUS_UNAVAILABLE);
	assert_non_null(strstr(p.server.error.text, "tampered"));
	assert_int_equal(p.server.got.n, 0);
	pair_free(&p);
}

static bool change_a_byte(struct end *e)
{
	size_t n;
	uint8_t *data = (uint8_t *)tls_out(e->tls, &n);

	if (n > 0)
		data[random_below((uint32_t)n)] ^= (uint8_t)(1 + random_below(255));
	return n > 0;
}

/* Whichever byte of a handshake is changed on the way: no harm, and never a connection that only one wanted.
 */
static void a_changed_byte_in_a_handshake_does_no_harm(void **state)
{
	int changed = 0, opened = 0;

	(void)state;
	while (changed < 200) {
		struct tls_config *client = client_of("localhost", pin, NULL);
		struct pair p = a_pair(client, pool);
		uint32_t until = random_below(1800); /* all bytes of a handshake, both ways */

		while (p.on_wire < until &&
		       carry(&p, &p.client, &p.server, 50) + carry(&p, &p.server, &p.client, 50) > 0)
			;
		if (change_a_byte(&p.server) || change_a_byte(&p.client))
			changed++;
		else
			until = 0; /* it was over before */
		pump(&p, 1000);
		opened += until > 0 && tls_state(p.client.tls) == TLS_OPEN;
		assert_false(tls_state(p.client.tls) == TLS_OPEN && tls_state(p.server.tls) != TLS_OPEN);
		pair_free(&p);
		tls_config_release(client);
	}
	assert_true(opened < 20); /* the version in the header of a record is nobody's concern */
}

static void a_goodbye_is_an_end_and_a_cut_is_an_error(void **state)
{
	struct pair p = connected(client_of("localhost", pin, NULL), pool);
	struct error err;

	(void)state;
	say(&p.client, "last words");
	tls_close(p.client.tls);
	pump(&p, 100000);
	assert_string_equal(buf_text(&p.server.got), "last words");
	assert_int_equal(tls_state(p.server.tls), TLS_CLOSED);
	assert_int_equal(tls_end(p.server.tls, &err), 0);
	say(&p.server, "you too"); /* the other direction is still open */
	pump(&p, 100000);
	assert_string_equal(buf_text(&p.client.got), "you too");
	assert_int_equal(tls_end(p.client.tls, &err), STATUS_UNAVAILABLE);
	assert_non_null(strstr(err.text, "cut off"));
	pair_free(&p);
}

static void a_handshake_cut_short_is_an_error(void **state)
{
	struct tls_config *client = client_of("localhost", pin, NULL);
	struct pair p = a_pair(client, pool);
	struct error err;

	(void)state;
	tls_config_release(client);
	carry(&p, &p.client, &p.server, 40);
	assert_int_equal(tls_end(p.server.tls, &err), STATUS_UNAVAILABLE);
	assert_non_null(strstr(err.text, "handshake"));
	pair_free(&p);
}

static void sixteen_mebibytes_pass_in_odd_pieces(void **state)
{
	static uint8_t block[70001];
	struct pair p = connected(client_of("localhost", pin, NULL), pool);
	uint64_t sent = 0, got = 0;
	struct sha256 in, out;
	char in_hex[65], out_hex[65];

	(void)state;
	random_bytes(block, sizeof block);
	sha256_init(&in);
	sha256_init(&out);
	for (size_t i = 1; got < 16 * MiB; i++) {
		size_t n = i * 7919 % sizeof block, taken;

		assert_int_equal(tls_write(p.server.tls, block, n, &taken, NULL), 0);
		sha256_update(&in, block, taken);
		sent += taken;
		assert_true(tls_pending_out(p.server.tls) <= 64 * KiB);
		for (size_t j = 0; j < 3; j++)
			carry(&p, &p.server, &p.client, i * 104729 % 40000 + 1);
		sha256_update(&out, p.client.got.data, p.client.got.n);
		got += p.client.got.n;
		p.client.got.n = 0;
	}
	pump(&p, 1000);
	sha256_update(&out, p.client.got.data, p.client.got.n);
	assert_int_equal(got + p.client.got.n, sent);
	sha256_hex(&in, in_hex);
	sha256_hex(&out, out_hex);
	assert_string_equal(in_hex, out_hex);
	pair_free(&p);
}

static void a_full_queue_takes_no_more_until_it_has_drained(void **state)
{
	struct pair p = connected(client_of("localhost", pin, NULL), pool);
	char *much = calloc(1, 1 << 20);
	size_t taken, more;

	(void)state;
	assert_int_equal(tls_write(p.client.tls, much, 1 << 20, &taken, NULL), 0);
	assert_in_range(taken, TLS_QUEUE_HIGH - 1024, 64 * KiB);
	assert_int_equal(tls_write(p.client.tls, much, 1, &more, NULL), 0);
	assert_int_equal(more, 0);
	pump(&p, 100000);
	assert_int_equal(p.server.got.n, taken);
	assert_int_equal(tls_write(p.client.tls, much, 1, &more, NULL), 0);
	assert_int_equal(more, 1);
	free(much);
	pair_free(&p);
}

/* At any moment, also in the middle of a record: what is on its way arrives. */
static void resting_loses_nothing(void **state)
{
	struct pair p = connected(client_of("localhost", pin, NULL), pool);
	static uint8_t block[20000];
	size_t taken, sent = 0;

	(void)state;
	random_bytes(block, sizeof block);
	tls_rest(p.client.tls);
	tls_rest(p.server.tls);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(tls_write(p.client.tls, block, sizeof block, &taken, NULL), 0);
		assert_int_equal(taken, sizeof block);
		sent += taken;
		while (carry(&p, &p.client, &p.server, 3001) > 0) {
			tls_rest(p.client.tls);
			tls_rest(p.server.tls);
		}
		assert_int_equal(p.server.got.n, sent);
		assert_memory_equal(p.server.got.data + sent - taken, block, taken);
		say(&p.server, "yes");
		pump(&p, 100000);
		tls_rest(p.server.tls);
	}
	assert_int_equal(p.client.got.n, 60);
	pair_free(&p);
}

/* --- without memory ------------------------------------------------------------------------- */

static volatile int calls_left = -1; /* the calloc() that fails; -1 = none */

/* mbedTLS allocates with calloc() only, and while it works for us nobody else does. */
void *calloc(size_t count, size_t n)
{
	size_t size;
	void *p;

	if (calls_left > 0 && --calls_left == 0) {
		errno = ENOMEM;
		return NULL;
	}
	if (__builtin_mul_overflow(count, n, &size))
		return NULL;
	p = malloc(size);
	if (p != NULL)
		explicit_bzero(p,
		               size); /* the compiler would make malloc() and memset() a call of calloc() */
	return p;
}

/* Not where a tool (valgrind) has put its own calloc() before ours. */
static void need_failing_allocations(void)
{
	void *volatile p;

	calls_left = 1;
	p = calloc(1, 1);
	calls_left = -1;
	free(p);
	if (p != NULL)
		skip();
}

/* Whichever allocation of a handshake fails: that connection fails and says why, or both ends are
 * open (what only resumption wanted, the copy of the session, was not there); no crash. */
static void every_failing_allocation_ends_the_connection(void **state)
{
	int failed = 0, nth = 1;
	bool reached = true;

	(void)state;
	need_failing_allocations();
	for (; reached; nth++) {
		struct tls_config *client = client_of("localhost", pin, NULL);
		struct pair p = a_pair(client, pool);

		calls_left = nth;
		pump(&p, 100000);
		reached = calls_left == 0;
		calls_left = -1;
		if (reached) {
			bool open = tls_state(p.client.tls) == TLS_OPEN && tls_state(p.server.tls) == TLS_OPEN;

			assert_int_not_equal(open, p.client.rc == STATUS_RESOURCE_EXHAUSTED ||
			                               p.server.rc == STATUS_RESOURCE_EXHAUSTED);
			failed++;
		}
		pair_free(&p);
		tls_config_release(client);
		if (nth > 60)
			nth += 96; /* the curves allocate thousands of times; a sample will do */
	}
	assert_true(failed > 50);
}

static void without_memory_for_its_buffers_a_connection_is_refused(void **state)
{
	struct error err;

	(void)state;
	need_failing_allocations();
	for (int nth = 2; nth <= 3; nth++) {
		struct tls *t;

		calls_left = nth; /* the first is the struct itself */
		t = tls_new(pool);
		assert_int_equal(calls_left, 0);
		calls_left = -1;
		assert_int_equal(tls_state(t), TLS_FAILED);
		assert_int_equal(tls_in(t, "\x16\x03", 2, &err), STATUS_RESOURCE_EXHAUSTED);
		tls_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_ends_shake_hands_and_talk),
	    cmocka_unit_test(every_byte_may_come_alone),
	    cmocka_unit_test(plain_bytes_wait_for_the_handshake),
	    cmocka_unit_test(clear_text_is_told_so),
	    cmocka_unit_test(garbage_after_a_good_start_fails),
	    cmocka_unit_test(a_damaged_record_fails),
	    cmocka_unit_test(a_changed_byte_in_a_handshake_does_no_harm),
	    cmocka_unit_test(a_goodbye_is_an_end_and_a_cut_is_an_error),
	    cmocka_unit_test(a_handshake_cut_short_is_an_error),
	    cmocka_unit_test(sixteen_mebibytes_pass_in_odd_pieces),
	    cmocka_unit_test(a_full_queue_takes_no_more_until_it_has_drained),
	    cmocka_unit_test(resting_loses_nothing),
	    cmocka_unit_test(every_failing_allocation_ends_the_connection),
	    cmocka_unit_test(without_memory_for_its_buffers_a_connection_is_refused),
	};

	return cmocka_run_group_tests(tests, a_pool_listens, the_pool_ends);
}
