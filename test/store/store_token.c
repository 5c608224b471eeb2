/* test/store/store_token.c - tokens: made, found, listed, ended, and heard of by every pool. */
#include "test/store/asking.h"

#include "proto/limits.h"

#define ID1 "1111111111111111"
#define ID2 "2222222222222222"
#define ID3 "3333333333333333"

static char shas[4][SHA256_HEX_SIZE];

static const char *sha(int i)
{
	memset(shas[i], "abcd"[i], 64);
	return shas[i];
}

static void account(const char *id, const char *name)
{
	const struct registration r = {.id = id, .name = name, .password = "$y$hash", .now_ms = NOW, .call_id = ""};

	store_register(real.store, ask_(), &r);
	ok();
}

static struct token_grant grant(const char *id, const char *sha256, unsigned scopes, const char *by)
{
	return (struct token_grant){.sha256 = sha256, .account = ALICE, .id = id, .name = "n", .by = by, .call_id = "",
				    .scopes = scopes, .expires_ms = NOW + 100000, .now_ms = NOW};
}

static void add(struct token_grant g)
{
	store_token_add(real.store, ask_(), &g);
	ok();
}

static void is_there(const char *sha256, bool there)
{
	store_token_find(real.store, ask_(), sha256);
	if (there)
		ok();
	else
		refused(STATUS_NOT_FOUND);
}

static void a_token_is_found_until_its_time_is_over(void **state)
{
	struct token_grant g = grant(ID1, sha(0), 7, "");
	int64_t begin = clock_ms();

	(void)state;
	store_token_add(real.store, ask_(), &g);
	refused(STATUS_NOT_FOUND);
	account(ALICE, "alice");
	g.expires_ms = NOW;
	store_token_add(real.store, ask_(), &g);
	refused(STATUS_FAILED_PRECONDITION);
	g.expires_ms = NOW + 300;
	add(g);
	store_token_find(real.store, ask_(), sha(0));
	ok();
	assert_string_equal(a.req.account->name, "alice");
	assert_string_equal(a.req.tokens[0]->id, ID1);
	assert_string_equal(a.req.tokens[0]->scopes, "submit read worker");
	assert_int_equal(a.req.scopes, 7);
	assert_int_equal(a.req.expires_ms, NOW + 300);
	do {
		store_token_find(real.store, ask_(), sha(0));
		run_until(&real.loop, &a.done);
		assert_true(clock_ms() < begin + DEADLINE_MS);
	} while (a.req.error.status == 0);
	assert_int_equal(a.req.error.status, STATUS_NOT_FOUND);
	store_token_used(real.store, ask_(), sha(0), NOW);
	ok();
	is_there(sha(0), false);
}

static void a_list_has_all_of_one_account_and_no_secret(void **state)
{
	(void)state;
	account(ALICE, "alice");
	add(grant(ID1, sha(0), 7, ""));
	add(grant(ID2, sha(1), 2, ID1));
	store_token_used(real.store, ask_(), sha(1), NOW + 5);
	ok();
	store_tokens(real.store, ask_(), ALICE);
	ok();
	assert_int_equal(a.req.count, 2);
	assert_string_equal(a.req.tokens[1]->id, ID2);
	assert_string_equal(a.req.tokens[1]->by, ID1);
	assert_string_equal(a.req.tokens[1]->scopes, "read");
	assert_int_equal(a.req.tokens[1]->last_used_ms, NOW + 5);
	store_tokens(real.store, ask_(), "0000000000000002");
	ok();
	assert_int_equal(a.req.count, 0);
}

static void revoking_ends_what_was_made_with_it_and_every_pool_hears(void **state)
{
	int64_t place;

	(void)state;
	account(ALICE, "alice");
	add(grant(ID1, sha(0), 7, ""));
	add(grant(ID2, sha(1), 7, ID1));
	add(grant(ID3, sha(2), 7, ID2));
	store_revoked(real.store, ask_(), -1);
	ok();
	place = (int64_t)a.req.next;
	assert_int_equal(a.req.number, 0);
	store_token_revoke(real.store, ask_(), ALICE, "2222", 7, ID1, true);
	ok();
	assert_int_equal(a.req.number, 2);
	is_there(sha(0), true);
	is_there(sha(1), false);
	is_there(sha(2), false);
	store_revoked(real.store, ask_(), place);
	ok();
	assert_int_equal(a.req.number, 2);
	assert_int_equal(a.req.next, place + 2);
	store_revoked(real.store, ask_(), place + 2);
	ok();
	assert_int_equal(a.req.number, 0);
}

static void a_logout_ends_one_token_only(void **state)
{
	(void)state;
	account(ALICE, "alice");
	add(grant(ID1, sha(0), 7, ""));
	add(grant(ID2, sha(1), 7, ID1));
	store_token_revoke(real.store, ask_(), ALICE, ID1, 7, ID1, false);
	ok();
	is_there(sha(0), false);
	is_there(sha(1), true);
}

static void a_token_ends_only_what_can_do_no_more_and_itself(void **state)
{
	(void)state;
	account(ALICE, "alice");
	add(grant(ID1, sha(0), 7, ""));
	add(grant(ID2, sha(1), 4, ID1));
	store_token_revoke(real.store, ask_(), ALICE, ID1, 4, ID2, true);
	refused(STATUS_PERMISSION_DENIED);
	store_token_revoke(real.store, ask_(), "0000000000000002", ID1, 31, ID3, true);
	refused(STATUS_NOT_FOUND);
	store_token_revoke(real.store, ask_(), ALICE, ID2, 4, ID2, true);
	ok();
	is_there(sha(0), true);
}

static void a_repeat_keeps_the_id_and_ends_the_first_secret(void **state)
{
	struct token_grant g = grant(ID1, sha(0), 2, "");

	(void)state;
	account(ALICE, "alice");
	g.call_id = "c";
	add(g);
	g.sha256 = sha(1);
	g.id = ID2;
	add(g);
	assert_string_equal(a.req.id, ID1);
	is_there(sha(0), false);
	is_there(sha(1), true);
	g.scopes = 4;
	store_token_add(real.store, ask_(), &g);
	refused(STATUS_ABORTED);
	store_token_revoke(real.store, ask_(), ALICE, ID1, 7, ID3, true);
	ok();
	g.scopes = 2;
	store_token_add(real.store, ask_(), &g);
	refused(STATUS_FAILED_PRECONDITION); /* a repeat does not undo a revocation */
}

static void a_full_account_takes_a_login_and_no_more(void **state)
{
	struct token_grant g = grant(ID1, sha(0), 2, "");
	char sha256[SHA256_HEX_SIZE];

	(void)state;
	account(ALICE, "alice");
	for (int i = 0; i < TOKENS_MAX; i++) {
		snprintf(sha256, sizeof sha256, "%064d", i);
		g.sha256 = sha256;
		g.expires_ms = NOW + 100000 + i;
		add(g);
	}
	g.sha256 = sha(0);
	store_token_add(real.store, ask_(), &g);
	refused(STATUS_RESOURCE_EXHAUSTED);
	g.make_room = true;
	add(g);
	snprintf(sha256, sizeof sha256, "%064d", 0);
	is_there(sha256, false);
	is_there(sha(0), true);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		T(a_token_is_found_until_its_time_is_over),
		T(a_list_has_all_of_one_account_and_no_secret),
		T(revoking_ends_what_was_made_with_it_and_every_pool_hears),
		T(a_logout_ends_one_token_only),
		T(a_token_ends_only_what_can_do_no_more_and_itself),
		T(a_repeat_keeps_the_id_and_ends_the_first_secret),
		T(a_full_account_takes_a_login_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
