/* roles/api_handlers.h - every run() of roles/api_rows.c, by its file. */
#ifndef ROLES_API_HANDLERS_H
#define ROLES_API_HANDLERS_H

#include "roles/api.h"

typedef void api_run(struct api *a);

api_run api_session, api_session_end, api_login, api_register, api_account;          /* api_account.c */
http_handler api_session_open;
api_run api_tokens, api_token_create, api_token_revoke;
/* api_tasks.c */
api_run api_tasks, api_task, api_task_stop, api_task_remove, api_task_explain, api_task_cost,
	api_task_attempts;
api_run api_check, api_quote, api_submit;                                            /* api_submit.c */
api_run api_bundle, api_bundle_put;                                                  /* api_bundle.c */
api_run api_logs;                                                                    /* api_logs.c */
/* api_result.c, api_files.c */
api_run api_result, api_files, api_file;
api_run api_balance, api_price, api_statement, api_earnings, api_transfer, api_tip;  /* api_money.c */
api_run api_projects, api_project, api_project_create, api_project_claim, api_project_withdraw;
/* api_pool.c */
api_run api_info, api_health, api_metrics, api_workers, api_worker, api_series, api_openapi;
api_run api_events;                                                                  /* api_events.c */

#endif
