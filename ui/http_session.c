#include "ui/http_session.h"

#include <stdio.h>
#include <string.h>

#include "net/clock.h"
#include "net/memory.h"

bool http_secret_equal(const char *a, const char *b)
{
	size_t n = strlen(a);
	int differ = 0;

	if (strlen(b) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

static void random_hex(char *text, size_t bytes)
{
	uint8_t random[32];

	random_bytes(random, bytes);
	for (size_t i = 0; i < bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", random[i]);
	wipe(random, sizeof random);
}

/* --- sessions ------------------------------------------------------------------------------------ */

/* The value of a cookie, into secret; false = the field has none of that name, or it cannot be a secret. */
static bool read_cookie(const char *field, const char *cookie, char secret[HTTP_SECRET_SIZE])
{
	size_t name_n = strlen(cookie), n;

	for (; field != NULL && *field != '\0'; field += strcspn(field, ";")) {
		field += strspn(field, "; ");
		if (strncmp(field, cookie, name_n) != 0 || field[name_n] != '=')
			continue;
		field += name_n + 1;
		n = strcspn(field, "; ");
		if (n != HTTP_SECRET_SIZE - 1)
			continue;
		memcpy(secret, field, n);
		secret[n] = '\0';
		return true;
	}
	return false;
}

uint64_t http_sessions_find(struct http_sessions *s, const char *field, const char *cookie, int64_t now)
{
	char secret[HTTP_SECRET_SIZE];
	uint64_t found = 0;

	if (!read_cookie(field, cookie, secret))
		return 0;
	for (int i = 0; i < HTTP_SESSIONS_MAX; i++) {
		if (s->rows[i].number != 0 && now - s->rows[i].used_at > HTTP_SESSION_IDLE_MS)
			s->rows[i].number = 0;
		if (s->rows[i].number == 0 || !http_secret_equal(s->rows[i].secret, secret))
			continue;
		s->rows[i].used_at = now;
		found = s->rows[i].number;
	}
	wipe(secret, sizeof secret);
	return found;
}

uint64_t http_sessions_begin(struct http_sessions *s, char secret[HTTP_SECRET_SIZE], int64_t now)
{
	int row = 0;

	for (int i = 1; i < HTTP_SESSIONS_MAX && s->rows[row].number != 0; i++)
		if (s->rows[i].number == 0 || s->rows[i].used_at < s->rows[row].used_at)
			row = i;
	random_hex(secret, 32);
	memcpy(s->rows[row].secret, secret, HTTP_SECRET_SIZE);
	s->rows[row].used_at = now;
	return s->rows[row].number = ++s->last;
}

void http_sessions_end(struct http_sessions *s, uint64_t number)
{
	for (int i = 0; i < HTTP_SESSIONS_MAX; i++)
		if (s->rows[i].number == number)
			s->rows[i].number = 0;
}

/* --- keys ---------------------------------------------------------------------------------------- */

void http_sessions_key(struct http_sessions *s, char key[HTTP_KEY_SIZE])
{
	random_hex(key, 16);
	memcpy(s->keys[s->key_next], key, HTTP_KEY_SIZE);
	s->key_next = (s->key_next + 1) % HTTP_KEYS_MAX;
}

bool http_sessions_use_key(struct http_sessions *s, const char *key)
{
	bool found = false;

	if (strlen(key) != HTTP_KEY_SIZE - 1)
		return false;
	for (int i = 0; i < HTTP_KEYS_MAX; i++) {
		if (s->keys[i][0] == '\0' || !http_secret_equal(s->keys[i], key))
			continue;
		s->keys[i][0] = '\0';
		found = true;
	}
	return found;
}
