/* roles/pool_accounts.c - Accounts: Register, Login, Logout, Whoami.
 *
 * Register: hash the password -> store the account -> store a token -> Session. A repeat (same call_id) finds
 * the account there; the token cannot be shown twice, so the password is checked as a login's and a new one
 * is made.
 * Login: look up the name -> check the password, or nothing, in the same time -> store a token. */
#include <string.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "roles/pool.h"
#include "roles/pool_call.h"
#include "roles/weak_password.h"

#define INVITATION_DEFAULT_S (3 * 86400)
#define INVITATION_MAX_S (6 * 86400) /* its registration is remembered for seven days */

struct entry {
	struct call call;
	struct password_job job;
	const char *name, *call_id; /* of the message: valid while the peer is there */
	char *password;             /* of the message too */
	Pb__Account account;
	char id[ID_SIZE], account_name[ACCOUNT_NAME_MAX + 1];
	char token[TOKEN_SIZE], token_sha256[SHA256_HEX_SIZE];
	int64_t expires_ms;
	unsigned scopes;
	bool known; /* the name exists */
	char invitation[CALL_ID_MAX + 1];
};

/* --- the last step of both: a token ----------------------------------------------------------- */

static void free_entry(struct call *c)
{
	struct entry *e = (struct entry *)c;

	wipe(e->token, sizeof e->token);
}

/* The message goes now. */
static void forget_password(struct call *c)
{
	struct entry *e = (struct entry *)c;

	wipe(e->password, strlen(e->password));
}

static void on_token(struct store_req *req)
{
	struct entry *e = (struct entry *)call_well_answered(req);
	Pb__Session session = PB__SESSION__INIT;
	char scopes[64];

	if (e == NULL)
		return;
	scopes_to_text(e->scopes, scopes, sizeof scopes);
	e->account.scopes = scopes;
	session.account = &e->account;
	session.token = e->token;
	session.expires_ms = e->expires_ms;
	rpc_reply(e->call.rpc, &session.base);
}

/* account lies in the request that was just answered. */
static void open_session(struct entry *e, const Pb__Account *account)
{
	int64_t now = clock_wall_ms();
	char id[ID_SIZE];

	text_copy(e->id, sizeof e->id, account->id);
	text_copy(e->account_name, sizeof e->account_name, account->name);
	pb__account__init(&e->account);
	e->account.id = e->id;
	e->account.name = e->account_name;
	e->account.created_ms = account->created_ms;
	e->expires_ms = now + TOKEN_TTL_MS;
	auth_make_token(e->token, e->token_sha256);
	e->scopes = auth_login_scopes(e->call.pool, e->account_name);
	random_id(id);
	store_token_add(call_store(&e->call), call_ask(&e->call, on_token),
			&(struct token_grant){.sha256 = e->token_sha256, .account = e->id, .id = id, .name = "login",
					      .by = "", .call_id = "", .scopes = e->scopes,
					      .expires_ms = e->expires_ms, .now_ms = now, .make_room = true});
}

/* --- Login ------------------------------------------------------------------------------------ */

static void on_checked(struct password_job *job)
{
	struct entry *e = job->user;

	if (!call_waited(&e->call))
		return;
	if (job->error.status != 0) {
		call_refuse(&e->call, &job->error);
	} else if (!job->right || !e->known) {
		error_set(&job->error, STATUS_UNAUTHENTICATED, "unknown name or wrong password");
		error_hint(&job->error, "hivemind register makes an account");
		call_refuse(&e->call, &job->error);
	} else {
		throttle_right(&e->call.pool->throttle, e->name);
		open_session(e, e->call.req.account);
	}
}

static void on_account(struct store_req *req)
{
	struct entry *e = (struct entry *)call_answered(req);
	int status = e != NULL ? req->error.status : 0;
	struct error err;

	if (e == NULL)
		return;
	if (status != 0 && status != STATUS_NOT_FOUND) {
		call_fail(&e->call);
		return;
	}
	e->known = status == 0;
	e->job.user = e;
	e->job.on_done = on_checked;
	if (throttle_login(&e->call.pool->throttle, e->name, e->known, e->call.rpc->peer, clock_ms(), &err) != 0 ||
	    password_check(&e->call.pool->passwords, &e->job, e->password, e->known ? req->password : NULL,
	                   &err) != 0) {
		call_refuse(&e->call, &err);
		return;
	}
	call_wait(&e->call);
}

static int check_name(struct error *e, const char *name)
{
	size_t n = strlen(name);

	if (n < ACCOUNT_NAME_MIN || n > ACCOUNT_NAME_MAX)
		return error_set(e, STATUS_INVALID_ARGUMENT, "a name has %d to %d characters",
		                 ACCOUNT_NAME_MIN, ACCOUNT_NAME_MAX);
	if (name[0] < 'a' || name[0] > 'z' || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != n)
		return error_set(e, STATUS_INVALID_ARGUMENT,
		                 "a name has letters a-z, digits, _ and -, and begins with a letter");
	return 0;
}

static int check_entry(struct error *e, const char *name, const char *password)
{
	if (check_name(e, name) != 0)
		return e->status;
	if (strlen(password) < PASSWORD_MIN || strlen(password) > PASSWORD_MAX)
		return error_set(e, STATUS_INVALID_ARGUMENT, "a password has %d to %d bytes", PASSWORD_MIN,
		                 PASSWORD_MAX);
	return 0;
}

static int check_new_password(struct error *e, const char *name, const char *password)
{
	const char *weakness = password_weakness(password, name);

	if (weakness == NULL)
		return 0;
	error_set(e, STATUS_INVALID_ARGUMENT, "this password %s: it would be guessed", weakness);
	return error_hint(e, "three or four words that nobody would guess from one another do well");
}

int pool_login(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__LoginRequest *in = (const Pb__LoginRequest *)message;
	struct error ignored;
	struct entry *e;

	/* What cannot be a name or password is as wrong as any other: the same answer. */
	if (check_entry(&ignored, in->name, in->password) != 0)
		return error_set(&rpc->error, STATUS_UNAUTHENTICATED, "unknown name or wrong password");
	e = call_new(rpc, sizeof *e);
	e->call.on_free = free_entry;
	e->call.on_gone = forget_password;
	e->name = in->name;
	e->password = in->password;
	store_account_by_name(call_store(&e->call), call_ask(&e->call, on_account), e->name);
	return RPC_LATER;
}

/* --- Register --------------------------------------------------------------------------------- */

static void on_registered(struct store_req *req)
{
	struct entry *e = (struct entry *)call_answered(req);

	if (e == NULL)
		return;
	crash_point(POOL_REGISTER_DONE);
	if (req->error.status != 0 || req->duplicate)
		throttle_give_back(&e->call.pool->throttle, e->call.rpc->peer);
	if (req->error.status != 0) {
		call_fail(&e->call);
	} else if (req->duplicate) {
		store_account_by_name(call_store(&e->call), call_ask(&e->call, on_account), e->name);
	} else {
		log_info("account registered account=%s name=%s gift_mcpt=%lld", req->account->id, req->account->name,
		         (long long)req->amount);
		admission_count(&e->call.pool->admission, e->call.rpc->peer, clock_wall_ms());
		open_session(e, req->account);
	}
}

static void on_hashed(struct password_job *job)
{
	struct entry *e = job->user;
	const struct admission *a = &e->call.pool->admission;
	char id[ID_SIZE];
	const struct registration r = {.id = id,
				       .name = e->name,
				       .password = job->hash,
				       .now_ms = clock_wall_ms(),
				       .call_id = e->call_id,
				       .gift_mcpt = a->gift_mcpt,
				       .gift_tasks_only = a->mode == ADMISSION_OPEN};

	if (!call_waited(&e->call))
		return;
	if (job->error.status != 0) {
		call_refuse(&e->call, &job->error);
		return;
	}
	random_id(id);
	store_register(call_store(&e->call), call_ask(&e->call, on_registered), &r);
}

/* May this peer make this account? call_id: of the invitation that it has; "" = none. */
static int check_registration(struct rpc *rpc, const Pb__RegisterRequest *in, char call_id[CALL_ID_MAX + 1])
{
	struct pool *pool = grpc_server_user(rpc->server);
	const struct application application = {.name = in->name, .peer = rpc->peer, .challenge = in->challenge,
						.invitation = in->invitation, .nonce = in->nonce};

	if (admission_check(&pool->admission, &application, clock_wall_ms(), call_id, &rpc->error) != 0)
		return rpc->error.status;
	return throttle_register(&pool->throttle, rpc->peer, (unsigned)pool->options.register_per_day, clock_ms(),
	                         &rpc->error);
}

int pool_register(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__RegisterRequest *in = (const Pb__RegisterRequest *)message;
	struct pool *pool = grpc_server_user(rpc->server);
	char invitation[CALL_ID_MAX + 1];
	struct entry *e;
	int status = check_entry(&rpc->error, in->name, in->password);

	if (status == 0)
		status = check_new_password(&rpc->error, in->name, in->password);
	if (status != 0)
		return status;
	if (in->call_id[0] == '\0' || strlen(in->call_id) > CALL_ID_MAX)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "call_id must have 1 to %d characters",
		                 CALL_ID_MAX);
	status = check_registration(rpc, in, invitation);
	if (status != 0)
		return status;
	e = call_new(rpc, sizeof *e);
	e->call.on_free = free_entry;
	e->call.on_gone = forget_password;
	e->name = in->name;
	e->password = in->password;
	memcpy(e->invitation, invitation, sizeof e->invitation);
	e->call_id = invitation[0] != '\0' ? e->invitation : in->call_id;
	e->job.user = e;
	e->job.on_done = on_hashed;
	status = password_make(&pool->passwords, &e->job, e->password, &rpc->error);
	if (status != 0)
		return status;
	call_wait(&e->call);
	return RPC_LATER;
}

/* --- Challenge, Invite ------------------------------------------------------------------------- */

int pool_challenge(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__ChallengeRequest *in = (const Pb__ChallengeRequest *)message;
	struct pool *pool = grpc_server_user(rpc->server);
	Pb__ChallengeReply reply = PB__CHALLENGE_REPLY__INIT;
	char text[ADMISSION_TEXT_MAX];

	if (check_name(&rpc->error, in->name) != 0)
		return rpc->error.status;
	reply.bits = admission_challenge(&pool->admission, in->name, rpc->peer, clock_wall_ms(), text);
	reply.challenge = text;
	reply.registration = (char *)admission_mode_name(&pool->admission);
	rpc_reply(rpc, &reply.base);
	return 0;
}

int pool_invite(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__InviteRequest *in = (const Pb__InviteRequest *)message;
	struct pool *pool = grpc_server_user(rpc->server);
	Pb__Invitation reply = PB__INVITATION__INIT;
	uint32_t valid_s = in->valid_s == 0 ? INVITATION_DEFAULT_S : in->valid_s;
	char code[ADMISSION_TEXT_MAX];

	if (in->name[0] != '\0' ? check_name(&rpc->error, in->name) != 0 : pool->admission.mode == ADMISSION_APPROVE)
		return rpc->error.status != 0
			       ? rpc->error.status
			       : error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "here each invitation is for a name");
	if (valid_s > INVITATION_MAX_S)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "an invitation is good for six days at most");
	reply.expires_ms = clock_wall_ms() + 1000 * (int64_t)valid_s;
	admission_invite(&pool->admission, in->name, reply.expires_ms, code);
	reply.code = code;
	log_info("invitation made account=%s for=%s", caller_of(rpc)->account,
		 in->name[0] != '\0' ? in->name : "anybody");
	rpc_reply(rpc, &reply.base);
	return 0;
}

/* --- Logout, Whoami --------------------------------------------------------------------------- */

static void on_token_removed(struct store_req *req)
{
	struct call *c = call_answered(req);
	Pb__LogoutReply reply = PB__LOGOUT_REPLY__INIT;

	if (c == NULL)
		return;
	auth_forget(&c->pool->auth, caller_of(c->rpc)->token_sha256);
	revocation_soon(&c->pool->revocation);
	if (req->error.status != 0 && req->error.status != STATUS_NOT_FOUND)
		call_fail(c);
	else
		rpc_reply(c->rpc, &reply.base);
}

int pool_logout(struct rpc *rpc, const ProtobufCMessage *in)
{
	struct call *c = call_new(rpc, sizeof *c);
	const struct caller *caller = caller_of(rpc);

	(void)in;
	auth_forget(&c->pool->auth, caller->token_sha256);
	store_token_revoke(call_store(c), call_ask(c, on_token_removed), caller->account, caller->token_id,
			   caller->scopes, caller->token_id, false);
	return RPC_LATER;
}

int pool_whoami(struct rpc *rpc, const ProtobufCMessage *in)
{
	const struct caller *caller = caller_of(rpc);
	Pb__Account account = PB__ACCOUNT__INIT;
	char scopes[64];

	(void)in;
	account.id = (char *)caller->account;
	account.name = (char *)caller->name;
	account.created_ms = caller->created_ms;
	account.scopes = (char *)scopes_to_text(caller->scopes, scopes, sizeof scopes);
	rpc_reply(rpc, &account.base);
	return 0;
}
