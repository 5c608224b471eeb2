/* net/fetch.c owns: libcurl's multi handle, its sockets and its one timer on the loop, and the
 * transfers.
 *
 * The happy path: fetch_start() queues a transfer; on the next turn it is given to curl; curl says which
 * sockets and which timeout it wants, we tell it what became ready; a finished transfer is read from
 * curl's queue, taken apart and on_done() called.
 *
 * libcurl forbids adding, removing and resuming from inside its own callbacks, so start, cancel and
 * resume only leave a mark and one deferred call (`turn`) does all three. A completion therefore never
 * runs inside the call that started it.
 *
 * Failures: no connection (UNAVAILABLE; PERMISSION_DENIED when the socket may not be used), an answer
 * that is not 2xx (proto/status.h's reading of HTTP), a deadline, an answer larger than its owner takes. */
#include "net/fetch.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/curl.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define ANSWER_MAX_DEFAULT ((size_t)1 << 20)
#define FAILED_ANSWER_MAX ((size_t)16 << 10) /* of an error's body: a message, not a stream */

/* --- what there is ----------------------------------------------------------------------------- */
struct fetch {
	struct loop *loop;
	CURLM *multi;
	struct timer timer;
	struct deferred turn;
	struct fetch_transfer *transfers;
	int open; /* handles of ours that are not closed yet */
	bool closing;
	void (*closed)(void *user);
	void *closed_user;
};

struct fetch_transfer {
	struct fetch *fetch;
	struct fetch_request *request; /* NULL once on_done() is due or gone */
	CURL *easy;
	char *url;
	struct curl_slist *headers;
	bool added, cancelled, resume, too_large, answered;
	struct fetch_transfer *prev, *next;
};

struct watch {
	uv_poll_t poll;
	struct fetch *fetch;
	curl_socket_t fd;
};

/* --- the end of a transfer --------------------------------------------------------------------- */

/* The engine's own sentence: {"message": "..."}. */
static void set_answer_error(struct fetch_transfer *t, int status)
{
	struct fetch_request *r = t->request;
	cJSON *json = cJSON_ParseWithLength((const char *)r->answer.data, r->answer.n);
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(json, "message");

	if (cJSON_IsString(message) && message->valuestring[0] != '\0')
		error_set(&r->error, status, "%s", message->valuestring);
	else
		error_set(&r->error, status, "%s %s was answered with HTTP status %d", r->method, t->url, r->http);
	cJSON_Delete(json);
}

static int status_of_no_connection(long os_errno)
{
	return os_errno == EACCES || os_errno == EPERM ? STATUS_PERMISSION_DENIED : STATUS_UNAVAILABLE;
}

static void set_transfer_error(struct fetch_transfer *t, CURLcode code)
{
	struct fetch_request *r = t->request;
	long os_errno = 0;
	const char *where = r->socket != NULL ? r->socket : t->url;

	curl.easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (t->too_large)
		error_set(&r->error, STATUS_RESOURCE_EXHAUSTED, "the answer of %s is too large", where);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		error_set(&r->error, STATUS_DEADLINE_EXCEEDED, "%s did not answer within %lld ms", where,
			  (long long)r->timeout_ms);
	else if (code == CURLE_COULDNT_CONNECT)
		error_set(&r->error, status_of_no_connection(os_errno), "cannot connect to %s: %s", where,
			  os_errno != 0 ? strerror((int)os_errno) : "refused");
	else if (code == CURLE_ABORTED_BY_CALLBACK)
		error_set(&r->error, STATUS_ABORTED, "the request's body could not be read");
	else
		error_set(&r->error, STATUS_UNAVAILABLE, "the connection to %s broke: %s", where,
			  curl.easy_strerror(code));
}

static void free_transfer(struct fetch_transfer *t)
{
	DL_DELETE(t->fetch->transfers, t);
	if (t->added)
		curl.multi_remove_handle(t->fetch->multi, t->easy);
	curl.easy_cleanup(t->easy);
	curl.slist_free_all(t->headers);
	free(t->url);
	free(t);
}

static void finish(struct fetch_transfer *t, CURLcode code)
{
	struct fetch_request *r = t->request;
	long http = 0;
	int status;

	curl.easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http);
	r->http = (int)http;
	status = status_from_http(r->http);
	if (t->cancelled)
		error_set(&r->error, STATUS_CANCELLED, "the request was cancelled");
	else if (code != CURLE_OK || !t->answered) /* curl takes half a header for a whole one */
		set_transfer_error(t, code != CURLE_OK ? code : CURLE_GOT_NOTHING);
	else if (status != 0)
		set_answer_error(t, status);
	r->transfer = NULL;
	free_transfer(t);
	r->on_done(r);
}

static void read_finished(struct fetch *f)
{
	CURLMsg *message;
	int left;

	while ((message = curl.multi_info_read(f->multi, &left)) != NULL) {
		struct fetch_transfer *t;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, code);
	}
}

/* --- what curl asks of the loop ---------------------------------------------------------------- */
static void act(struct fetch *f, curl_socket_t fd, int events)
{
	int running;

	curl.multi_socket_action(f->multi, fd, events, &running);
	read_finished(f);
}

static void on_timeout(struct timer *timer)
{
	act(container_of(timer, struct fetch, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int on_want_timer(CURLM *multi, long ms, void *user)
{
	struct fetch *f = user;

	(void)multi;
	if (ms < 0)
		timer_clear(&f->timer);
	else
		timer_set(&f->timer, (uint64_t)ms);
	return 0;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *w = container_of(poll, struct watch, poll);
	int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);

	act(w->fetch, w->fd, status < 0 ? CURL_CSELECT_ERR : flags);
}

static void handle_closed(struct fetch *f)
{
	if (--f->open > 0)
		return;
	if (f->closed != NULL)
		f->closed(f->closed_user);
	free(f);
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct watch *w = container_of((uv_poll_t *)handle, struct watch, poll);
	struct fetch *f = w->fetch;

	free(w);
	handle_closed(f);
}

static struct watch *watch_new(struct fetch *f, curl_socket_t fd)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->fetch = f;
	w->fd = fd;
	if (uv_poll_init(&f->loop->uv, &w->poll, fd) != 0)
		abort(); /* curl gave us a socket that is none */
	f->open++;
	curl.multi_assign(f->multi, fd, w);
	return w;
}

static int on_want_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
	struct fetch *f = user;
	struct watch *w = socket_user;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL) {
			curl.multi_assign(f->multi, fd, NULL);
			uv_close((uv_handle_t *)&w->poll, on_watch_closed);
		}
		return 0;
	}
	if (w == NULL)
		w = watch_new(f, fd);
	uv_poll_start(&w->poll, (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
		      on_ready);
	return 0;
}

/* --- bytes in and out -------------------------------------------------------------------------- */
static bool answer_is_good(const struct fetch_transfer *t)
{
	long http = 0;

	curl.easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http);
	return http >= 200 && http < 300;
}

static size_t collect(struct fetch_transfer *t, const char *data, size_t n, bool good)
{
	struct fetch_request *r = t->request;
	size_t max = !good ? FAILED_ANSWER_MAX : r->answer_max != 0 ? r->answer_max : ANSWER_MAX_DEFAULT;

	if (r->answer.n + n <= max) {
		buf_append(&r->answer, data, n);
		return n;
	}
	if (!good)
		return n; /* the beginning says what is wrong */
	t->too_large = true;
	return 0;
}

static size_t on_body(char *data, size_t one, size_t n, void *user)
{
	struct fetch_transfer *t = user;
	struct fetch_request *r = t->request;
	bool good = answer_is_good(t);

	(void)one;
	if (t->cancelled)
		return 0;
	if (!good || r->on_data == NULL)
		return collect(t, data, n, good);
	return r->on_data(r, data, n) ? n : CURL_WRITEFUNC_PAUSE;
}

static size_t on_header(char *data, size_t one, size_t n, void *user)
{
	struct fetch_transfer *t = user;

	(void)one;
	if (n > 2 || (data[0] != '\r' && data[0] != '\n') || t->answered)
		return n;
	t->answered = true;
	if (t->request->on_headers != NULL && answer_is_good(t) && !t->cancelled)
		t->request->on_headers(t->request);
	return n;
}

static size_t on_read(char *p, size_t one, size_t n, void *user)
{
	struct fetch_transfer *t = user;
	long got;

	if (t->cancelled)
		return CURL_READFUNC_ABORT;
	got = t->request->read_body(t->request, p, one * n);
	if (got == FETCH_PAUSE)
		return CURL_READFUNC_PAUSE;
	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

/* --- start ------------------------------------------------------------------------------------- */
#define SET(option, value) curl.easy_setopt(t->easy, CURLOPT_##option, value)

static void set_body(struct fetch_transfer *t, const struct fetch_request *r)
{
	if (r->read_body != NULL) {
		SET(UPLOAD, 1L);
		SET(READFUNCTION, on_read);
		SET(READDATA, t);
		if (r->body_size > 0)
			SET(INFILESIZE_LARGE, (curl_off_t)r->body_size);
	} else if (strcmp(r->method, "POST") == 0 || r->body != NULL) {
		SET(POSTFIELDSIZE_LARGE, (curl_off_t)(r->body != NULL ? r->body_size : 0));
		SET(POSTFIELDS, r->body != NULL ? r->body : "");
	}
	if (strcmp(r->method, "HEAD") == 0)
		SET(NOBODY, 1L);
	else
		SET(CUSTOMREQUEST, r->method);
}

static void set_headers(struct fetch_transfer *t, const struct fetch_request *r)
{
	char type[128];

	snprintf(type, sizeof(type), r->type != NULL ? "Content-Type: %s" : "Content-Type:", r->type);
	t->headers = curl.slist_append(NULL, "Expect:");
	t->headers = curl.slist_append(t->headers, type);
	SET(HTTPHEADER, t->headers);
}

static void set_options(struct fetch_transfer *t, const struct fetch_request *r)
{
	SET(PRIVATE, t);
	SET(URL, t->url);
	SET(UNIX_SOCKET_PATH, r->socket);
	SET(NOSIGNAL, 1L);
	SET(PROXY, "");
	SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(TIMEOUT_MS, (long)r->timeout_ms);
	SET(CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, t);
	SET(HEADERFUNCTION, on_header);
	SET(HEADERDATA, t);
	SET(FRESH_CONNECT, (long)r->own_connection);
	SET(FORBID_REUSE, (long)r->own_connection);
	set_headers(t, r);
	set_body(t, r);
}

/* --- once a turn: what was asked for since the last one ---------------------------------------- */
static void serve(struct fetch *f, struct fetch_transfer *t)
{
	if (t->cancelled) {
		finish(t, CURLE_OK);
		return;
	}
	if (!t->added) {
		t->added = true;
		curl.multi_add_handle(f->multi, t->easy);
	}
	if (t->resume) {
		t->resume = false;
		curl.easy_pause(t->easy, CURLPAUSE_CONT);
	}
}

static void on_timer_closed(struct timer *timer)
{
	handle_closed(container_of(timer, struct fetch, timer));
}

static void close_all(struct fetch *f)
{
	assert(f->transfers == NULL);
	curl.multi_cleanup(f->multi);
	timer_close(&f->timer, on_timer_closed);
}

static void on_turn(struct deferred *d)
{
	struct fetch *f = container_of(d, struct fetch, turn);
	struct fetch_transfer *t;

	if (f->closing) {
		close_all(f);
		return;
	}
	DL_FOREACH(f->transfers, t) {
		if (t->cancelled || t->resume || !t->added) {
			/* Its on_done() may start others: look from the beginning on the next turn. */
			loop_defer(f->loop, &f->turn, on_turn);
			serve(f, t);
			return;
		}
	}
}

struct fetch *fetch_new(struct loop *loop)
{
	struct fetch *f = xcalloc(1, sizeof(*f));

	curl_open();
	f->loop = loop;
	f->open = 1;
	timer_init(loop, &f->timer, on_timeout);
	f->multi = curl.multi_init();
	curl.multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_want_socket);
	curl.multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	curl.multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_want_timer);
	curl.multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	return f;
}

/* Not at once: the call may come from an on_done(), and then curl is in the middle of something. */
void fetch_close(struct fetch *f, void (*closed)(void *user), void *user)
{
	f->closed = closed;
	f->closed_user = user;
	f->closing = true;
	loop_defer(f->loop, &f->turn, on_turn);
}

void fetch_start(struct fetch *f, struct fetch_request *r)
{
	struct fetch_transfer *t = xcalloc(1, sizeof(*t));

	error_clear(&r->error);
	r->http = 0;
	r->answer = (struct buf){0};
	r->transfer = t;
	t->fetch = f;
	t->request = r;
	t->url = xstrdup(r->url);
	t->easy = curl.easy_init();
	set_options(t, r);
	DL_APPEND(f->transfers, t);
	loop_defer(f->loop, &f->turn, on_turn);
}

void fetch_resume(struct fetch_request *r)
{
	if (r->transfer == NULL)
		return;
	r->transfer->resume = true;
	loop_defer(r->transfer->fetch->loop, &r->transfer->fetch->turn, on_turn);
}

void fetch_cancel(struct fetch_request *r)
{
	if (r->transfer == NULL)
		return;
	r->transfer->cancelled = true;
	loop_defer(r->transfer->fetch->loop, &r->transfer->fetch->turn, on_turn);
}
