/* roles/pool_handlers.c - the table of a pool's handlers: which function answers which RPC. */
#include "proto/standard.h"
#include "roles/pool.h"
#include "roles/pool_call.h"

/*          id                handler             end of the peer's stream  room to send again */
#define HANDLERS(X) \
	X(RPC_REGISTER,      pool_register,      NULL,                 NULL)                     \
	X(RPC_LOGIN,         pool_login,         NULL,                 NULL)                     \
	X(RPC_LOGOUT,        pool_logout,        NULL,                 NULL)                     \
	X(RPC_WHOAMI,        pool_whoami,        NULL,                 NULL)                     \
	X(RPC_CREATE_TOKEN,  pool_create_token,  NULL,                 NULL)                     \
	X(RPC_LIST_TOKENS,   pool_list_tokens,   NULL,                 NULL)                     \
	X(RPC_REVOKE_TOKEN,  pool_revoke_token,  NULL,                 NULL)                     \
	X(RPC_SUBMIT,        pool_submit,        NULL,                 NULL)                     \
	X(RPC_LIST_TASKS,    pool_list_tasks,    NULL,                 NULL)                     \
	X(RPC_GET_TASK,      pool_get_task,      NULL,                 NULL)                     \
	X(RPC_WATCH_TASK,    pool_watch_task,    NULL,                 pool_watch_space)         \
	X(RPC_LOGS,          pool_logs,          NULL,                 pool_logs_space)          \
	X(RPC_STOP_TASK,     pool_stop_task,     NULL,                 NULL)                     \
	X(RPC_REMOVE_TASK,   pool_remove_task,   NULL,                 NULL)                     \
	X(RPC_BLOB_OFFSET,   pool_blob_offset,   NULL,                 NULL)                     \
	X(RPC_BLOB_UPLOAD,   pool_blob_upload,   pool_blob_upload_end, NULL)                     \
	X(RPC_BLOB_DOWNLOAD, pool_blob_download, NULL,                 pool_blob_download_space) \
	X(RPC_LINK,          pool_link,          pool_link_end,        NULL)                     \
	X(RPC_LIST_WORKERS,  pool_list_workers,  NULL,                 NULL)                     \
	X(RPC_INFO,          pool_info,          NULL,                 NULL)                     \
	X(RPC_EVENTS,        pool_watch_events,  NULL,                 pool_events_space)        \
	X(RPC_SERIES,        pool_series,        NULL,                 NULL)                     \
	X(RPC_ATTEMPTS,      pool_attempts,      NULL,                 NULL)                     \
	X(RPC_CHALLENGE,     pool_challenge,     NULL,                 NULL)                     \
	X(RPC_INVITE,        pool_invite,        NULL,                 NULL)                     \
	X(RPC_QUOTE,         pool_quote,         NULL,                 NULL)                     \
	X(RPC_PRICE,         pool_price,         NULL,                 NULL)                     \
	X(RPC_BALANCE,       pool_balance,       NULL,                 NULL)                     \
	X(RPC_STATEMENT,     pool_statement,     NULL,                 NULL)                     \
	X(RPC_EARNINGS,      pool_earnings,      NULL,                 NULL)                     \
	X(RPC_TRANSFER,      pool_transfer,      NULL,                 NULL)                     \
	X(RPC_TIP,           pool_tip,           NULL,                 NULL)                     \
	X(RPC_WITHDRAW,      pool_withdraw,      NULL,                 NULL)                     \
	X(RPC_CREATE_PROJECT, pool_create_project, NULL,               NULL)                     \
	X(RPC_LIST_PROJECTS, pool_list_projects, NULL,                 NULL)                     \
	X(RPC_GET_PROJECT,   pool_get_project,   NULL,                 NULL)                     \
	X(RPC_CLAIM_PROJECT, pool_claim_project, NULL,                 NULL)                     \
	X(RPC_TOTALS,        pool_totals,        NULL,                 NULL)                     \
	X(RPC_FREEZE,        pool_freeze,        NULL,                 NULL)                     \
	X(RPC_UNFREEZE,      pool_unfreeze,      NULL,                 NULL)

#define STANDARD_HANDLERS(X) \
	X(STANDARD_HEALTH_CHECK,     pool_health_check, NULL,                NULL)                  \
	X(STANDARD_HEALTH_WATCH,     pool_health_watch, NULL,                NULL)                  \
	X(STANDARD_REFLECTION,       pool_reflection,   pool_reflection_end, pool_reflection_space) \
	X(STANDARD_REFLECTION_ALPHA, pool_reflection,   pool_reflection_end, pool_reflection_space)

static void on_call_gone(struct rpc *rpc)
{
	auth_gone(rpc);
	call_gone(rpc);
}

const struct rpc_handler pool_handlers[] = {
#define HANDLER(id, message, half_close, space) {&rpc_methods[id], message, half_close, space, on_call_gone},
	HANDLERS(HANDLER)
#undef HANDLER
#define HANDLER(id, message, half_close, space) \
	{&standard_methods[id], message, half_close, space, on_call_gone},
	STANDARD_HANDLERS(HANDLER)
#undef HANDLER
};

_Static_assert(sizeof pool_handlers / sizeof pool_handlers[0] == RPC_COUNT + STANDARD_COUNT,
	       "each RPC has a handler");
