/* store/store_leader.c - which pool leads. */
#include <stdlib.h>
#include <string.h>

#include "store/call.h"

static const char *field(struct store_req *req, const redisReply *fields, const char *name)
{
	for (size_t i = 0; i + 1 < fields->elements; i += 2) {
		if (strcmp(fields->element[i]->str, name) == 0)
			return arena_strdup(&req->arena, fields->element[i + 1]->str);
	}
	return "";
}

static void read_leader(struct store_req *req, const redisReply *reply)
{
	struct leader_record *r = arena_alloc(&req->arena, sizeof(*r));
	const redisReply *fields;

	if (reply->elements != 2 || reply->element[1]->type != REDIS_REPLY_ARRAY) {
		read_failed(req);
		return;
	}
	fields = reply->element[1];
	r->fence = field(req, fields, "fence");
	r->beat = field(req, fields, "beat");
	r->run = field(req, fields, "run");
	r->name = field(req, fields, "name");
	r->data = field(req, fields, "data");
	r->epoch = strtoull(field(req, fields, "epoch"), NULL, 10);
	r->locked = strcmp(field(req, fields, "locked"), "1") == 0;
	req->leader = r;
}

void store_lead_look(struct store *s, struct store_req *req, bool stand_by)
{
	call_begin(s, req, SCRIPT_LEADER_LOOK);
	call_key(req, "pool:leader");
	call_text(req, stand_by ? "1" : "");
	call_send(req, read_leader);
}

static void read_taken(struct store_req *req, const redisReply *reply)
{
	if (reply->elements != 4 || reply->element[1]->type != REDIS_REPLY_STRING ||
	    reply->element[2]->type != REDIS_REPLY_STRING || reply->element[3]->type != REDIS_REPLY_STRING) {
		read_failed(req);
		return;
	}
	req->number = strtoull(reply->element[1]->str, NULL, 10);
	req->id = arena_strdup(&req->arena, reply->element[3]->str);
	store_set_fence(req->store, reply->element[2]->str);
}

void store_lead(struct store *s, struct store_req *req, const struct lead_claim *claim)
{
	call_begin(s, req, SCRIPT_LEADER_TAKE);
	call_key(req, "pool:leader");
	call_text(req, claim->fence);
	call_text(req, claim->beat);
	call_text(req, claim->run);
	call_text(req, claim->name);
	call_text(req, claim->data);
	call_text(req, claim->locked ? "1" : "");
	call_text(req, claim->other_id ? "1" : "");
	call_send(req, read_taken);
}

void store_lead_beat(struct store *s, struct store_req *req, bool locked)
{
	call_begin(s, req, SCRIPT_LEADER_BEAT);
	call_key(req, "pool:leader");
	call_text(req, locked ? "1" : "");
	call_send(req, read_number);
}

void store_resign(struct store *s, struct store_req *req)
{
	call_begin(s, req, SCRIPT_LEADER_RESIGN);
	call_key(req, "pool:leader");
	call_send(req, NULL);
}
