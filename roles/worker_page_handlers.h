/* roles/worker_page_handlers.h - what the rows of roles/worker_page_rows.c call; all in worker_page_api.c. */
#ifndef ROLES_WORKER_PAGE_HANDLERS_H
#define ROLES_WORKER_PAGE_HANDLERS_H

#include "roles/api_table.h"
#include "roles/worker_page.h"

typedef void page_serve(struct http_request *r, const cJSON *body);

http_handler page_session_open;
page_serve page_session, page_status, page_events, page_history, page_earnings, page_series;
page_serve page_policy, page_policy_change, page_pause, page_snooze, page_resume;
page_serve page_log, page_doctor, page_health, page_openapi, page_metrics;

#endif
