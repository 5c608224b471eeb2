/* proto/rpc.h - every RPC of hivemind.v1 as a row: its path, its messages, who may call it.
 *
 * To add one: the method and its messages in hivemind.proto, a row here, a handler of the same
 * name in roles/pool_*.c, a row in roles/pool.c's table of handlers; and a row in test/e2e/test_authz.py, which
 * says what a stranger gets. */
#ifndef PROTO_RPC_H
#define PROTO_RPC_H

#include <stdbool.h>

#include "hivemind.pb-c.h"

/* What a token must carry for a call; the scopes that people name "submit read worker spend admin". */
enum scope {
	SCOPE_NONE = 0, /* no token needed */
	SCOPE_SUBMIT = 1,
	SCOPE_READ = 2,
	SCOPE_WORKER = 4,
	SCOPE_SPEND = 8,
	SCOPE_ADMIN = 16,
	SCOPE_ANY = 31,   /* any valid token */
	SCOPE_LOCAL = 32, /* in no token: none is needed by a peer on this machine */
};

enum { IN_ONE = 0, IN_MANY = 1, OUT_ONE = 0, OUT_MANY = 1 };

/*     id              service   method     request               reply              streams           scope (any of)             */
#define RPCS(X) \
	X(RPC_REGISTER,      Accounts, Register, register_request,     session,           IN_ONE,  OUT_ONE,  SCOPE_NONE)                 \
	X(RPC_LOGIN,         Accounts, Login,    login_request,        session,           IN_ONE,  OUT_ONE,  SCOPE_NONE)                 \
	X(RPC_LOGOUT,        Accounts, Logout,   logout_request,       logout_reply,      IN_ONE,  OUT_ONE,  SCOPE_ANY)                  \
	X(RPC_WHOAMI,        Accounts, Whoami,   whoami_request,       account,           IN_ONE,  OUT_ONE,  SCOPE_ANY)                  \
	X(RPC_CREATE_TOKEN,  Accounts, CreateToken, create_token_request, new_token,      IN_ONE,  OUT_ONE,  SCOPE_ANY)                  \
	X(RPC_LIST_TOKENS,   Accounts, ListTokens, list_tokens_request, list_tokens_reply, IN_ONE, OUT_ONE,  SCOPE_READ)                 \
	X(RPC_REVOKE_TOKEN,  Accounts, RevokeToken, revoke_token_request, revoke_token_reply, IN_ONE, OUT_ONE, SCOPE_ANY)                \
	X(RPC_SUBMIT,        Tasks,    Submit,   submit_request,       submit_reply,      IN_ONE,  OUT_ONE,  SCOPE_SUBMIT)               \
	X(RPC_LIST_TASKS,    Tasks,    List,     list_tasks_request,   list_tasks_reply,  IN_ONE,  OUT_ONE,  SCOPE_READ)                 \
	X(RPC_GET_TASK,      Tasks,    Get,      get_task_request,     task,              IN_ONE,  OUT_ONE,  SCOPE_READ)                 \
	X(RPC_WATCH_TASK,    Tasks,    Watch,    watch_task_request,   task,              IN_ONE,  OUT_MANY, SCOPE_READ)                 \
	X(RPC_LOGS,          Tasks,    Logs,     logs_request,         log_chunk,         IN_ONE,  OUT_MANY, SCOPE_READ)                 \
	X(RPC_STOP_TASK,     Tasks,    Stop,     stop_task_request,    task,              IN_ONE,  OUT_ONE,  SCOPE_SUBMIT)               \
	X(RPC_REMOVE_TASK,   Tasks,    Remove,   remove_task_request,  remove_task_reply, IN_ONE,  OUT_ONE,  SCOPE_SUBMIT)               \
	X(RPC_BLOB_OFFSET,   Blobs,    Offset,   upload_header,        upload_reply,      IN_ONE,  OUT_ONE,  SCOPE_SUBMIT | SCOPE_WORKER) \
	X(RPC_BLOB_UPLOAD,   Blobs,    Upload,   upload_chunk,         upload_reply,      IN_MANY, OUT_ONE,  SCOPE_SUBMIT | SCOPE_WORKER) \
	X(RPC_BLOB_DOWNLOAD, Blobs,    Download, download_request,     download_chunk,    IN_ONE,  OUT_MANY, SCOPE_READ | SCOPE_WORKER)   \
	X(RPC_LINK,          Workers,  Link,     worker_message,       pool_message,      IN_MANY, OUT_MANY, SCOPE_WORKER)               \
	X(RPC_LIST_WORKERS,  Workers,  List,     list_workers_request, list_workers_reply, IN_ONE, OUT_ONE,  SCOPE_READ)                 \
	X(RPC_INFO,          Pool,     Info,     info_request,         info_reply,        IN_ONE,  OUT_ONE,  SCOPE_NONE)                 \
	X(RPC_EVENTS,        Pool,     Events,   events_request,       event,             IN_ONE,  OUT_MANY, SCOPE_READ)                 \
	X(RPC_SERIES,        Pool,     Series,   series_request,       series_reply,      IN_ONE,  OUT_ONE,  SCOPE_READ)                 \
	X(RPC_ATTEMPTS,      Tasks,    Attempts, get_task_request,     list_tasks_reply,  IN_ONE,  OUT_ONE,  SCOPE_READ)                 \
	X(RPC_CHALLENGE,     Accounts, Challenge, challenge_request,   challenge_reply,   IN_ONE,  OUT_ONE,  SCOPE_NONE)                 \
	X(RPC_INVITE,        Accounts, Invite,   invite_request,       invitation,        IN_ONE,  OUT_ONE,  SCOPE_ADMIN)                \
	X(RPC_QUOTE,         Ledger,   Quote,    quote_request,        quote_reply,       IN_ONE,  OUT_ONE,  SCOPE_READ | SCOPE_SUBMIT)  \
	X(RPC_PRICE,         Ledger,   Price,    price_request,        price_reply,       IN_ONE,  OUT_ONE,  SCOPE_NONE)                 \
	X(RPC_BALANCE,       Ledger,   Balance,  balance_request,      balance_reply,     IN_ONE,  OUT_ONE,  SCOPE_READ)                 \
	X(RPC_STATEMENT,     Ledger,   Statement, statement_request,   statement_reply,   IN_ONE,  OUT_ONE,  SCOPE_READ)                 \
	X(RPC_EARNINGS,      Ledger,   Earnings, earnings_request,     earnings_reply,    IN_ONE,  OUT_ONE,  SCOPE_READ)                 \
	X(RPC_TRANSFER,      Ledger,   Transfer, transfer_request,     transfer_reply,    IN_ONE,  OUT_ONE,  SCOPE_SPEND)                \
	X(RPC_TIP,           Ledger,   Tip,      tip_request,          transfer_reply,    IN_ONE,  OUT_ONE,  SCOPE_SPEND)                \
	X(RPC_WITHDRAW,      Ledger,   Withdraw, withdraw_request,     transfer_reply,    IN_ONE,  OUT_ONE,  SCOPE_SPEND)                \
	X(RPC_CREATE_PROJECT, Ledger,  CreateProject, create_project_request, project,    IN_ONE,  OUT_ONE,  SCOPE_SPEND)                \
	X(RPC_LIST_PROJECTS, Ledger,   ListProjects, list_projects_request, list_projects_reply, IN_ONE, OUT_ONE, SCOPE_READ)            \
	X(RPC_GET_PROJECT,   Ledger,   GetProject, get_project_request, project,          IN_ONE,  OUT_ONE,  SCOPE_READ)                 \
	X(RPC_CLAIM_PROJECT, Ledger,   ClaimProject, claim_project_request, claim_project_reply, IN_ONE, OUT_ONE, SCOPE_SPEND)           \
	X(RPC_TOTALS,        Ledger,   Totals,   totals_request,       totals_reply,      IN_ONE,  OUT_ONE,  SCOPE_READ)                 \
	X(RPC_FREEZE,        Ledger,   Freeze,   freeze_request,       totals_reply,      IN_ONE,  OUT_ONE,  SCOPE_ADMIN)                \
	X(RPC_UNFREEZE,      Ledger,   Unfreeze, unfreeze_request,     totals_reply,      IN_ONE,  OUT_ONE,  SCOPE_ADMIN)

enum rpc_id {
#define RPC_ENUM(id, ...) id,
	RPCS(RPC_ENUM)
#undef RPC_ENUM
	RPC_COUNT,
};

/* What both ends must know of a method. net/ serves and calls any such row, ours or a test's. */
struct rpc_method {
	const char *path; /* "/hivemind.v1.Tasks/Submit" */
	const ProtobufCMessageDescriptor *in, *out;
	bool streams_in, streams_out;
	unsigned scope; /* bit set of enum scope, any of which is enough; 0 = no token needed */
};

extern const struct rpc_method rpc_methods[RPC_COUNT];

/* "submit read" for a bit set; buf of 64 bytes is enough. */
const char *scopes_to_text(unsigned scopes, char *buf, unsigned long n);

/* The bit set of a text; 0 when a word is unknown. */
unsigned scopes_from_text(const char *text);

#endif
