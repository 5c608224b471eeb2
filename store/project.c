/* store/project.c - projects that can be tipped, and whose they are. */
#include <stdlib.h>
#include <string.h>

#include "store/call.h"

bool project_name_valid(const char *name)
{
	size_t n = strlen(name);

	return n >= PROJECT_NAME_MIN && n <= PROJECT_NAME_MAX && name[0] != '.' && name[0] != '_' &&
	       name[0] != '-' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static const char *text_of(struct store_req *req, const redisReply *fields, const char *name)
{
	for (size_t i = 0; i + 1 < fields->elements; i += 2) {
		if (strcmp(fields->element[i]->str, name) == 0)
			return arena_strdup(&req->arena, fields->element[i + 1]->str);
	}
	return "";
}

static struct project project_of(struct store_req *req, const redisReply *fields)
{
	return (struct project){
	    .name = text_of(req, fields, "name"),
	    .url = text_of(req, fields, "url"),
	    .creator = text_of(req, fields, "creator"),
	    .owner = text_of(req, fields, "owner"),
	    .balance_mcpt = strtoll(text_of(req, fields, "balance"), NULL, 10),
	    .created_ms = strtoll(text_of(req, fields, "created_ms"), NULL, 10),
	    .claimed_ms = strtoll(text_of(req, fields, "claimed_ms"), NULL, 10),
	};
}

static void read_project(struct store_req *req, const redisReply *reply)
{
	struct project *p = arena_alloc(&req->arena, sizeof(*p));

	if (reply->elements < 2 || reply->element[1]->type != REDIS_REPLY_ARRAY) {
		read_failed(req);
		return;
	}
	*p = project_of(req, reply->element[1]);
	req->project = p;
	if (reply->elements > 2)
		req->id = arena_strdup(&req->arena, reply->element[2]->str);
}

void store_project_create(struct store *s, struct store_req *req, const char *account, const char *name,
                          const char *url, int64_t now_ms)
{
	call_begin(s, req, SCRIPT_PROJECT_CREATE);
	call_key(req, "project:%s", name);
	call_key(req, "projects");
	call_text(req, name);
	call_text(req, url);
	call_text(req, account);
	call_int(req, now_ms);
	call_send(req, read_project);
}

void store_project_show(struct store *s, struct store_req *req, const char *name)
{
	call_begin(s, req, SCRIPT_PROJECT_SHOW);
	call_key(req, "project:%s", name);
	call_text(req, name);
	call_send(req, read_project);
}

static void read_projects(struct store_req *req, const redisReply *reply)
{
	if (reply->elements < 2 || reply->element[1]->type != REDIS_REPLY_STRING) {
		read_failed(req);
		return;
	}
	req->id = arena_strdup(&req->arena, reply->element[1]->str);
	req->projects = arena_alloc(&req->arena, reply->elements * sizeof(*req->projects));
	for (size_t i = 2; i < reply->elements; i++)
		req->projects[req->count++] = project_of(req, reply->element[i]);
}

void store_projects(struct store *s, struct store_req *req, uint32_t limit, const char *after)
{
	call_begin(s, req, SCRIPT_PROJECTS);
	call_key(req, "projects");
	call_unsigned(req, limit < 1 ? 1 : limit > STORE_PAGE_MAX ? STORE_PAGE_MAX : limit);
	call_text(req, after);
	call_send(req, read_projects);
}

void store_project_token(struct store *s, struct store_req *req, const char *account, const char *name,
                         const char *fresh)
{
	call_begin(s, req, SCRIPT_PROJECT_TOKEN);
	call_key(req, "project:%s", name);
	call_key(req, "project-tokens:%s", name);
	call_text(req, name);
	call_text(req, account);
	call_text(req, fresh);
	call_send(req, read_project);
}

void store_project_claim(struct store *s, struct store_req *req, const char *account, const char *name,
                         int64_t now_ms)
{
	call_begin(s, req, SCRIPT_PROJECT_CLAIM);
	call_key(req, "project:%s", name);
	call_key(req, "project-tokens:%s", name);
	call_text(req, name);
	call_text(req, account);
	call_int(req, now_ms);
	call_send(req, read_project);
}
