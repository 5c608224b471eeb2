/* roles/api.c - from a request to its row, to the pool, to the answer. See the header.
 *
 * Both the client and the pool may go at any moment: the memory is freed when r is NULL, no call is open and
 * nothing else is waited for, whichever of these comes last. */
#include "roles/api.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/memory.h"
#include "net/sha256.h"
#include "proto/cpt.h"
#include "roles/master.h"

#define ASK_TIMEOUT_MS 30000

static void free_if_over(struct api *a)
{
	if (a->r != NULL || a->open || a->waits > 0)
		return;
	if (a->on_free != NULL)
		a->on_free(a);
	cJSON_Delete(a->body);
	buf_release(&a->out);
	identity_drop(a->who);
	arena_release(&a->arena);
	free(a);
}

static void on_gone(struct http_request *r)
{
	struct api *a = r->user;

	if (a->on_gone != NULL)
		a->on_gone(a);
	a->r = NULL;
	if (a->open)
		grpc_call_cancel(&a->call);
	free_if_over(a);
}

void *api_more(struct api *a, size_t size)
{
	a->user = arena_alloc(&a->arena, size);
	return a->user;
}

void api_wait(struct api *a)
{
	a->waits++;
}

bool api_waited(struct api *a)
{
	bool here = a->r != NULL;

	a->waits--;
	free_if_over(a); /* a may be gone from here on */
	return here;
}

/* --- a request comes ----------------------------------------------------------------------------- */

static struct api *api_new(struct http_request *r)
{
	struct api *a = xcalloc(1, sizeof *a);

	a->r = r;
	a->m = http_data(r);
	a->row = r->route->doc;
	a->who = identity_of(a->m, r->session);
	r->user = a;
	r->on_gone = on_gone;
	return a;
}

static void handle(struct http_request *r)
{
	const struct api_row *row = r->route->doc;
	struct error err = {0};
	cJSON *body;
	struct api *a;

	if (api_check_request(row, r, &body) != 0)
		return;
	a = api_new(r);
	a->body = body;
	if (row->who == API_SIGNED_IN && !a->who->signed_in) {
		error_set(&err, STATUS_UNAUTHENTICATED, "nobody is signed in at the pool %s", a->m->pool_text);
		error_hint(&err, "Sign in by name and password (POST /api/v1/login), or: hivemind login --pool %s",
			   a->m->pool_text);
		api_fail(a, &err);
		return;
	}
	row->run(a);
}

size_t api_routes(const struct http_route **routes)
{
	static struct http_route *made;

	if (made == NULL)
		made = api_table_routes(&api_master, handle);
	*routes = made;
	return api_master.count;
}

/* --- what came ----------------------------------------------------------------------------------- */

const char *api_param(const struct api *a, const char *name)
{
	return http_param(a->r, name);
}

const char *api_query(const struct api *a, const char *name)
{
	return http_query(a->r, name);
}

int64_t api_query_count(const struct api *a, const char *name, int64_t without)
{
	const char *text = api_query(a, name);

	return text != NULL ? strtoll(text, NULL, 10) : without;
}

bool api_query_flag(const struct api *a, const char *name)
{
	const char *text = api_query(a, name);

	return text != NULL && (text[0] == 't' || text[0] == '1');
}

const cJSON *api_item(const struct api *a, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(a->body, name);

	return item == NULL || cJSON_IsNull(item) ? NULL : item;
}

const char *api_text(const struct api *a, const char *name)
{
	const cJSON *item = api_item(a, name);

	return item != NULL ? item->valuestring : "";
}

int64_t api_count(const struct api *a, const char *name, int64_t without)
{
	const cJSON *item = api_item(a, name);

	return item != NULL ? (int64_t)item->valuedouble : without;
}

bool api_flag(const struct api *a, const char *name)
{
	return cJSON_IsTrue(api_item(a, name));
}

int64_t api_cpt(struct api *a, const char *name)
{
	struct error err = {0};
	int64_t mcpt = 0;

	if (cpt_parse(api_text(a, name), &mcpt, &err) == 0 && mcpt > 0)
		return mcpt;
	if (err.status != 0)
		api_fail(a, &err);
	else
		api_refuse(a, STATUS_INVALID_ARGUMENT, "\"%s\" must be above 0", name);
	return 0;
}

const char *api_call_id(struct api *a)
{
	const char *key = http_field(a->r, "idempotency-key");
	char fresh[ID_SIZE];

	if (key == NULL) {
		random_id(fresh);
		return arena_strdup(&a->arena, fresh);
	}
	if (key[0] != '\0' && strlen(key) <= CALL_ID_MAX)
		return arena_strdup(&a->arena, key);
	api_refuse(a, STATUS_INVALID_ARGUMENT, "Idempotency-Key has 1 to %d characters", CALL_ID_MAX);
	return NULL;
}

const char *api_task_id(struct api *a)
{
	const char *id = api_param(a, "id");
	struct error err;

	if (id_prefix_valid(id))
		return arena_strdup(&a->arena, id);
	error_set(&err, STATUS_INVALID_ARGUMENT, "\"%.40s\" cannot be the id of a task", id);
	error_hint(&err, "GET /api/v1/tasks lists them; the first %d characters or more of one do", ID_PREFIX_MIN);
	api_fail(a, &err);
	return NULL;
}

/* --- asking the pool ------------------------------------------------------------------------------ */

static void on_reply(struct grpc_call *call, const ProtobufCMessage *out)
{
	((struct api *)call->user)->reply = out;
}

static void on_done(struct grpc_call *call, const struct error *e)
{
	struct api *a = call->user;
	struct error err = *e;

	a->open = false;
	if (a->r == NULL) {
		free_if_over(a);
		return;
	}
	if (err.status == 0 && a->reply == NULL)
		error_set(&err, STATUS_INTERNAL, "the pool answered %s with nothing", call->method->path);
	if (err.status == 0)
		a->then(a, a->reply);
	else if (a->failed == NULL || !a->failed(a, &err))
		api_fail(a, &err);
}

static void prepare(struct api *a, enum rpc_id id, int64_t timeout_ms,
		    void (*then)(struct api *a, const void *reply))
{
	a->then = then;
	a->reply = NULL;
	a->open = true;
	a->call = (struct grpc_call){.method = &rpc_methods[id], .timeout_ms = timeout_ms, .on_message = on_reply,
				     .on_done = on_done, .user = a};
}

void api_ask(struct api *a, enum rpc_id id, const void *in, void (*then)(struct api *a, const void *reply))
{
	prepare(a, id, ASK_TIMEOUT_MS, then);
	grpc_call_unary(a->who->channel, &a->call, in);
}

void api_start(struct api *a, enum rpc_id id, void (*then)(struct api *a, const void *reply))
{
	prepare(a, id, 0, then);
	grpc_call_start(a->who->channel, &a->call);
}

/* --- answering ------------------------------------------------------------------------------------ */

struct json *api_reply(struct api *a)
{
	a->out.n = 0;
	json_document(&a->json, &a->out);
	return &a->json;
}

static void put_escaped(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		buf_printf(b,
			   isalnum((unsigned char)*text) || strchr("-._~", *text) != NULL ? "%c" : "%%%02X",
			   (unsigned char)*text);
}

/* The same query with another place in it. */
void api_next(struct api *a, const char *next)
{
	const struct http_request *r = a->r;
	struct buf link = {0};

	json_text(&a->json, "next", next);
	if (next == NULL)
		return;
	buf_printf(&link, "%.*s?", (int)strcspn(r->target, "?"), r->target);
	for (int i = 0; i < r->query_n; i++) {
		if (strcmp(r->query[i].name, "after") == 0)
			continue;
		buf_printf(&link, "%s=", r->query[i].name);
		put_escaped(&link, r->query[i].value);
		buf_printf(&link, "&");
	}
	buf_printf(&link, "after=");
	put_escaped(&link, next);
	http_header(a->r, "Link", "<%s>; rel=\"next\"", buf_text(&link));
	buf_release(&link);
}

/* Has the client this very body? Weak, so that it may be packed. */
static bool is_known(struct api *a, int status)
{
	char hex[SHA256_HEX_SIZE];

	if (status != 200 || (strcmp(a->r->method, "GET") != 0 && strcmp(a->r->method, "HEAD") != 0))
		return false;
	sha256_hex_of(a->out.data, a->out.n, hex);
	return http_unchanged(a->r, arena_printf(&a->arena, "W/\"%.32s\"", hex));
}

static void send_more(struct http_request *r)
{
	struct api *a = r->user;
	bool room = true;

	while (room && a->sent < a->out.n) {
		size_t n = a->out.n - a->sent < (size_t)HTTP_PIECE ? a->out.n - a->sent : (size_t)HTTP_PIECE;

		room = http_write(r, a->out.data + a->sent, n);
		a->sent += n;
	}
	if (a->sent == a->out.n)
		http_end(r);
}

void api_send_as(struct api *a, int status, const char *type)
{
	if (a->out.n <= (size_t)HTTP_PIECE) {
		http_answer(a->r, status, type, a->out.data, a->out.n);
		return;
	}
	a->sent = 0;
	a->r->on_space = send_more;
	http_begin(a->r, status, type, (int64_t)a->out.n);
	send_more(a->r);
}

void api_send_status(struct api *a, int status)
{
	json_end(&a->json);
	buf_append(&a->out, "\n", 1);
	if (!is_known(a, status))
		api_send_as(a, status, "application/json");
}

void api_send(struct api *a)
{
	api_send_status(a, a->row->status);
}

void api_send_nothing(struct api *a)
{
	http_answer(a->r, 204, NULL, NULL, 0);
}
