#include "net/sha256.h"

void sha256_init(struct sha256 *s)
{
	mbedtls_sha256_init(&s->ctx);
	mbedtls_sha256_starts_ret(&s->ctx, 0);
}

void sha256_update(struct sha256 *s, const void *data, size_t n)
{
	mbedtls_sha256_update_ret(&s->ctx, data, n);
}

void sha256_hex(struct sha256 *s, char hex[65])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum[32];

	mbedtls_sha256_finish_ret(&s->ctx, sum);
	mbedtls_sha256_free(&s->ctx);
	for (int i = 0; i < 32; i++) {
		hex[2 * i] = digits[sum[i] >> 4];
		hex[2 * i + 1] = digits[sum[i] & 15];
	}
	hex[64] = '\0';
}

void sha256_hex_of(const void *data, size_t n, char hex[65])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, data, n);
	sha256_hex(&s, hex);
}
