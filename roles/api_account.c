/* roles/api_account.c - who is signed in, and with what tokens: /session, /login,
 * /register, /account, /tokens.
 *
 * What the pool's Login or Register gives stays here, in an identity of the browser's session;
 * the browser has a cookie. */
#include "roles/api_handlers.h"

#include <string.h>
#include <utlist.h>

#include "net/memory.h"
#include "roles/account_view.h"
#include "roles/admission.h"
#include "roles/master.h"

/* --- by a one-time key ------------------------------------------------------------------------------- */

/* It is used up: say one for the next browser. */
void api_session_open(struct http_request *r)
{
	http_session_post(r);
	if (r->session != 0)
		master_say_address(http_data(r), "  for another browser   ");
}

/* --- signing in ----------------------------------------------------------------------------------- */

struct sign_in {
	struct work work;
	struct api *api;
	Pb__RegisterRequest request; /* texts in the body and the arena */
	unsigned bits;
};

static void signed_in_json(struct api *a, const Pb__Account *account, int64_t expires_ms)
{
	struct json *j = api_reply(a);

	json_text(j, "pool", a->m->pool_text);
	json_bool(j, "signed_in", account != NULL);
	if (account != NULL) {
		json_object(j, "account");
		account_json(j, account);
		json_end(j);
	} else {
		json_null(j, "account");
	}
	json_time(j, "expires", expires_ms);
}

/* This session is somebody else's from now on. */
static void become(struct api *a, const char *token)
{
	struct master *m = a->m;
	struct identity *who, *next, *oldest = NULL;
	int count = 0;

	if (a->r->session == 0)
		http_session_begin(a->r);
	DL_FOREACH_SAFE(m->identities, who, next) {
		if (who == m->first)
			continue;
		if (who->session == a->r->session) {
			identity_end(who, true);
			continue;
		}
		oldest = oldest == NULL ? who : oldest;
		count++;
	}
	if (count >= IDENTITIES_MAX)
		identity_end(oldest, true);
	identity_new(m, a->r->session, token);
}

static void on_session(struct api *a, const void *reply)
{
	const Pb__Session *session = reply;

	wipe((char *)api_text(a, "password"), strlen(api_text(a, "password")));
	if (session->account == NULL || session->token[0] == '\0') {
		api_refuse(a, STATUS_INTERNAL, "the pool opened a session without a token");
		return;
	}
	become(a, session->token);
	wipe(session->token, strlen(session->token));
	signed_in_json(a, session->account, session->expires_ms);
	api_send(a);
}

void api_login(struct api *a)
{
	Pb__LoginRequest request = PB__LOGIN_REQUEST__INIT;

	request.name = (char *)api_text(a, "name");
	request.password = (char *)api_text(a, "password");
	api_ask(a, RPC_LOGIN, &request, on_session);
}

/* --- registering: the pool's work first -------------------------------------------------------------- */

/* On the thread pool. */
static void do_work(struct work *w)
{
	struct sign_in *s = container_of(w, struct sign_in, work);

	s->request.nonce = work_do(s->request.challenge, s->bits);
}

static void on_worked(struct work *w)
{
	struct sign_in *s = container_of(w, struct sign_in, work);
	struct api *a = s->api;

	if (api_waited(a))
		api_ask(a, RPC_REGISTER, &s->request, on_session);
}

static void on_challenge(struct api *a, const void *reply)
{
	const Pb__ChallengeReply *challenge = reply;
	struct sign_in *s = a->user;

	if (challenge->bits > WORK_BITS_DEFAULT + 6) {
		api_refuse(a, STATUS_RESOURCE_EXHAUSTED, "the pool asks for 2^%u hashes, which takes too long here",
			   challenge->bits);
		return;
	}
	s->bits = challenge->bits;
	s->request.challenge = arena_strdup(&a->arena, challenge->challenge);
	api_wait(a);
	work_start(&a->m->loop, &s->work, do_work, on_worked);
}

void api_register(struct api *a)
{
	struct sign_in *s = api_more(a, sizeof *s);
	Pb__ChallengeRequest ask = PB__CHALLENGE_REQUEST__INIT;
	const char *call_id = api_call_id(a);

	if (call_id == NULL)
		return;
	s->api = a;
	pb__register_request__init(&s->request);
	s->request.name = ask.name = (char *)api_text(a, "name");
	s->request.password = (char *)api_text(a, "password");
	s->request.invitation = (char *)api_text(a, "invitation");
	s->request.call_id = (char *)call_id;
	if (s->request.invitation[0] != '\0')
		api_ask(a, RPC_REGISTER, &s->request, on_session);
	else
		api_ask(a, RPC_CHALLENGE, &ask, on_challenge);
}

/* --- the session ------------------------------------------------------------------------------------ */

static void on_whoami(struct api *a, const void *reply)
{
	signed_in_json(a, reply, 0);
	api_send(a);
}

/* A token that has expired or was ended is no failure of the question who is signed in. */
static bool is_signed_out(struct api *a, const struct error *e)
{
	if (e->status != STATUS_UNAUTHENTICATED)
		return false;
	signed_in_json(a, NULL, 0);
	api_send(a);
	return true;
}

void api_session(struct api *a)
{
	Pb__WhoamiRequest request = PB__WHOAMI_REQUEST__INIT;

	if (!a->who->signed_in) {
		signed_in_json(a, NULL, 0);
		api_send(a);
		return;
	}
	a->failed = is_signed_out;
	api_ask(a, RPC_WHOAMI, &request, on_whoami);
}

void api_session_end(struct api *a)
{
	if (a->who != a->m->first)
		identity_end(a->who, true);
	http_session_end(a->r);
	api_send_nothing(a);
}

static void on_account(struct api *a, const void *reply)
{
	struct json *j = api_reply(a);

	json_text(j, "pool", a->m->pool_text);
	json_object(j, "account");
	account_json(j, reply);
	json_end(j);
	json_null(j, "expires");
	api_send(a);
}

void api_account(struct api *a)
{
	Pb__WhoamiRequest request = PB__WHOAMI_REQUEST__INIT;

	api_ask(a, RPC_WHOAMI, &request, on_account);
}

/* --- tokens ------------------------------------------------------------------------------------------ */

static void on_tokens(struct api *a, const void *reply)
{
	const Pb__ListTokensReply *tokens = reply;
	struct json *j = api_reply(a);

	json_array(j, "tokens");
	for (size_t i = 0; i < tokens->n_tokens; i++) {
		json_object(j, NULL);
		token_json(j, tokens->tokens[i]);
		json_end(j);
	}
	json_end(j);
	api_send(a);
}

void api_tokens(struct api *a)
{
	Pb__ListTokensRequest request = PB__LIST_TOKENS_REQUEST__INIT;

	api_ask(a, RPC_LIST_TOKENS, &request, on_tokens);
}

static void on_token_made(struct api *a, const void *reply)
{
	const Pb__NewToken *made = reply;
	struct json *j;

	if (made->token == NULL) {
		api_refuse(a, STATUS_INTERNAL, "the pool made a token and does not say which");
		return;
	}
	j = api_reply(a);
	json_text(j, "secret", made->secret);
	json_object(j, "token");
	token_json(j, made->token);
	json_end(j);
	wipe(made->secret, strlen(made->secret));
	api_send(a);
}

void api_token_create(struct api *a)
{
	Pb__CreateTokenRequest request = PB__CREATE_TOKEN_REQUEST__INIT;
	const char *call_id = api_call_id(a);

	if (call_id == NULL)
		return;
	request.scopes = (char *)api_text(a, "scopes");
	request.name = (char *)api_text(a, "name");
	request.ttl_s = (uint32_t)api_count(a, "ttl_s", 0);
	request.call_id = (char *)call_id;
	api_ask(a, RPC_CREATE_TOKEN, &request, on_token_made);
}

static void on_token_revoked(struct api *a, const void *reply)
{
	const Pb__RevokeTokenReply *revoked = reply;

	json_uint(api_reply(a), "revoked", revoked->ended);
	api_send(a);
}

void api_token_revoke(struct api *a)
{
	Pb__RevokeTokenRequest request = PB__REVOKE_TOKEN_REQUEST__INIT;

	request.id = (char *)api_param(a, "id");
	api_ask(a, RPC_REVOKE_TOKEN, &request, on_token_revoked);
}
