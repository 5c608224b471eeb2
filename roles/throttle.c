/* roles/throttle.c - see roles/throttle.h: two tables by name and by source, and a bucket.
 * Pure: no I/O, no clock. */
#include "roles/throttle.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define SCAN_MAX 64 /* entries looked at to make room */

struct throttle_name {
	char name[ACCOUNT_NAME_MAX + 1];
	unsigned failures;
	int64_t next_ms; /* not tried before */
	bool known;
	UT_hash_handle hh;
};

struct throttle_source {
	char key[64];
	struct throttle_bucket bucket;
	unsigned registered;
	int64_t day_ms; /* when the first of these was */
	UT_hash_handle hh;
};

/* --- where from -------------------------------------------------------------------------------- */

static bool ipv6_of(const char *peer, struct in6_addr *address)
{
	char text[64];
	size_t n = strcspn(peer, "]");

	if (peer[0] != '[' || n >= sizeof text)
		return false;
	memcpy(text, peer + 1, n - 1);
	text[n - 1] = '\0';
	return inet_pton(AF_INET6, text, address) == 1;
}

/* The source that "1.2.3.4:567" or "[2001:db8::1]:567" belongs to; false = this machine. */
static bool source_of(const char *peer, char *key, size_t n)
{
	struct in6_addr six;

	if (ipv6_of(peer, &six) && !IN6_IS_ADDR_V4MAPPED(&six)) {
		const uint8_t *b = six.s6_addr;

		snprintf(key, n, "%02x%02x:%02x%02x:%02x%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5], b[6]);
		return !IN6_IS_ADDR_LOOPBACK(&six);
	}
	if (ipv6_of(peer, &six))
		inet_ntop(AF_INET, six.s6_addr + 12, key, (socklen_t)n);
	else
		snprintf(key, n, "%.*s", (int)strcspn(peer, ":"), peer);
	return strncmp(key, "127.", 4) != 0 && strcmp(key, "unix") != 0;
}

/* --- buckets ----------------------------------------------------------------------------------- */

static bool take(struct throttle_bucket *b, int64_t per_s, int64_t burst, int64_t now)
{
	int64_t filled = b->at_ms == 0 ? burst * 1000 : b->milli + (now - b->at_ms) * per_s;

	b->milli = filled < burst * 1000 ? filled : burst * 1000;
	b->at_ms = now;
	if (b->milli < 1000)
		return false;
	b->milli -= 1000;
	return true;
}

/* --- tables ------------------------------------------------------------------------------------ */

/* Failures of real accounts that wait are kept as long as others can go. */
static void make_room_for_name(struct throttle *t)
{
	struct throttle_name *e = t->names;

	if (HASH_COUNT(t->names) < THROTTLE_ENTRIES_MAX)
		return;
	for (int i = 0; i < SCAN_MAX && e->known && e->failures > THROTTLE_FREE; i++, e = t->names) {
		HASH_DEL(t->names, e);
		HASH_ADD_STR(t->names, name, e);
	}
	HASH_DEL(t->names, e);
	free(e);
}

static struct throttle_name *name_entry(struct throttle *t, const char *name)
{
	struct throttle_name *e;

	HASH_FIND_STR(t->names, name, e);
	if (e != NULL) {
		HASH_DEL(t->names, e);
	} else {
		make_room_for_name(t);
		e = xcalloc(1, sizeof *e);
		text_copy(e->name, sizeof e->name, name);
	}
	HASH_ADD_STR(t->names, name, e);
	return e;
}

static struct throttle_source *source_entry(struct throttle *t, const char *key)
{
	struct throttle_source *e, *oldest = t->sources;

	HASH_FIND_STR(t->sources, key, e);
	if (e != NULL) {
		HASH_DEL(t->sources, e);
	} else {
		if (HASH_COUNT(t->sources) >= THROTTLE_ENTRIES_MAX) {
			HASH_DEL(t->sources, oldest);
			free(oldest);
		}
		e = xcalloc(1, sizeof *e);
		text_copy(e->key, sizeof e->key, key);
	}
	HASH_ADD_STR(t->sources, key, e);
	return e;
}

/* --- logins ------------------------------------------------------------------------------------ */

static int64_t delay_after(unsigned failures)
{
	unsigned doublings = failures - THROTTLE_FREE - 1;

	if (failures <= THROTTLE_FREE)
		return 0;
	if (failures >= THROTTLE_MOST)
		return THROTTLE_DAY_MS;
	return doublings < 12 ? 1000ll << doublings : THROTTLE_HOUR_MS;
}

static int check_source(struct throttle *t, const char *peer, int64_t now, struct error *err)
{
	char key[64];

	if (!source_of(peer, key, sizeof key))
		return 0;
	if (take(&source_entry(t, key)->bucket, THROTTLE_SOURCE_PER_S, THROTTLE_SOURCE_BURST, now) &&
	    take(&t->all, THROTTLE_ALL_PER_S, THROTTLE_ALL_BURST, now))
		return 0;
	error_set(err, STATUS_RESOURCE_EXHAUSTED, "too many people log in at this moment");
	return error_hint(err, "try again in a minute");
}

int throttle_login(struct throttle *t, const char *name, bool known, const char *peer, int64_t now,
		   struct error *err)
{
	struct throttle_name *e = name_entry(t, name);

	e->known = known;
	if (now < e->next_ms) {
		error_set(err, STATUS_RESOURCE_EXHAUSTED,
			  "too many wrong passwords for this name; the next try is in %lld s",
			  (long long)(e->next_ms - now + 999) / 1000);
		return error_hint(err, "a machine that is logged in already still works");
	}
	if (check_source(t, peer, now, err) != 0)
		return err->status;
	e->failures++;
	e->next_ms = now + delay_after(e->failures);
	return 0;
}

void throttle_right(struct throttle *t, const char *name)
{
	struct throttle_name *e;

	HASH_FIND_STR(t->names, name, e);
	if (e == NULL)
		return;
	HASH_DEL(t->names, e);
	free(e);
}

/* --- registrations ----------------------------------------------------------------------------- */

int throttle_register(struct throttle *t, const char *peer, unsigned per_day, int64_t now, struct error *err)
{
	struct throttle_source *e;
	char key[64];

	if (!source_of(peer, key, sizeof key))
		return 0;
	if (check_source(t, peer, now, err) != 0)
		return err->status;
	e = source_entry(t, key);
	if (e->registered == 0 || now - e->day_ms >= THROTTLE_DAY_MS) {
		e->registered = 0;
		e->day_ms = now;
	}
	if (e->registered < per_day) {
		e->registered++;
		return 0;
	}
	error_set(err, STATUS_RESOURCE_EXHAUSTED, "%u accounts were made from your address within a day", per_day);
	return error_hint(err, "try again tomorrow, or ask the pool's operator");
}

void throttle_give_back(struct throttle *t, const char *peer)
{
	struct throttle_source *e;
	char key[64];

	if (!source_of(peer, key, sizeof key))
		return;
	HASH_FIND_STR(t->sources, key, e);
	if (e != NULL && e->registered > 0)
		e->registered--;
}

void throttle_release(struct throttle *t)
{
	struct throttle_name *n, *next_name;
	struct throttle_source *s, *next_source;

	HASH_ITER(hh, t->names, n, next_name) {
		HASH_DEL(t->names, n);
		free(n);
	}
	HASH_ITER(hh, t->sources, s, next_source) {
		HASH_DEL(t->sources, s);
		free(s);
	}
}
