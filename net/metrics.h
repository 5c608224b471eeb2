/* net/metrics.h - numbers about this process, as Prometheus reads them (text format 0.0.4).
 *
 *     metrics_add(METRIC_REDIS_RECONNECTS, 0, 0, 1);     where it happens, or
 *     metrics_set(METRIC_BLOB_BYTES, 0, 0, bytes);       what is known anyway, just before
 *     metrics_write(METRICS_POOL, &text);                they are asked for
 *
 * A metric is a row here; nothing else names one. Its labels have closed sets of values, which are known before the first is
 * written: no task, no account and no worker is ever a label. It belongs to the process and to the roles that its row
 * names, and is used on the loop only. test/net/metrics.c reads what is written by the rules of the format. */
#ifndef NET_METRICS_H
#define NET_METRICS_H

#include <stddef.h>

#include "net/buf.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metrics_role { METRICS_POOL = 1, METRICS_WORKER = 2, METRICS_MASTER = 4, METRICS_ALL = 7 };

/* What a label may be. Values are separated by |; "" = metrics_words() says them when the role begins. */
#define METRICS_STATUS_WORDS \
	"OK|CANCELLED|UNKNOWN|INVALID_ARGUMENT|DEADLINE_EXCEEDED|NOT_FOUND|ALREADY_EXISTS|PERMISSION_DENIED|" \
	"RESOURCE_EXHAUSTED|FAILED_PRECONDITION|ABORTED|OUT_OF_RANGE|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS|UNAUTHENTICATED"

/* Of the engine's API: exec/engine_call.c says which call is which. */
#define METRICS_ENGINE_WORDS \
	"ping|version|info|events|containers|create|inspect|start|kill|stop|pause|unpause|logs|remove|" \
	"images|image|pull|import|load|remove_image|other"

#define FAST ".001 .0025 .005 .01 .025 .05 .1 .25 .5 1 2.5 10"
#define SLOW ".1 .5 1 2.5 5 10 30 60 300 900 3600 14400 86400"

/*    id                name                                 kind       roles           labels and their values, or bounds of a histogram   help */
#define METRICS(X) \
	X(BUILD_INFO, "hivemind_build_info", GAUGE, METRICS_ALL, \
	  "version", "", "role", "pool|worker|master", "", \
	  "Always 1; its labels say what runs.") \
	X(TASKS, "hivemind_tasks", GAUGE, METRICS_POOL, \
	  "state", "PENDING|RUNNING", NULL, NULL, "", \
	  "Tasks that have not ended.") \
	X(TASKS_SUBMITTED, "hivemind_tasks_submitted_total", COUNTER, METRICS_POOL, \
	  NULL, NULL, NULL, NULL, "", \
	  "Tasks that were submitted since this pool started.") \
	X(TASKS_FINISHED, "hivemind_tasks_finished_total", COUNTER, METRICS_POOL, \
	  "result", "COMPLETED|FAILED|STOPPED", NULL, NULL, "", \
	  "Tasks that ended since this pool started.") \
	X(QUEUE_SECONDS, "hivemind_task_queue_seconds", HISTOGRAM, METRICS_POOL, \
	  NULL, NULL, NULL, NULL, SLOW, \
	  "From the submission of a task to its first lease.") \
	X(RUN_SECONDS, "hivemind_task_run_seconds", HISTOGRAM, METRICS_POOL | METRICS_WORKER, \
	  NULL, NULL, NULL, NULL, SLOW, \
	  "How long the container of an attempt ran.") \
	X(ATTEMPTS_LOST, "hivemind_attempts_lost_total", COUNTER, METRICS_POOL, \
	  "reason", "worker|reported", NULL, NULL, "", \
	  "Attempts that came to nothing: their worker was lost, or reported a fault of its machine.") \
	X(WORKERS, "hivemind_workers", GAUGE, METRICS_POOL, \
	  "state", "ready|busy|not_ready|resting|lost", NULL, NULL, "", \
	  "Workers that the pool knows of.") \
	X(HEARTBEAT_AGE, "hivemind_worker_heartbeat_age_seconds", HISTOGRAM, METRICS_POOL, \
	  NULL, NULL, NULL, NULL, ".25 .5 1 1.5 2 3 5 7 10 30", \
	  "How old the last heartbeat of a worker was when the next came.") \
	X(CORES, "hivemind_cores", GAUGE, METRICS_POOL | METRICS_WORKER, \
	  "kind", "offered|used", NULL, NULL, "", \
	  "Cores that workers lend, and that tasks have reserved of them.") \
	X(MEMORY, "hivemind_memory_bytes", GAUGE, METRICS_POOL | METRICS_WORKER, \
	  "kind", "offered|used", NULL, NULL, "", \
	  "Memory that workers lend, and that tasks have reserved of it.") \
	X(RPC_REQUESTS, "hivemind_rpc_requests_total", COUNTER, METRICS_POOL, \
	  "method", "", "code", METRICS_STATUS_WORDS, "", \
	  "Calls that have ended.") \
	X(RPC_DURATION, "hivemind_rpc_duration_seconds", HISTOGRAM, METRICS_POOL, \
	  "method", "", NULL, NULL, FAST, \
	  "From the head of a call to its end; of streams, their whole life.") \
	X(HTTP_REQUESTS, "hivemind_http_requests_total", COUNTER, METRICS_ALL, \
	  "route", "", "code", "1xx|2xx|3xx|4xx|5xx", "", \
	  "Requests of browsers and programs that were answered.") \
	X(REDIS_UP, "hivemind_redis_up", GAUGE, METRICS_POOL, \
	  NULL, NULL, NULL, NULL, "", \
	  "1 = Redis can be used.") \
	X(REDIS_SECONDS, "hivemind_redis_command_seconds", HISTOGRAM, METRICS_POOL, \
	  NULL, NULL, NULL, NULL, FAST, \
	  "From a command or script to its reply.") \
	X(REDIS_RECONNECTS, "hivemind_redis_reconnects_total", COUNTER, METRICS_POOL, \
	  NULL, NULL, NULL, NULL, "", \
	  "Connections to Redis that were made, the first included.") \
	X(BLOB_BYTES, "hivemind_blob_bytes", GAUGE, METRICS_POOL, \
	  NULL, NULL, NULL, NULL, "", \
	  "Bundles and results on disk.") \
	X(BYTES, "hivemind_bytes_total", COUNTER, METRICS_ALL, \
	  "direction", "in|out", NULL, NULL, "", \
	  "Bytes that came and went on connections, before encryption in one direction and after it in the other.") \
	X(CPT_SETTLED, "hivemind_cpt_settled_total", COUNTER, METRICS_POOL, \
	  NULL, NULL, NULL, NULL, "", \
	  "CPT that attempts cost when they ended, since this pool started.") \
	X(LEDGER_IMBALANCE, "hivemind_ledger_imbalance", GAUGE, METRICS_POOL, \
	  NULL, NULL, NULL, NULL, "", \
	  "Violations that the check of the books has found. Not 0: money stands still.") \
	X(LOOP_LAG, "hivemind_loop_lag_seconds", HISTOGRAM, METRICS_ALL, \
	  NULL, NULL, NULL, NULL, FAST, \
	  "How late a timer of the main loop was.") \
	X(SSE_CLIENTS, "hivemind_sse_clients", GAUGE, METRICS_WORKER | METRICS_MASTER, \
	  NULL, NULL, NULL, NULL, "", \
	  "Streams of events that browsers have open.") \
	X(ENGINE_SECONDS, "hivemind_engine_call_seconds", HISTOGRAM, METRICS_WORKER, \
	  "call", METRICS_ENGINE_WORDS, NULL, NULL, FAST, \
	  "Calls of the container engine, by what they ask for; those that follow a container are left out.") \
	X(ATTEMPTS, "hivemind_attempts", GAUGE, METRICS_WORKER, \
	  "phase", "fetching|running|returning", NULL, NULL, "", \
	  "Attempts on this worker: getting ready, in their container, on their way back.") \
	X(ATTEMPTS_ENDED, "hivemind_attempts_ended_total", COUNTER, METRICS_WORKER, \
	  "result", "completed|failed|stopped|lost", NULL, NULL, "", \
	  "Attempts that ended on this worker since it started.") \
	X(LINK_UP, "hivemind_link_up", GAUGE, METRICS_WORKER, \
	  NULL, NULL, NULL, NULL, "", \
	  "1 = this worker is linked to its pool.") \
	X(READY, "hivemind_worker_ready", GAUGE, METRICS_WORKER, \
	  NULL, NULL, NULL, NULL, "", \
	  "1 = this worker takes tasks.") \
	X(CPU_SECONDS, "process_cpu_seconds_total", COUNTER, METRICS_ALL, \
	  NULL, NULL, NULL, NULL, "", \
	  "User and system CPU time of this process.") \
	X(RESIDENT_MEMORY, "process_resident_memory_bytes", GAUGE, METRICS_ALL, \
	  NULL, NULL, NULL, NULL, "", \
	  "Resident memory of this process.") \
	X(VIRTUAL_MEMORY, "process_virtual_memory_bytes", GAUGE, METRICS_ALL, \
	  NULL, NULL, NULL, NULL, "", \
	  "Virtual memory of this process.") \
	X(OPEN_FDS, "process_open_fds", GAUGE, METRICS_ALL, \
	  NULL, NULL, NULL, NULL, "", \
	  "Open file descriptors.") \
	X(MAX_FDS, "process_max_fds", GAUGE, METRICS_ALL, \
	  NULL, NULL, NULL, NULL, "", \
	  "File descriptors that may be open.") \
	X(START_TIME, "process_start_time_seconds", GAUGE, METRICS_ALL, \
	  NULL, NULL, NULL, NULL, "", \
	  "When this process began, in seconds since 1970.")

enum metric_id {
#define METRIC_ENUM(id, ...) METRIC_##id,
	METRICS(METRIC_ENUM)
#undef METRIC_ENUM
	METRIC_COUNT
};

/* The values of label 0 or 1 of a metric, where its row leaves them open; words is copied. Once, before it is used: later
 * calls change nothing. */
void metrics_words(enum metric_id id, int label, const char *const *words, size_t n);

/* A label that has this one value, beside those of the row: what is only known when the program was built. */
void metrics_label(enum metric_id id, const char *name, const char *value);

/* a, b: which value of the first and the second label; 0 where there is none. Values beyond the set are left out. */
void metrics_add(enum metric_id id, size_t a, size_t b, double by);
void metrics_set(enum metric_id id, size_t a, size_t b, double value);
double metrics_get(enum metric_id id, size_t a, size_t b);

/* Into a histogram. */
void metrics_observe(enum metric_id id, size_t a, double seconds);

/* Which value of the label is this word? The number of values when it is none. */
size_t metrics_word(enum metric_id id, int label, const char *word);

/* All of the role's, those of the process itself included; of metrics with two labels only what was counted. */
void metrics_write(enum metrics_role role, struct buf *out);

/* Back to the beginning, for tests. */
void metrics_forget(void);

#endif
