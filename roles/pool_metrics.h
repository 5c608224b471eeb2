/* roles/pool_metrics.h - the pool's page for Prometheus, when it is asked for (hivemind pool --metrics
 * ADDR:PORT): /metrics, and /health for whoever restarts things. Whoever reaches the address reads them;
 * nothing can be changed there. */
#ifndef ROLES_POOL_METRICS_H
#define ROLES_POOL_METRICS_H

#include "proto/error.h"

struct pool;

/* Listen; 0 without doing anything when it was not asked for. */
int pool_metrics_open(struct pool *pool, struct error *err);

/* It ends by itself then; the loop runs until it has. */
void pool_metrics_close(struct pool *pool);

#endif
