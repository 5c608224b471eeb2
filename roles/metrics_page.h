/* roles/metrics_page.h - what the pages of pool, worker and master have in common for Prometheus:
 * net/metrics.h by HTTP. */
#ifndef ROLES_METRICS_PAGE_H
#define ROLES_METRICS_PAGE_H

#include "net/metrics.h"
#include "ui/http.h"

/* Before the first request: the routes are the values of a label, and the process says what it is. */
void metrics_page_open(enum metrics_role role, const struct http_route *routes, size_t n);

/* For http_options.on_answered, with the routes of metrics_page_open(). */
void metrics_page_answered(void *data, const struct http_route *route, int status, int64_t ms);

/* Answer r with all of the role's; those that are only known now were set before. */
void metrics_page_answer(struct http_request *r, enum metrics_role role);

#endif
