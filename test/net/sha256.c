/* test/net/sha256.c - SHA-256 against the examples of FIPS 180-4, in one piece and in many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "net/sha256.h"

static void known_texts_have_their_known_hashes(void **state)
{
	char hex[65];

	(void)state;
	sha256_hex_of("", 0, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_hex_of("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void pieces_of_any_size_give_the_hash_of_the_whole(void **state)
{
	static uint8_t million[1000000];
	struct sha256 s;
	char hex[65];

	(void)state;
	memset(million, 'a', sizeof million);
	sha256_init(&s);
	for (size_t at = 0, n = 1; at < sizeof million; at += n, n = n * 3 % 4099) {
		if (n > sizeof million - at)
			n = sizeof million - at;
		sha256_update(&s, million + at, n);
	}
	sha256_hex(&s, hex);
	assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts_have_their_known_hashes),
		cmocka_unit_test(pieces_of_any_size_give_the_hash_of_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
