/* store/redis.c - one connection to Redis on the loop.
 *
 * Owns the hiredis context, its link to the loop (redis_link.h) and the requests under way.
 *
 *     WAITING -> RESOLVING -> CONNECTING -> GREETING (AUTH, SELECT, PING) -> UP
 *        ^------------------------------------------------------------------/   lost: after a back-off
 *
 * hiredis frees its context by itself when anything goes wrong; its cleanup hook is the one call that
 * always comes then, so on_gone() alone ends a connection. It answers nothing itself: every
 * pending request is deferred with its error, so that no owner runs inside hiredis's teardown. */
#include "store/redis.h"

#include <hiredis/async.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/memory.h"
#include "net/metrics.h"
#include "net/step.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "store/redis_link.h"

#define BACK_OFF_MIN_MS 50
#define BACK_OFF_MAX_MS 5000
#define SECOND_LOOK_MS 20 /* replies that wait in the socket while we slept are read before we judge */

enum { WAITING, RESOLVING, CONNECTING, GREETING, UP, CLOSING };

static const struct state states[] = {
	[WAITING] = {"WAITING", TO(RESOLVING) | TO(CONNECTING) | TO(CLOSING)},
	[RESOLVING] = {"RESOLVING", TO(CONNECTING) | TO(WAITING) | TO(CLOSING)},
	[CONNECTING] = {"CONNECTING", TO(GREETING) | TO(WAITING) | TO(CLOSING)},
	[GREETING] = {"GREETING", TO(UP) | TO(WAITING) | TO(CLOSING)},
	[UP] = {"UP", TO(WAITING) | TO(CLOSING)},
	[CLOSING] = {"CLOSING", 0},
};

struct redis {
	struct loop *loop;
	struct redis_address address;
	struct redis_events events;
	struct step step;
	redisAsyncContext *context; /* NULL = none */
	struct redis_req *pending;  /* sent, in the order of their replies */
	struct redis_req *suspect;  /* was overdue at the last look */
	struct timer retry;         /* in WAITING */
	struct timer guard;         /* looks for what is overdue */
	struct deferred lost, finish;
	struct error why; /* of the end of this connection */
	uv_getaddrinfo_t resolve;
	uint32_t back_off_ms;
	unsigned open; /* handles and look-ups that are not closed */
	void (*closed)(void *user);
	void *closed_user;
	char label[300];
};

static void start_connecting(struct redis *r);
static void one_closed(struct redis *r);

/* --- the end of a connection ------------------------------------------------------------------- */

static const struct error *why(struct redis *r, const redisAsyncContext *context)
{
	if (r->why.status == 0) {
		error_set(&r->why, STATUS_UNAVAILABLE, "Redis at %s cannot be reached: %s", r->label,
			  context->err != 0 && context->errstr != NULL ? context->errstr
								       : "the connection broke");
		error_hint(&r->why, "is it running? try: redis-cli %s%s ping",
			   r->address.path[0] ? "-s " : "-h ",
			   r->address.path[0] ? r->address.path : r->address.host);
	}
	return &r->why;
}

static void schedule_retry(struct redis *r)
{
	uint32_t ms = r->back_off_ms;

	r->back_off_ms = ms * 2 < BACK_OFF_MAX_MS ? ms * 2 : BACK_OFF_MAX_MS;
	timer_set(&r->retry, ms / 2 + random_below(ms / 2 + 1));
}

static void on_lost(struct deferred *d)
{
	struct redis *r = container_of(d, struct redis, lost);

	schedule_retry(r);
	r->events.on_down(r, &r->why, r->events.user);
}

static void connection_ended(struct redis *r)
{
	timer_clear(&r->guard);
	r->suspect = NULL;
	if (r->step.at == CLOSING)
		return;
	step_to(&r->step, WAITING, "redis");
	loop_defer(r->loop, &r->lost, on_lost);
}

static void on_gone(redisAsyncContext *context, void *user)
{
	struct redis *r = user;

	why(r, context);
	r->context = NULL;
	connection_ended(r);
}

static void on_link_closed(void *user)
{
	one_closed(user);
}

/* --- requests ----------------------------------------------------------------------------------- */

static void answer_with_error(struct deferred *d)
{
	struct redis_req *req = container_of(d, struct redis_req, deferred);
	struct error err = req->error; /* the owner may free req */

	req->on_reply(req, NULL, &err);
}

static void fail_later(struct redis *r, struct redis_req *req)
{
	if (r->step.at == CLOSING)
		error_set(&req->error, STATUS_CANCELLED, "the connection to Redis was closed");
	loop_defer(r->loop, &req->deferred, answer_with_error);
}

static const struct {
	const char *word;
	int status;
} error_words[] = {
	{"OOM ", STATUS_RESOURCE_EXHAUSTED}, {"MISCONF ", STATUS_RESOURCE_EXHAUSTED},
	{"READONLY ", STATUS_UNAVAILABLE},   {"LOADING ", STATUS_UNAVAILABLE},
	{"MASTERDOWN ", STATUS_UNAVAILABLE}, {"BUSY ", STATUS_UNAVAILABLE},
	{"TRYAGAIN ", STATUS_UNAVAILABLE},   {"NOREPLICAS ", STATUS_UNAVAILABLE},
	{"NOSCRIPT ", STATUS_NOT_FOUND},     {"NOPERM ", STATUS_PERMISSION_DENIED},
	{"NOAUTH ", STATUS_UNAUTHENTICATED}, {"WRONGPASS ", STATUS_UNAUTHENTICATED},
	{"UNKILLABLE ", STATUS_UNAVAILABLE},
};

static void error_from_reply(struct error *err, const struct redis *r, const redisReply *reply)
{
	int status = STATUS_INTERNAL;

	for (size_t i = 0; i < sizeof(error_words) / sizeof(error_words[0]); i++) {
		const char *word = error_words[i].word;

		if (strncmp(reply->str, word, strlen(word)) == 0)
			status = error_words[i].status;
	}
	error_set(err, status, "Redis at %s answered: %s", r->label, reply->str);
}

static void on_reply(redisAsyncContext *context, void *p, void *user)
{
	struct redis_req *req = user;
	struct redis *r = req->redis;
	redisReply *reply = p;
	struct error err = {0};

	DL_DELETE(r->pending, req);
	metrics_observe(METRIC_REDIS_SECONDS, 0, (double)(clock_ms() - req->deadline_ms + REDIS_TIMEOUT_MS) / 1000);
	if (reply == NULL) {
		req->error = *why(r, context);
		fail_later(r, req);
	} else if (reply->type == REDIS_REPLY_ERROR) {
		error_from_reply(&err, r, reply);
		req->on_reply(req, NULL, &err);
	} else {
		req->on_reply(req, reply, NULL);
	}
}

void redis_send(struct redis *r, struct redis_req *req, int argc, const char **argv, const size_t *lengths)
{
	req->redis = r;
	req->deferred = (struct deferred){0};
	error_clear(&req->error);
	if (r->step.at != UP || r->context == NULL ||
	    redisAsyncCommandArgv(r->context, on_reply, req, argc, argv, lengths) != REDIS_OK) {
		if (r->why.status != 0)
			req->error = r->why;
		else
			error_set(&req->error, STATUS_UNAVAILABLE, "Redis at %s is not connected yet",
				  r->label);
		req->error.status = STATUS_UNAVAILABLE;
		fail_later(r, req);
		return;
	}
	req->deadline_ms = clock_ms() + REDIS_TIMEOUT_MS;
	DL_APPEND(r->pending, req);
	if (!timer_armed(&r->guard))
		timer_set(&r->guard, REDIS_TIMEOUT_MS);
}

/* --- time ---------------------------------------------------------------------------------------- */

static void give_up(struct redis *r)
{
	error_set(&r->why, STATUS_UNAVAILABLE, "Redis at %s has not answered within %d ms", r->label,
		  REDIS_TIMEOUT_MS);
	redisAsyncFree(r->context);
}

static void on_guard(struct timer *t)
{
	struct redis *r = container_of(t, struct redis, guard);
	struct redis_req *oldest = r->pending;
	int64_t left;

	if (r->context == NULL)
		return;
	if (r->step.at != UP) {
		give_up(r);
		return;
	}
	if (oldest == NULL)
		return;
	left = oldest->deadline_ms - clock_ms();
	if (left > 0) {
		timer_set(t, (uint64_t)left);
	} else if (r->suspect != oldest) {
		r->suspect = oldest;
		timer_set(t, SECOND_LOOK_MS);
	} else {
		give_up(r);
	}
}

/* --- making a connection --------------------------------------------------------------------------- */

static void on_greeted(redisAsyncContext *context, void *p, void *is_last)
{
	struct redis *r = context->data;
	redisReply *reply = p;

	if (reply == NULL || r->step.at != GREETING)
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		if (r->why.status == 0)
			error_from_reply(&r->why, r, reply);
		redisAsyncFree(context);
		return;
	}
	if (is_last == NULL)
		return;
	timer_clear(&r->guard);
	r->back_off_ms = BACK_OFF_MIN_MS;
	error_clear(&r->why);
	step_to(&r->step, UP, "redis");
	metrics_add(METRIC_REDIS_RECONNECTS, 0, 0, 1);
	r->events.on_up(r, r->events.user);
}

static void on_connect(const redisAsyncContext *context, int status)
{
	struct redis *r = context->data;

	if (status != REDIS_OK || r->step.at != CONNECTING)
		return; /* on_gone() follows */
	step_to(&r->step, GREETING, "redis");
	if (r->address.password[0] != '\0')
		redisAsyncCommand(r->context, on_greeted, NULL, "AUTH %s", r->address.password);
	if (r->address.db != 0)
		redisAsyncCommand(r->context, on_greeted, NULL, "SELECT %d", r->address.db);
	redisAsyncCommand(r->context, on_greeted, r, "PING");
}

static bool attach(struct redis *r, redisAsyncContext *context)
{
	int rc = redis_link(&r->loop->uv, context, on_gone, on_link_closed, r);

	if (rc != 0) {
		error_set(&r->why, STATUS_UNAVAILABLE, "the connection to Redis at %s cannot be watched: %s", r->label,
			  uv_strerror(rc));
		return false;
	}
	r->open++;
	r->context = context;
	context->data = r;
	redisAsyncSetConnectCallback(context, on_connect);
	return true;
}

static void connect_to(struct redis *r, const char *host)
{
	redisAsyncContext *context;

	error_clear(&r->why);
	step_to(&r->step, CONNECTING, "redis");
	context = host != NULL ? redisAsyncConnect(host, r->address.port)
			       : redisAsyncConnectUnix(r->address.path);
	if (context == NULL)
		abort(); /* out of memory */
	if (context->err != 0)
		why(r, context);
	if (context->err != 0 || !attach(r, context)) {
		redisAsyncFree(context);
		connection_ended(r);
		return;
	}
	timer_set(&r->guard, REDIS_TIMEOUT_MS);
}

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *found)
{
	struct redis *r = container_of(resolve, struct redis, resolve);
	char host[64] = "";

	if (status == 0)
		getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	uv_freeaddrinfo(found);
	if (r->step.at == RESOLVING && status == 0) {
		connect_to(r, host);
	} else if (r->step.at == RESOLVING) {
		error_set(&r->why, STATUS_UNAVAILABLE, "the host of Redis, %s, is unknown: %s",
			  r->address.host, uv_strerror(status));
		connection_ended(r);
	}
	one_closed(r);
}

static void start_connecting(struct redis *r)
{
	const struct addrinfo want = {.ai_socktype = SOCK_STREAM};

	if (r->address.path[0] != '\0') {
		connect_to(r, NULL);
		return;
	}
	step_to(&r->step, RESOLVING, "redis");
	r->open++;
	if (uv_getaddrinfo(&r->loop->uv, &r->resolve, on_resolved, r->address.host, NULL, &want) == 0)
		return;
	r->open--;
	error_set(&r->why, STATUS_UNAVAILABLE, "the host of Redis, %s, cannot be looked up", r->address.host);
	connection_ended(r);
}

static void on_retry(struct timer *t)
{
	start_connecting(container_of(t, struct redis, retry));
}

struct redis *redis_open(struct loop *loop, const struct redis_address *a, const struct redis_events *events)
{
	struct redis *r = xcalloc(1, sizeof(*r));

	/* hiredis writes with write(): a Redis that has closed would end the process. */
	signal(SIGPIPE, SIG_IGN);
	r->loop = loop;
	r->address = *a;
	r->events = *events;
	r->step = (struct step){states, WAITING};
	r->back_off_ms = BACK_OFF_MIN_MS;
	r->open = 2;
	if (a->path[0] != '\0')
		text_copy(r->label, sizeof(r->label), a->path);
	else
		snprintf(r->label, sizeof(r->label), "%s:%d", a->host, a->port);
	timer_init(loop, &r->retry, on_retry);
	timer_init(loop, &r->guard, on_guard);
	timer_set(&r->retry, 0);
	return r;
}

bool redis_is_up(const struct redis *r)
{
	return r->step.at == UP;
}

struct loop *redis_loop(const struct redis *r)
{
	return r->loop;
}

/* --- closing ----------------------------------------------------------------------------------------- */

static void on_finish(struct deferred *d)
{
	struct redis *r = container_of(d, struct redis, finish);
	void (*closed)(void *user) = r->closed;
	void *user = r->closed_user;

	wipe(r->address.password, sizeof(r->address.password));
	free(r);
	if (closed != NULL)
		closed(user);
}

/* The last word is deferred, so that it comes after the answers of
 * pending requests, which are deferred too. */
static void one_closed(struct redis *r)
{
	if (--r->open == 0)
		loop_defer(r->loop, &r->finish, on_finish);
}

static void retry_closed(struct timer *t)
{
	one_closed(container_of(t, struct redis, retry));
}

static void guard_closed(struct timer *t)
{
	one_closed(container_of(t, struct redis, guard));
}

void redis_close(struct redis *r, void (*closed)(void *user), void *user)
{
	bool resolving = r->step.at == RESOLVING;

	r->closed = closed;
	r->closed_user = user;
	step_to(&r->step, CLOSING, "redis");
	loop_undefer(r->loop, &r->lost);
	timer_close(&r->retry, retry_closed);
	timer_close(&r->guard, guard_closed);
	if (resolving)
		uv_cancel((uv_req_t *)&r->resolve);
	if (r->context != NULL)
		redisAsyncFree(r->context);
}
