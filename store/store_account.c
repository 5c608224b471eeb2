/* store/store_account.c - accounts. */
#include <stdlib.h>
#include <string.h>

#include "net/sha256.h"
#include "store/call.h"
#include "store/record.h"

/* The password is a field of the hash and none of the message. */
static const char *field_text(struct store_req *req, const redisReply *fields, const char *name)
{
	for (size_t i = 0; i + 1 < fields->elements; i += 2) {
		if (strcmp(fields->element[i]->str, name) == 0)
			return arena_strdup(&req->arena, fields->element[i + 1]->str);
	}
	return "";
}

void read_account(struct store_req *req, const redisReply *reply)
{
	const redisReply *fields = reply->elements > 1 ? reply->element[1] : reply;

	req->account = record_read(&pb__account__descriptor, fields, &req->arena);
	if (req->account == NULL)
		read_failed(req);
	else
		req->password = field_text(req, fields, "password");
}

static void read_registered(struct store_req *req, const redisReply *reply)
{
	read_account(req, reply);
	if (reply->elements != 4) {
		read_failed(req);
		return;
	}
	req->duplicate = reply->element[2]->integer != 0;
	req->amount = strtoll(reply->element[3]->str, NULL, 10);
}

void store_register(struct store *s, struct store_req *req, const struct registration *r)
{
	char digest[SHA256_HEX_SIZE];

	sha256_hex_of(r->name, strlen(r->name), digest);
	call_begin(s, req, SCRIPT_REGISTER);
	call_key(req, "account:%s", r->id);
	call_key(req, "account-name:%s", r->name);
	if (r->call_id[0] != '\0')
		call_key(req, "call:register:%s", r->call_id);
	call_text(req, r->id);
	call_text(req, r->name);
	call_text(req, r->password);
	call_int(req, r->now_ms);
	call_text(req, digest);
	call_int(req, CALL_TTL_MS);
	call_int(req, r->gift_mcpt);
	call_int(req, r->gift_tasks_only);
	call_send(req, read_registered);
}

void store_account_by_name(struct store *s, struct store_req *req, const char *name)
{
	call_begin(s, req, SCRIPT_ACCOUNT);
	call_key(req, "account-name:%s", name);
	call_send(req, read_account);
}
