/* store/store.c - the connection as the store sees it: checked and with its scripts loaded.
 *
 * Redis up -> ask for version, settings, load scripts, all in one write -> every answer good: on_up().
 * A weak setting: on_down(FAILED_PRECONDITION) with the line that cures it, and asked again every
 * RECHECK_MS, so that an operator's CONFIG SET is enough. The connection lost: on_down(UNAVAILABLE); redis.c
 * makes it again and all is asked again, because it may be another server by then.
 *
 * A Redis that has just started must begin a new append-only file before anything is written: when the
 * last one was torn in the middle of a script's writes, Redis cuts it behind the last whole command and
 * leaves the MULTI before it open. It reads that well once; but what it writes next is read inside that
 * MULTI at the start after, and undoes what was acknowledged. (Dying before the new file is finished costs
 * one start more, which closes the MULTI.) */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"
#include "store/call.h"

#define RECHECK_MS 2000

/* What an acknowledged change needs to survive a crash and a full memory (reliability facts 3 and 4). */
static const struct {
	const char *name, *value;
} settings[] = {
	{"appendonly", "yes"},
	{"appendfsync", "always"},
	{"no-appendfsync-on-rewrite", "no"},
	{"maxmemory-policy", "noeviction"},
};

enum { SETTING_COUNT = sizeof(settings) / sizeof(settings[0]) };
enum {
	CHECK_VERSION,
	CHECK_FILE,
	CHECK_NEW_FILE, /* only when CHECK_FILE finds the old one in use */
	CHECK_SETTINGS,
	CHECK_SCRIPTS = CHECK_SETTINGS + SETTING_COUNT,
	CHECK_COUNT = CHECK_SCRIPTS + SCRIPT_COUNT
};

struct check {
	struct redis_req redis;
	struct store *store;
	int number;
};

struct store {
	struct loop *loop;
	struct redis *redis;
	struct store_events events;
	bool up, closing;
	bool told;         /* on_down() was called for `why` */
	struct error why;  /* it is not up */
	struct error weak; /* the first bad answer of this round of checks */
	char version[32];
	struct check checks[CHECK_COUNT];
	int waiting; /* checks without an answer */
	struct timer recheck;
	uint64_t money_moves;
	char fence[64];            /* "" = this pool has not taken the lead */
	bool fenced_off;           /* another has: not up any more, for good */
	struct deferred fence_news;
	void (*closed)(void *user);
	void *closed_user;
};

static void check_all(struct store *s);
static void send_check(struct store *s, int number, const char *a, const char *b, const char *c,
		       size_t c_size);

/* --- reading the answers -------------------------------------------------------------------------- */

static void read_version(struct store *s, const redisReply *reply)
{
	static const char name[] = "redis_version:";
	const char *at = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, name) : NULL;
	size_t n = at != NULL ? strcspn(at + strlen(name), "\r\n") : 0;

	if (at != NULL)
		snprintf(s->version, sizeof(s->version), "%.*s", (int)n, at + strlen(name));
	if (atoi(s->version) >= 7)
		return;
	error_set(&s->weak, STATUS_FAILED_PRECONDITION,
		  "this Redis is version %s; scripts with flags need 7.0",
		  at != NULL ? s->version : "unknown");
	error_hint(&s->weak,
		   "install redis-server 7 or valkey-server, or leave --redis away to get a private one");
}

static void read_setting(struct store *s, int i, const redisReply *reply)
{
	const char *value = "unknown";

	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
		value = reply->element[1]->str;
	if (strcmp(value, settings[i].value) == 0)
		return;
	error_set(&s->weak, STATUS_FAILED_PRECONDITION,
		  "Redis may lose what it has acknowledged: %s is %s, not %s", settings[i].name, value,
		  settings[i].value);
	error_hint(&s->weak, "CONFIG SET %s %s (and for its next start, in redis.conf: %s %s)",
		   settings[i].name, settings[i].value, settings[i].name, settings[i].value);
}

/* Has this server not begun a new append-only file since its start? */
static void read_file(struct store *s, const redisReply *reply)
{
	const char *text = reply->type == REDIS_REPLY_STRING ? reply->str : "";

	if (strstr(text, "aof_rewrite_in_progress:0") != NULL &&
	    strstr(text, "aof_last_rewrite_time_sec:-1") != NULL)
		send_check(s, CHECK_NEW_FILE, "BGREWRITEAOF", NULL, NULL, 0);
}

static void read_refusal(struct store *s, int number, const struct error *err)
{
	bool setting = number >= CHECK_SETTINGS && number < CHECK_SCRIPTS;

	if (number == CHECK_NEW_FILE && err->status != STATUS_UNAVAILABLE && err->status != STATUS_CANCELLED) {
		log_warn("Redis begins no new append-only file: should the old one be torn, what follows may "
			 "be lost error=\"%s\"",
			 err->text);
		return;
	}
	s->weak = *err;
	if (err->status == STATUS_UNAVAILABLE || err->status == STATUS_CANCELLED)
		return;
	s->weak.status = STATUS_FAILED_PRECONDITION;
	if (number >= CHECK_SCRIPTS)
		error_set(&s->weak, STATUS_FAILED_PRECONDITION, "the script %s cannot be loaded: %s",
			  script_name(number - CHECK_SCRIPTS), err->text);
	else if (setting)
		error_hint(&s->weak, "let this user read the settings: ACL SETUSER NAME +config|get");
}

static void tell_down(struct store *s, const struct error *err)
{
	bool news = !s->told || strcmp(s->why.text, err->text) != 0;

	if (s->fenced_off)
		return;
	s->up = false;
	s->why = *err;
	s->told = true;
	if (news)
		s->events.on_down(s, &s->why, s->events.user);
}

static void checks_done(struct store *s)
{
	if (s->fenced_off)
		return;
	if (s->weak.status == 0) {
		s->up = true;
		s->told = false;
		s->events.on_up(s, s->events.user);
		return;
	}
	if (s->closing || s->weak.status != STATUS_FAILED_PRECONDITION)
		return; /* the connection is lost: on_redis_down() says it */
	timer_set(&s->recheck, RECHECK_MS);
	tell_down(s, &s->weak);
}

static void on_check(struct redis_req *redis, const redisReply *reply, const struct error *err)
{
	struct check *check = container_of(redis, struct check, redis);
	struct store *s = check->store;

	if (s->weak.status != 0)
		; /* the first bad answer is the one to tell */
	else if (reply == NULL)
		read_refusal(s, check->number, err);
	else if (check->number == CHECK_VERSION)
		read_version(s, reply);
	else if (check->number == CHECK_FILE)
		read_file(s, reply);
	else if (check->number >= CHECK_SETTINGS && check->number < CHECK_SCRIPTS)
		read_setting(s, check->number - CHECK_SETTINGS, reply);
	if (--s->waiting == 0)
		checks_done(s);
}

/* --- asking ------------------------------------------------------------------------------------------ */

static void send_check(struct store *s, int number, const char *a, const char *b, const char *c,
		       size_t c_size)
{
	struct check *check = &s->checks[number];
	const char *argv[] = {a, b, c};
	const size_t lengths[] = {strlen(a), b != NULL ? strlen(b) : 0, c_size};

	check->redis.on_reply = on_check;
	check->store = s;
	check->number = number;
	s->waiting++;
	redis_send(s->redis, &check->redis, c != NULL ? 3 : b != NULL ? 2 : 1, argv, lengths);
}

static void check_all(struct store *s)
{
	if (s->waiting > 0)
		return;
	error_clear(&s->weak);
	send_check(s, CHECK_VERSION, "INFO", "server", NULL, 0);
	send_check(s, CHECK_FILE, "INFO", "persistence", NULL, 0);
	for (int i = 0; i < SETTING_COUNT; i++)
		send_check(s, CHECK_SETTINGS + i, "CONFIG", "GET", settings[i].name,
			   strlen(settings[i].name));
	for (int i = 0; i < SCRIPT_COUNT; i++) {
		size_t n;
		const char *text = script_text(i, &n);

		send_check(s, CHECK_SCRIPTS + i, "SCRIPT", "LOAD", text, n);
	}
}

static void on_recheck(struct timer *t)
{
	struct store *s = container_of(t, struct store, recheck);

	if (redis_is_up(s->redis))
		check_all(s);
}

static void on_redis_up(struct redis *r, void *user)
{
	struct store *s = user;

	(void)r;
	check_all(s);
}

static void on_redis_down(struct redis *r, const struct error *err, void *user)
{
	struct store *s = user;

	(void)r;
	timer_clear(&s->recheck);
	tell_down(s, err);
}

/* --- the outside -------------------------------------------------------------------------------------- */

struct store *store_open(struct loop *loop, const struct redis_address *a, const struct store_events *events)
{
	struct store *s = xcalloc(1, sizeof(*s));
	const struct redis_events redis_events = {on_redis_up, on_redis_down, s};

	s->loop = loop;
	s->events = *events;
	error_set(&s->why, STATUS_UNAVAILABLE, "Redis is not connected yet");
	timer_init(loop, &s->recheck, on_recheck);
	s->redis = redis_open(loop, a, &redis_events);
	return s;
}

bool store_is_up(const struct store *s)
{
	return s->up && redis_is_up(s->redis);
}

const char *store_redis_version(const struct store *s)
{
	return s->version;
}

uint64_t store_money_moves(const struct store *s)
{
	return s->money_moves;
}

void store_note_move(struct store *s)
{
	s->money_moves++;
}

struct redis *store_redis(const struct store *s)
{
	return s->redis;
}

const struct error *store_why(const struct store *s)
{
	static const struct error lost = {STATUS_UNAVAILABLE, "the connection to Redis was lost", ""};

	return s->up ? &lost : &s->why;
}

/* --- who leads ------------------------------------------------------------------------------------------ */

const char *store_fence(const struct store *s)
{
	return s->fence;
}

void store_set_fence(struct store *s, const char *fence)
{
	text_copy(s->fence, sizeof(s->fence), fence);
}

static void on_fence_news(struct deferred *d)
{
	struct store *s = container_of(d, struct store, fence_news);

	if (s->events.on_fenced_off != NULL && !s->closing)
		s->events.on_fenced_off(s, &s->why, s->events.user);
}

void store_fenced_off(struct store *s, const char *leader)
{
	if (s->fenced_off)
		return;
	s->up = false;
	s->fenced_off = true;
	if (leader[0] != '\0')
		error_set(&s->why, STATUS_UNAVAILABLE, "another pool leads now: %.200s", leader);
	else
		error_set(&s->why, STATUS_UNAVAILABLE, "this Redis does not know that this pool leads it: it has lost "
			  "what it held, or its pool ended");
	loop_defer(s->loop, &s->fence_news, on_fence_news);
}

static void on_timer_closed(struct timer *t)
{
	struct store *s = container_of(t, struct store, recheck);
	void (*closed)(void *user) = s->closed;
	void *user = s->closed_user;

	free(s);
	if (closed != NULL)
		closed(user);
}

static void on_redis_closed(void *user)
{
	struct store *s = user;

	timer_close(&s->recheck, on_timer_closed);
}

void store_close(struct store *s, void (*closed)(void *user), void *user)
{
	s->closed = closed;
	s->closed_user = user;
	s->up = false;
	s->closing = true;
	loop_undefer(s->loop, &s->fence_news);
	timer_clear(&s->recheck);
	redis_close(s->redis, on_redis_closed, s);
}
