/* roles/pool_project.c - Ledger: projects that can be tipped. A claim is three steps:
 *
 *   TOKEN (what this account must publish) -> FETCH (the file below the project's URL) -> CLAIM
 *
 * Whoever can write there owns the project. The pool fetches what strangers name, so: https only, hosts
 * by name, no redirects, a small answer, and nothing of it is shown. With --local-projects (tests, one's
 * own network) any http URL. */
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/fetch.h"
#include "net/log.h"
#include "net/memory.h"
#include "roles/pool.h"
#include "roles/pool_call.h"
#include "store/ledger.h"

#define PAGE_DEFAULT 50
#define CLAIM_FILE "/.well-known/hivemind-claim.txt"
#define CLAIM_TIMEOUT_MS 15000
#define CLAIM_ANSWER_MAX 4096

static Pb__Project *show(struct arena *arena, const struct project *p)
{
	Pb__Project *out = arena_alloc(arena, sizeof *out);

	pb__project__init(out);
	out->name = arena_strdup(arena, p->name);
	out->url = arena_strdup(arena, p->url);
	out->creator = arena_strdup(arena, p->creator);
	out->owner = arena_strdup(arena, p->owner);
	out->balance_mcpt = p->balance_mcpt;
	out->created_ms = p->created_ms;
	out->claimed_ms = p->claimed_ms;
	return out;
}

static int check_name(struct error *err, const char *name)
{
	if (project_name_valid(name))
		return 0;
	error_set(err, STATUS_INVALID_ARGUMENT, "\"%.70s\" cannot be the name of a project", name);
	return error_hint(err, "%d to %d of a-z, 0-9, . _ and -, beginning with a letter or digit", PROJECT_NAME_MIN,
			  PROJECT_NAME_MAX);
}

/* --- CreateProject, GetProject, ListProjects ------------------------------------------------------- */

static void on_project(struct store_req *req)
{
	struct call *c = call_answered(req);

	if (c == NULL)
		return;
	if (req->error.status != 0)
		call_fail(c);
	else
		rpc_reply(c->rpc, &show(&c->rpc->arena, req->project)->base);
}

/* "https://host.name/..." of what can be shown; with --local-projects also http and numbers. */
static int check_url(const struct pool *pool, const char *url, struct error *err)
{
	const char *host = strstr(url, "://");
	size_t n = strlen(url);

	if (n > PROJECT_URL_MAX || host == NULL)
		return error_set(err, STATUS_INVALID_ARGUMENT,
				 "a project's URL begins with https:// and has at most %d bytes",
				 PROJECT_URL_MAX);
	for (const char *p = url; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 127 || strchr("\"<>\\^`{|}@?#", *p) != NULL)
			return error_set(err, STATUS_INVALID_ARGUMENT, "a project's URL has no blanks, users, queries or marks");
	if (pool->options.local_projects && strncmp(url, "http", 4) == 0)
		return 0;
	host += 3;
	n = strcspn(host, "/");
	if (strncmp(url, "https://", 8) != 0 || memchr(host, '.', n) == NULL || memchr(host, ':', n) != NULL ||
	    strspn(host, "0123456789.xabcdef") >= n)
		return error_set(err, STATUS_INVALID_ARGUMENT, "a project's URL is https:// and a public host by its name");
	return 0;
}

int pool_create_project(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__CreateProjectRequest *in = (const Pb__CreateProjectRequest *)message;
	const struct pool *pool = grpc_server_user(rpc->server);
	struct call *c;

	if (check_name(&rpc->error, in->name) != 0 || check_url(pool, in->url, &rpc->error) != 0)
		return rpc->error.status;
	c = call_new(rpc, sizeof *c);
	store_project_create(call_store(c), call_ask(c, on_project), caller_of(rpc)->account, in->name, in->url,
			     clock_wall_ms());
	return RPC_LATER;
}

int pool_get_project(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__GetProjectRequest *in = (const Pb__GetProjectRequest *)message;
	struct call *c;

	if (check_name(&rpc->error, in->name) != 0)
		return rpc->error.status;
	c = call_new(rpc, sizeof *c);
	store_project_show(call_store(c), call_ask(c, on_project), in->name);
	return RPC_LATER;
}

static void on_projects(struct store_req *req)
{
	struct call *c = call_well_answered(req);
	Pb__ListProjectsReply reply = PB__LIST_PROJECTS_REPLY__INIT;

	if (c == NULL)
		return;
	reply.projects = arena_alloc(&c->rpc->arena, (req->count + 1) * sizeof *reply.projects);
	for (size_t i = 0; i < req->count; i++)
		reply.projects[reply.n_projects++] = show(&c->rpc->arena, &req->projects[i]);
	reply.next = (char *)(req->id != NULL ? req->id : "");
	rpc_reply(c->rpc, &reply.base);
}

int pool_list_projects(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__ListProjectsRequest *in = (const Pb__ListProjectsRequest *)message;
	uint32_t limit = in->limit == 0 ? PAGE_DEFAULT : in->limit < STORE_PAGE_MAX ? in->limit : STORE_PAGE_MAX;
	struct call *c;

	if (in->after[0] != '\0' && check_name(&rpc->error, in->after) != 0)
		return rpc->error.status;
	c = call_new(rpc, sizeof *c);
	store_projects(call_store(c), call_ask(c, on_projects), limit, in->after);
	return RPC_LATER;
}

/* --- ClaimProject ------------------------------------------------------------------------------------ */

struct claim {
	struct call call;
	char account[ID_SIZE], name[PROJECT_NAME_MAX + 1], fresh[2 * ID_SIZE];
	char token[64], file[PROJECT_URL_MAX + 40];
	bool look;
	struct fetch *fetch;
	struct fetch_request request;
};

static void answer(struct claim *m, const struct project *p)
{
	Pb__ClaimProjectReply reply = PB__CLAIM_PROJECT_REPLY__INIT;

	reply.token = m->token;
	reply.file = m->file;
	reply.project = show(&m->call.rpc->arena, p);
	rpc_reply(m->call.rpc, &reply.base);
}

static void on_claimed(struct store_req *req)
{
	struct claim *m = (struct claim *)call_well_answered(req);

	if (m == NULL)
		return;
	log_info("project claimed project=%s account=%s", m->name, m->account);
	answer(m, req->project);
}

static int judge(const struct claim *m, struct error *err)
{
	const struct fetch_request *r = &m->request;

	if (r->http == 0)
		error_set(err, STATUS_UNAVAILABLE, "%s cannot be fetched: %s", m->file, r->error.text);
	else if (r->error.status != 0 || r->http != 200)
		error_set(err, STATUS_FAILED_PRECONDITION, "%s is not there: HTTP status %d", m->file, r->http);
	else if (strstr(buf_text((struct buf *)(uintptr_t)&r->answer), m->token) == NULL)
		error_set(err, STATUS_FAILED_PRECONDITION, "%s is there and has not got the token in it", m->file);
	else
		return 0;
	return error_hint(err, "publish a file there that contains   %s", m->token);
}

static void on_fetch_closed(void *user)
{
	struct claim *m = user;
	struct error err = {0};
	int status = judge(m, &err);

	buf_release(&m->request.answer);
	if (!call_waited(&m->call))
		return;
	if (status != 0)
		call_refuse(&m->call, &err);
	else
		store_project_claim(call_store(&m->call), call_ask(&m->call, on_claimed), m->account, m->name,
				    clock_wall_ms());
}

static void on_fetched(struct fetch_request *r)
{
	struct claim *m = r->user;

	fetch_close(m->fetch, on_fetch_closed, m);
}

static void on_token(struct store_req *req)
{
	struct claim *m = (struct claim *)call_well_answered(req);
	size_t n;

	if (m == NULL)
		return;
	text_copy(m->token, sizeof m->token, req->id);
	text_copy(m->file, sizeof m->file, req->project->url);
	for (n = strlen(m->file); n > 0 && m->file[n - 1] == '/'; n--)
		m->file[n - 1] = '\0';
	strcat(m->file, CLAIM_FILE);
	if (!m->look) {
		answer(m, req->project);
		return;
	}
	m->fetch = fetch_new(&m->call.pool->loop);
	m->request = (struct fetch_request){.method = "GET", .url = m->file, .answer_max = CLAIM_ANSWER_MAX,
					    .timeout_ms = CLAIM_TIMEOUT_MS, .own_connection = true,
					    .on_done = on_fetched, .user = m};
	call_wait(&m->call);
	fetch_start(m->fetch, &m->request);
}

int pool_claim_project(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__ClaimProjectRequest *in = (const Pb__ClaimProjectRequest *)message;
	struct claim *m;

	if (check_name(&rpc->error, in->name) != 0)
		return rpc->error.status;
	m = call_new(rpc, sizeof *m);
	text_copy(m->account, sizeof m->account, caller_of(rpc)->account);
	text_copy(m->name, sizeof m->name, in->name);
	m->look = in->look;
	random_id(m->fresh);
	random_id(m->fresh + ID_LENGTH);
	store_project_token(call_store(&m->call), call_ask(&m->call, on_token), m->account, m->name, m->fresh);
	return RPC_LATER;
}
