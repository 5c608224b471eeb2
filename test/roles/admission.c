/* test/roles/admission.c - who may make an account: work, invitations, networks. */
#include "roles/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/status.h"

#define NOW 1795000000000ll
#define DAY 86400000ll

static char path[64];

static void open_as(struct admission *a, const char *mode, unsigned bits)
{
	struct error err = {0};

	*a = (struct admission){.work_bits = bits};
	snprintf(path, sizeof path, "/tmp/hm-admission-%d", (int)getpid());
	assert_int_equal(admission_open(a, mode, path, &err), 0);
}

static void close_it(struct admission *a)
{
	admission_close(a);
	unlink(path);
}

static int check(struct admission *a, const struct application *p, int64_t now)
{
	char call_id[CALL_ID_MAX + 1];
	struct error err = {0};

	return admission_check(a, p, now, call_id, &err);
}

static void work_is_as_much_as_was_asked(void **state)
{
	uint64_t nonce = work_do("a challenge", 9);

	(void)state;
	assert_true(work_is_done("a challenge", nonce, 9));
	assert_true(work_is_done("a challenge", nonce, 0));
	assert_false(work_is_done("a challenge", nonce, 200));
	for (uint64_t i = 0; i < nonce; i++)
		assert_false(work_is_done("a challenge", i, 9));
}

static void a_challenge_is_for_one_name_and_ten_minutes(void **state)
{
	struct admission a;
	char text[ADMISSION_TEXT_MAX];
	struct application p = {.name = "alice", .peer = "127.0.0.1:1", .challenge = text, .invitation = ""};

	(void)state;
	open_as(&a, "open", 6);
	assert_int_equal(admission_challenge(&a, "alice", p.peer, NOW, text), 6);
	p.nonce = work_do(text, 6);
	assert_int_equal(check(&a, &p, NOW + 1000), 0);
	assert_int_equal(check(&a, &p, NOW + 601000), STATUS_FAILED_PRECONDITION);
	p.name = "bob";
	assert_int_equal(check(&a, &p, NOW), STATUS_FAILED_PRECONDITION);
	p.name = "alice";
	text[0] ^= 1; /* another name, the same mark */
	p.nonce = work_do(text, 6);
	assert_int_equal(check(&a, &p, NOW), STATUS_FAILED_PRECONDITION);
	p.challenge = "";
	assert_int_equal(check(&a, &p, NOW), STATUS_FAILED_PRECONDITION);
	close_it(&a);
}

static void each_account_of_a_network_doubles_the_work_and_ten_are_enough(void **state)
{
	struct admission a;
	char text[ADMISSION_TEXT_MAX];
	struct application p = {.name = "alice", .peer = "203.0.113.9:4711", .challenge = text, .invitation = ""};

	(void)state;
	open_as(&a, "open", 1);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(admission_challenge(&a, "alice", "203.0.113.77:1", NOW, text), 1 + i);
		admission_count(&a, p.peer, NOW);
	}
	assert_int_equal(check(&a, &p, NOW), STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(admission_challenge(&a, "alice", "203.0.114.9:1", NOW, text), 1);
	assert_int_equal(admission_challenge(&a, "alice", p.peer, NOW + DAY, text), 1);
	for (int i = 0; i < 20; i++)
		admission_count(&a, "127.0.0.1:5", NOW + DAY);
	assert_int_equal(admission_challenge(&a, "alice", "127.0.0.1:5", NOW + DAY, text), 1);
	close_it(&a);
}

static void an_invitation_is_signed_dated_and_may_name_one(void **state)
{
	struct admission a;
	char code[ADMISSION_TEXT_MAX], challenge[ADMISSION_TEXT_MAX];
	struct application p = {.name = "alice", .peer = "10.0.0.1:1", .challenge = "", .invitation = code};

	(void)state;
	open_as(&a, "invite", 20);
	admission_invite(&a, "", NOW + DAY, code);
	assert_int_equal(check(&a, &p, NOW), 0);
	assert_int_equal(check(&a, &p, NOW + DAY + 1), STATUS_PERMISSION_DENIED);
	code[3] ^= 1;
	assert_int_equal(check(&a, &p, NOW), STATUS_PERMISSION_DENIED);
	admission_invite(&a, "bob", NOW + DAY, code);
	assert_int_equal(check(&a, &p, NOW), STATUS_PERMISSION_DENIED);
	a.mode = ADMISSION_APPROVE;
	admission_invite(&a, "", NOW + DAY, code);
	assert_int_equal(check(&a, &p, NOW), STATUS_PERMISSION_DENIED);
	admission_invite(&a, "alice", NOW + DAY, code);
	assert_int_equal(check(&a, &p, NOW), 0);
	admission_challenge(&a, "alice", p.peer, NOW, challenge);
	p.invitation = challenge; /* signed as well, for something else */
	assert_int_equal(check(&a, &p, NOW), STATUS_PERMISSION_DENIED);
	p.invitation = "a.b.c";
	assert_int_equal(check(&a, &p, NOW), STATUS_PERMISSION_DENIED);
	close_it(&a);
}

static void an_operators_name_is_reserved(void **state)
{
	static const char *names[] = {"root"};
	struct admission a;
	char code[ADMISSION_TEXT_MAX] = "";
	struct application p = {.name = "root", .peer = "10.0.0.1:1", .challenge = "", .invitation = code};

	(void)state;
	open_as(&a, "open", 0);
	a.admins = (struct texts){names, 1};
	assert_int_equal(check(&a, &p, NOW), STATUS_PERMISSION_DENIED);
	p.peer = "[::1]:7";
	assert_int_equal(check(&a, &p, NOW), 0);
	p.peer = "10.0.0.1:1";
	admission_invite(&a, "", NOW + DAY, code);
	assert_int_equal(check(&a, &p, NOW), STATUS_PERMISSION_DENIED);
	admission_invite(&a, "root", NOW + DAY, code);
	assert_int_equal(check(&a, &p, NOW), 0);
	close_it(&a);
}

static void networks(void **state)
{
	char network[64];

	(void)state;
	assert_true(network_of("203.0.113.9:4711", network));
	assert_string_equal(network, "203.0.113.0/24");
	assert_true(network_of("[2001:db8:1:22ff::5]:1", network));
	assert_string_equal(network, "2001:0db8:0001:2200::/56");
	assert_true(network_of("[::ffff:198.51.100.7]:1", network));
	assert_string_equal(network, "198.51.100.0/24");
	assert_false(network_of("127.0.0.1:1", network));
	assert_false(network_of("[::1]:1", network));
	assert_false(network_of("unix", network));
	assert_false(network_of("", network));
}

static void the_key_stays_and_modes_are_known(void **state)
{
	struct admission a, b;
	struct error err = {0};

	(void)state;
	open_as(&a, "open", 0);
	open_as(&b, "closed", 0);
	assert_string_equal(a.key, b.key);
	assert_int_equal(admission_open(&b, "opne", path, &err), STATUS_INVALID_ARGUMENT);
	close_it(&b);
	close_it(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_is_as_much_as_was_asked),
		cmocka_unit_test(a_challenge_is_for_one_name_and_ten_minutes),
		cmocka_unit_test(each_account_of_a_network_doubles_the_work_and_ten_are_enough),
		cmocka_unit_test(an_invitation_is_signed_dated_and_may_name_one),
		cmocka_unit_test(an_operators_name_is_reserved),
		cmocka_unit_test(networks),
		cmocka_unit_test(the_key_stays_and_modes_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
