/* roles/api.h - the JSON API /api/v1 of the master: its routes are rows, a request is a struct api.
 *
 *     ui/http.h -> api_handle() -> are query and body as the row says? -> row->run(a)
 *                     -> api_ask(a, RPC_..., &request, then) -> then(a, reply) -> api_reply(a), json_..., api_send(a)
 *
 * A row says everything of its route (roles/api_table.h). To add one: a row in roles/api_rows.c, its run() in
 * a file of its kind (roles/api_*.c), the schema of its answer in roles/api_schemas.json.
 * test/e2e/test_master_api.py then asks it by its example and checks the answer by its schema.
 *
 * The shapes are those of --json, written by the same functions (roles/..._view.h). */
#ifndef ROLES_API_H
#define ROLES_API_H

#include <cjson/cJSON.h>

#include "net/grpc_client.h"
#include "proto/rpc.h"
#include "proto/status.h"
#include "roles/api_table.h"
#include "roles/identity.h"
#include "ui/http.h"
#include "ui/json.h"

struct master;

/* One request. It lives until its client has gone and no call to the pool is open. A struct that needs more
 * begins with it, and its run() calls api_grow() first. */
struct api {
	struct http_request *r;   /* NULL = the client has gone */
	struct master *m;
	struct identity *who;     /* kept; whom the pool takes it for */
	const struct api_row *row;
	cJSON *body;              /* as the row says; NULL = the row has none */
	struct arena arena;       /* lives as long as this */
	struct error error;       /* for the words of api_fail() */
	struct buf out;           /* what is being written, and sent */
	struct json json;
	size_t sent;
	struct grpc_call call;
	bool open;                /* the call */
	void (*then)(struct api *a, const void *reply);
	const void *reply;
	bool (*failed)(struct api *a, const struct error *e); /* may take an error itself: true */
	void (*on_gone)(struct api *a); /* the client has just gone. May be NULL */
	void (*on_free)(struct api *a); /* just before the memory goes. May be NULL */
	int waits;                /* for something that is no call: api_wait() */
	void *user;
};

/* The routes for ui/http.h, made of api_master's rows; valid for as long as the program. Returns how many. */
size_t api_routes(const struct http_route **routes);
extern const struct api_table api_master;

/* Memory that run() wants beside struct api: zeroed, a->user, in a->arena. */
void *api_more(struct api *a, size_t size);

/* --- what came ----------------------------------------------------------------------------------- */

const char *api_param(const struct api *a, const char *name);               /* of the path */
const char *api_query(const struct api *a, const char *name);               /* NULL = not there */
int64_t api_query_count(const struct api *a, const char *name, int64_t without);
bool api_query_flag(const struct api *a, const char *name);
const char *api_text(const struct api *a, const char *name);                /* of the body; "" = not there */
int64_t api_count(const struct api *a, const char *name, int64_t without);
bool api_flag(const struct api *a, const char *name);
/* above 0; 0 = refused: answered */
int64_t api_cpt(struct api *a, const char *name);
const cJSON *api_item(const struct api *a, const char *name);               /* NULL = not there */

/* What makes a repeat of this request no second one: Idempotency-Key, else a fresh id. NULL = answered. */
const char *api_call_id(struct api *a);

/* {id} of the path, when it can be one. NULL = answered. */
const char *api_task_id(struct api *a);

/* --- asking the pool ------------------------------------------------------------------------------ */

/* Ask; then() comes with the reply, valid until it returns, unless the client has gone or it failed
 * (then that is the answer). */
void api_ask(struct api *a, enum rpc_id id, const void *in, void (*then)(struct api *a, const void *reply));

/* The same for a call that streams to the pool: it is open, send with a->call. */
void api_start(struct api *a, enum rpc_id id, void (*then)(struct api *a, const void *reply));

/* Something else is waited for, and is over: false = the client has gone, and a with
 * it when it was the last. */
void api_wait(struct api *a);
bool api_waited(struct api *a);

/* --- answering ------------------------------------------------------------------------------------ */

/* {"v":1, to be filled, then sent as the row's status. A GET gets an ETag, and 304 when the
 * client has the same already. */
struct json *api_reply(struct api *a);
/* "next" of a list, and the address of the following page as Link; NULL = it was the last. */
void api_next(struct api *a, const char *next);
void api_send(struct api *a);
void api_send_status(struct api *a, int status);
/* What stands in a->out, as this media type, however long. */
void api_send_as(struct api *a, int status, const char *type);
void api_send_nothing(struct api *a); /* 204 */

/* A problem. Statuses are translated: see api_problem.c. */
void api_fail(struct api *a, const struct error *e);
void api_refuse(struct api *a, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
