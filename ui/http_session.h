/* ui/http_session.h - private to the front: who is signed in at a page, and the keys that sign in.
 *
 * Both live in memory only: who ends the program ends them. A browser holds the secret of its session in a
 * cookie that scripts cannot read and that other sites cannot send. */
#ifndef UI_HTTP_SESSION_H
#define UI_HTTP_SESSION_H

#include <stdint.h>

#include "ui/http.h"

#define HTTP_SECRET_SIZE 65 /* 256 random bits in hexadecimal, with the zero */

struct http_sessions {
	struct {
		uint64_t number; /* 0 = there is none here */
		char secret[HTTP_SECRET_SIZE];
		int64_t used_at;
	} rows[HTTP_SESSIONS_MAX];
	uint64_t last;                           /* number given */
	char keys[HTTP_KEYS_MAX][HTTP_KEY_SIZE]; /* "" = none */
	int key_next;
};

/* The number of the session that a Cookie field names by `cookie`, used at `now`; 0 = none. */
uint64_t http_sessions_find(struct http_sessions *s, const char *field, const char *cookie, int64_t now);

/* A new one: its number, and its secret. */
uint64_t http_sessions_begin(struct http_sessions *s, char secret[HTTP_SECRET_SIZE], int64_t now);
void http_sessions_end(struct http_sessions *s, uint64_t number);

void http_sessions_key(struct http_sessions *s, char key[HTTP_KEY_SIZE]);
bool http_sessions_use_key(struct http_sessions *s, const char *key);

#endif
