/* roles/token.c - hivemind token: tokens for machines and programs, made, listed, ended. The secret goes to
 * standard output, once, and nowhere else. */
#include <stdio.h>
#include <string.h>

#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/account_view.h"
#include "roles/client.h"
#include "roles/roles.h"
#include "ui/json.h"
#include "ui/table.h"
#include "ui/term.h"

static const struct verb_help help = {
    .usage = "hivemind token create --scope SCOPE[,SCOPE] [--ttl TIME] [--name NAME]   |   token ls   |   token revoke ID",
    .summary =
	"Tokens let a machine or a program act for you, within a scope and for a time. A scope is submit (tasks in,\n"
	"stop, remove), read (tasks, logs, results), worker (lend a machine), spend (give CPT away) or admin.\n"
	"create prints the secret once. revoke ends a token and those made with it, within a second.",
    .examples = "hivemind token create --scope worker --name garage > worker.token\n"
		"HIVEMIND_TOKEN_FILE=worker.token hivemind worker --join pool.example\n"
		"hivemind token create --scope submit,read --ttl 30d\n"
		"hivemind token ls\n"
		"hivemind token revoke 7kq2",
};

struct token_verb {
	struct client client;
	const char *scope, *name, *id;
	int64_t ttl_ms;
};

/* --- create ------------------------------------------------------------------------------------- */

static void print_new(struct token_verb *v, const Pb__NewToken *made)
{
	struct buf out = {0};
	struct json j;
	char until[40];

	if (v->client.globals.json) {
		json_document(&j, &out);
		json_text(&j, "secret", made->secret);
		json_object(&j, "token");
		token_json(&j, made->token);
		json_end(&j);
		json_end(&j);
	} else {
		buf_printf(&out, "%s", made->secret);
		if (!v->client.globals.quiet)
			fprintf(stderr, "Token %.4s may %s until %s. It is shown this once.\n", made->token->id,
				made->token->scopes, format_time(made->token->expires_ms, until));
	}
	client_print(&v->client, &out);
	wipe(out.data, out.n);
	buf_release(&out);
}

static int create(struct token_verb *v)
{
	Pb__CreateTokenRequest request = PB__CREATE_TOKEN_REQUEST__INIT;
	struct client *c = &v->client;
	const Pb__NewToken *made;

	if (v->scope == NULL)
		return client_usage(c, "token", "which scope? For example --scope worker");
	request.scopes = (char *)v->scope;
	request.name = (char *)v->name;
	request.ttl_s = (uint32_t)((v->ttl_ms < TOKEN_TTL_MS ? v->ttl_ms + 999 : TOKEN_TTL_MS) / 1000);
	request.call_id = (char *)client_call_id(c);
	made = client_call_again(c, RPC_CREATE_TOKEN, &request);
	if (made != NULL && made->token == NULL)
		error_set(&c->error, STATUS_INTERNAL, "the pool made a token and does not say which");
	else if (made != NULL)
		print_new(v, made);
	if (made != NULL)
		wipe(made->secret, strlen(made->secret));
	return client_close(c, 0);
}

/* --- ls ----------------------------------------------------------------------------------------- */

static void list_json(struct client *c, const Pb__ListTokensReply *r)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	json_array(&j, "tokens");
	for (size_t i = 0; i < r->n_tokens; i++) {
		json_object(&j, NULL);
		token_json(&j, r->tokens[i]);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

static void list_table(const Pb__ListTokensReply *r)
{
	static const char *const headers[] = {"ID", "NAME", "SCOPES", "MADE", "EXPIRES", "LAST USED"};
	struct table *table = table_new(headers, 6);
	char made[40], expires[40], used[40];

	for (size_t i = 0; i < r->n_tokens; i++) {
		const Pb__Token *t = r->tokens[i];

		used[0] = '\0';
		if (t->last_used_ms != 0)
			format_time(t->last_used_ms, used);
		table_row(table, (const char *[]){t->id, t->name, t->scopes, format_time(t->created_ms, made),
						  format_time(t->expires_ms, expires), used});
	}
	table_print(table, stdout);
	table_free(table);
}

static int list(struct token_verb *v)
{
	Pb__ListTokensRequest request = PB__LIST_TOKENS_REQUEST__INIT;
	struct client *c = &v->client;
	const Pb__ListTokensReply *reply = client_call_again(c, RPC_LIST_TOKENS, &request);

	if (reply != NULL && c->globals.json)
		list_json(c, reply);
	else if (reply != NULL && c->globals.quiet)
		for (size_t i = 0; i < reply->n_tokens; i++)
			printf("%s\n", reply->tokens[i]->id);
	else if (reply != NULL)
		list_table(reply);
	return client_close(c, 0);
}

/* --- revoke ------------------------------------------------------------------------------------- */

static void tell_revoked(struct client *c, unsigned ended)
{
	struct buf out = {0};
	struct json j;

	if (c->globals.json) {
		json_document(&j, &out);
		json_uint(&j, "revoked", ended);
		json_end(&j);
		client_print(c, &out);
		buf_release(&out);
	} else if (!c->globals.quiet) {
		printf("%u token%s ended\n", ended, ended == 1 ? "" : "s");
	}
}

static int revoke(struct token_verb *v)
{
	Pb__RevokeTokenRequest request = PB__REVOKE_TOKEN_REQUEST__INIT;
	struct client *c = &v->client;
	const Pb__RevokeTokenReply *reply;

	if (v->id == NULL)
		return client_usage(c, "token", "revoke which token? Its id is missing");
	request.id = (char *)v->id;
	request.call_id = (char *)client_call_id(c);
	reply = client_call_again(c, RPC_REVOKE_TOKEN, &request);
	if (reply != NULL)
		tell_revoked(c, reply->ended);
	else if (c->error.status == STATUS_NOT_FOUND)
		error_hint(&c->error, "hivemind token ls   lists them");
	return client_close(c, 0);
}

int token_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct token_verb *v);
		int words;
	} verbs[] = {{"create", create, 1}, {"ls", list, 1}, {"revoke", revoke, 2}};
	struct token_verb v = {.name = ""};
	const struct option options[] = {
		{"scope", 0, OPTION_TEXT, &v.scope, "SCOPES", "create: what it may do, separated by commas", NULL, 0, 0},
		{"ttl", 0, OPTION_DURATION, &v.ttl_ms, "TIME", "create: how long: 12h, 30d (90d)", NULL, 0, 0},
		{"name", 0, OPTION_TEXT, &v.name, "NAME", "create: what you will know it by", NULL, 0, 0},
		{0},
	};
	const char *args[2] = {NULL};
	int count, code = client_open(&v.client, argc, argv, options, &help, args, 2, &count, true);

	if (code >= 0)
		return code;
	v.id = count > 1 ? args[1] : NULL;
	for (size_t i = 0; count > 0 && i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(args[0], verbs[i].name) == 0 && count <= verbs[i].words)
			return verbs[i].run(&v);
	return client_usage(&v.client, "token", "say create, ls or revoke");
}
