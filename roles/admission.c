/* roles/admission.c - see roles/admission.h. A signed text is "FIELD.FIELD.FIELD.MAC"; the MAC is made with
 * the key and a word that says what the text is for, so that a challenge is no invitation. */
#include "roles/admission.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "net/clock.h"
#include "net/memory.h"
#include "net/secret_file.h"
#include "net/sha256.h"
#include "proto/status.h"

#define CHALLENGE_MS (10ll * 60 * 1000)
#define DAY_MS (24ll * 3600 * 1000)
#define NETWORK_DAY_MAX 10 /* accounts of one network in a day */
#define POOL_DAY_MAX 1000
#define FIELDS 4
#define ANYBODY "+"

struct network {
	char name[64];
	unsigned accounts;
	UT_hash_handle hh;
};

static const char *const modes[] = {"open", "invite", "approve", "closed"};

/* --- signed texts ------------------------------------------------------------------------------- */

/* Keyed twice, as HMAC is. */
static void sign(const struct admission *a, const char *use, const char *text, char mac[SHA256_HEX_SIZE])
{
	struct sha256 s;
	char inner[SHA256_HEX_SIZE];

	sha256_init(&s);
	sha256_update(&s, a->key, strlen(a->key));
	sha256_update(&s, use, strlen(use) + 1);
	sha256_update(&s, text, strlen(text));
	sha256_hex(&s, inner);
	sha256_init(&s);
	sha256_update(&s, inner, strlen(inner));
	sha256_update(&s, a->key, strlen(a->key));
	sha256_hex(&s, mac);
}

#define MAC_LENGTH 32 /* 128 bits are enough */

static void seal(const struct admission *a, const char *use, char text[ADMISSION_TEXT_MAX])
{
	char mac[SHA256_HEX_SIZE];
	size_t n = strlen(text);

	sign(a, use, text, mac);
	snprintf(text + n, ADMISSION_TEXT_MAX - n, ".%.*s", MAC_LENGTH, mac);
}

/* Is it ours? Then its fields are split in place. */
static bool open_sealed(const struct admission *a, const char *use, const char *sealed,
			char copy[ADMISSION_TEXT_MAX], char *fields[FIELDS])
{
	char mac[SHA256_HEX_SIZE];
	char *dot = NULL;
	unsigned differs = 0;

	if (strlen(sealed) < ADMISSION_TEXT_MAX) {
		strcpy(copy, sealed);
		dot = strrchr(copy, '.');
	}
	if (dot == NULL || strlen(dot + 1) != MAC_LENGTH)
		return false;
	*dot = '\0';
	sign(a, use, copy, mac);
	for (int i = 0; i < MAC_LENGTH; i++)
		differs |= (unsigned)(mac[i] ^ dot[1 + i]);
	if (differs != 0)
		return false;
	fields[0] = copy;
	for (int i = 1; i < FIELDS - 1; i++) { /* ours, so they are all there */
		fields[i] = strchr(fields[i - 1], '.') + 1;
		fields[i][-1] = '\0';
	}
	return true;
}

/* --- networks ------------------------------------------------------------------------------------- */

bool network_of(const char *peer, char network[64])
{
	struct in6_addr six;
	struct in_addr four;
	char host[64];
	const char *end = strrchr(peer, ':');
	uint8_t *b = six.s6_addr;

	text_copy(host, sizeof host, peer[0] == '[' ? peer + 1 : peer);
	if (end != NULL && (size_t)(end - peer) < sizeof host)
		host[end - peer - (peer[0] == '[' ? 2 : 0)] = '\0';
	if (strncmp(host, "::ffff:", 7) == 0)
		memmove(host, host + 7, strlen(host + 7) + 1);
	if (inet_pton(AF_INET, host, &four) == 1) {
		const uint8_t *f = (const uint8_t *)&four;

		snprintf(network, 64, "%u.%u.%u.0/24", f[0], f[1], f[2]);
		return f[0] != 127;
	}
	if (inet_pton(AF_INET6, host, &six) != 1)
		return false; /* a unix socket */
	snprintf(network, 64, "%02x%02x:%02x%02x:%02x%02x:%02x00::/56", b[0], b[1], b[2], b[3], b[4], b[5], b[6]);
	return !IN6_IS_ADDR_LOOPBACK(&six);
}

static void next_day(struct admission *a, int64_t now_ms)
{
	struct network *n, *next;

	if (a->day == now_ms / DAY_MS)
		return;
	a->day = now_ms / DAY_MS;
	a->today = 0;
	HASH_ITER(hh, a->networks, n, next)
	{
		HASH_DEL(a->networks, n);
		free(n);
	}
}

static unsigned accounts_of(struct admission *a, const char *peer, int64_t now_ms)
{
	struct network *n = NULL;
	char name[64];

	next_day(a, now_ms);
	if (network_of(peer, name))
		HASH_FIND_STR(a->networks, name, n);
	return n != NULL ? n->accounts : 0;
}

void admission_count(struct admission *a, const char *peer, int64_t now_ms)
{
	struct network *n = NULL;
	char name[64];

	next_day(a, now_ms);
	if (!network_of(peer, name))
		return;
	a->today++;
	HASH_FIND_STR(a->networks, name, n);
	if (n == NULL) {
		n = xcalloc(1, sizeof *n);
		text_copy(n->name, sizeof n->name, name);
		HASH_ADD_STR(a->networks, name, n);
	}
	n->accounts++;
}

/* --- the work --------------------------------------------------------------------------------------- */

bool work_is_done(const char *challenge, uint64_t nonce, unsigned bits)
{
	char text[ADMISSION_TEXT_MAX + 24], hex[SHA256_HEX_SIZE];
	int n = snprintf(text, sizeof text, "%.*s %llu", ADMISSION_TEXT_MAX, challenge, (unsigned long long)nonce);
	unsigned zeros = 0;

	sha256_hex_of(text, (size_t)n, hex);
	for (const char *p = hex; *p == '0'; p++)
		zeros += 4;
	for (char c = hex[zeros / 4]; c != '\0' && c < '8'; c = (char)('0' + (c - '0') * 2)) {
		zeros++;
		if (c >= '4')
			break;
	}
	return zeros >= bits;
}

uint64_t work_do(const char *challenge, unsigned bits)
{
	uint64_t nonce = 0;

	while (!work_is_done(challenge, nonce, bits))
		nonce++;
	return nonce;
}

/* --- who may ------------------------------------------------------------------------------------------ */

unsigned admission_challenge(struct admission *a, const char *name, const char *peer, int64_t now_ms,
			     char text[ADMISSION_TEXT_MAX])
{
	unsigned bits = a->mode == ADMISSION_OPEN && a->work_bits > 0
				? a->work_bits + accounts_of(a, peer, now_ms)
				: 0;

	if (bits > WORK_BITS_MAX)
		bits = WORK_BITS_MAX;
	snprintf(text, ADMISSION_TEXT_MAX, "%.*s.%u.%lld", ACCOUNT_NAME_MAX, name, bits,
		 (long long)(now_ms + CHALLENGE_MS));
	seal(a, "challenge", text);
	return bits;
}

void admission_invite(const struct admission *a, const char *name, int64_t expires_ms,
		      char code[ADMISSION_TEXT_MAX])
{
	char id[ID_SIZE];

	random_id(id);
	snprintf(code, ADMISSION_TEXT_MAX, "%.*s.%s.%lld", ACCOUNT_NAME_MAX, name[0] != '\0' ? name : ANYBODY, id,
		 (long long)expires_ms);
	seal(a, "invitation", code);
}

static int check_invitation(const struct admission *a, const struct application *p, int64_t now_ms,
			    bool own_name, char call_id[CALL_ID_MAX + 1], struct error *err)
{
	char copy[ADMISSION_TEXT_MAX], *fields[FIELDS];

	if (p->invitation[0] == '\0') {
		error_set(err, STATUS_PERMISSION_DENIED, "this pool takes new accounts by invitation%s",
			  own_name ? " of this name" : "");
		return error_hint(err, "ask its operator for one, then   hivemind register %s --invitation CODE", p->name);
	}
	if (!open_sealed(a, "invitation", p->invitation, copy, fields))
		return error_set(err, STATUS_PERMISSION_DENIED, "this invitation is not of this pool");
	if (strtoll(fields[2], NULL, 10) < now_ms)
		return error_set(err, STATUS_PERMISSION_DENIED, "this invitation is too old");
	if (strcmp(fields[0], p->name) != 0 && (own_name || strcmp(fields[0], ANYBODY) != 0))
		return error_set(err, STATUS_PERMISSION_DENIED, "this invitation is not for the name \"%s\"", p->name);
	snprintf(call_id, CALL_ID_MAX + 1, "invitation-%s", fields[1]);
	return 0;
}

static int check_work(struct admission *a, const struct application *p, int64_t now_ms, struct error *err)
{
	char copy[ADMISSION_TEXT_MAX], *fields[FIELDS];

	if (accounts_of(a, p->peer, now_ms) >= NETWORK_DAY_MAX || a->today >= POOL_DAY_MAX)
		return error_set(err, STATUS_RESOURCE_EXHAUSTED, "too many new accounts from this network today");
	if (a->work_bits == 0)
		return 0;
	if (open_sealed(a, "challenge", p->challenge, copy, fields) && strcmp(fields[0], p->name) == 0 &&
	    strtoll(fields[2], NULL, 10) >= now_ms &&
	    work_is_done(p->challenge, p->nonce, (unsigned)atoi(fields[1])))
		return 0;
	error_set(err, STATUS_FAILED_PRECONDITION, "a new account costs some work first, and it has not been done");
	return error_hint(err, "ask Accounts.Challenge what it is; hivemind register does it by itself");
}

int admission_check(struct admission *a, const struct application *p, int64_t now_ms,
		    char call_id[CALL_ID_MAX + 1], struct error *err)
{
	bool reserved = admission_is_admin(a, p->name);
	char network[64];

	call_id[0] = '\0';
	if (reserved && p->invitation[0] == '\0' && !network_of(p->peer, network))
		return 0;
	if (a->mode == ADMISSION_OPEN && !reserved)
		return check_work(a, p, now_ms, err);
	if (a->mode != ADMISSION_CLOSED || reserved)
		return check_invitation(a, p, now_ms, reserved || a->mode == ADMISSION_APPROVE, call_id, err);
	error_set(err, STATUS_PERMISSION_DENIED, "this pool takes no new accounts");
	return error_hint(err, "ask its operator");
}

/* --- open and close ------------------------------------------------------------------------------------- */

bool admission_is_admin(const struct admission *a, const char *name)
{
	for (int i = 0; i < a->admins.n; i++)
		if (strcmp(a->admins.at[i], name) == 0)
			return true;
	return false;
}

const char *admission_mode_name(const struct admission *a)
{
	return modes[a->mode];
}

static int read_key(struct admission *a, const char *path, struct error *err)
{
	struct buf text = {0};
	uint8_t secret[32];
	int rc = secret_file_read(path, &text, err);

	if (rc == STATUS_NOT_FOUND) {
		error_clear(err);
		random_bytes(secret, sizeof secret);
		sha256_hex_of(secret, sizeof secret, a->key);
		return secret_file_write(path, 0600, a->key, strlen(a->key), err);
	}
	if (rc == 0 && text.n != SHA256_HEX_SIZE - 1)
		rc = error_set(err, STATUS_DATA_LOSS, "%s is not the key that it should be", path);
	if (rc == 0)
		text_copy(a->key, sizeof a->key, buf_text(&text));
	secret_buf_release(&text);
	return rc;
}

int admission_open(struct admission *a, const char *mode, const char *key_path, struct error *err)
{
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		if (strcmp(mode, modes[i]) == 0) {
			a->mode = (enum admission_mode)i;
			return read_key(a, key_path, err);
		}
	}
	return error_set(err, STATUS_INVALID_ARGUMENT,
			 "--register is open, invite, approve or closed, not \"%.40s\"", mode);
}

void admission_close(struct admission *a)
{
	next_day(a, -DAY_MS);
	wipe(a->key, sizeof a->key);
}
