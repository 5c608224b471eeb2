/* roles/worker_page_rows.c - every route of the worker's JSON API: what it takes, what it gives, an example;
 * and the files of its page. Whoever is let in here (a session, or the key in DATA/page-key) is the machine's
 * owner. */
#include "net/embed.h"
#include "roles/worker_page_handlers.h"

#define V1 "/api/v1"
#define END {0}
#define MOST (INT64_C(1) << 53)

/* --- queries and bodies -------------------------------------------------------------------------- */

static const struct api_field history_query[] = {
	{"limit", API_COUNT, .min = 1, .max = HISTORY_MAX, .text = "so many at most; else 100"}, END};
static const struct api_field series_query[] = {
	{"name", API_ONE_OF, true, .words = "cpus|memory|tasks|on|earned|completed", .text = "which value"},
	{"step", API_ONE_OF, .words = "1|60|3600|86400",
	 .text = "seconds from one value to the next: of an hour, a day, a month, 53 weeks; else 1"}, END};
static const struct api_field event_headers[] = {
	{"Last-Event-ID", API_TEXT, .text = "is taken and not needed: the whole state comes first"}, END};

static const struct api_field key_body[] = {
	{"key", API_TEXT, true, .max = 64, .text = "behind #k= of the address that was printed"}, END};
static const struct api_field policy_body[] = {
	{"cpus", API_AMOUNT, .max = 1 << 20, .text = "cores that are lent, at most those of most"},
	{"memory", API_COUNT, .min = 1, .max = MOST, .text = "bytes, likewise"},
	{"disk", API_COUNT, .min = 1, .max = MOST, .text = "bytes, likewise"},
	{"max_tasks", API_COUNT, .min = 1, .max = 1 << 20, .text = "tasks at once, likewise"},
	{"hours", API_TEXTS,
	 .text = "seven texts, Sunday first, each of 24 times 0 or 1: in which hours tasks are taken"},
	{"only_idle", API_FLAG, .text = "only while nobody uses the machine"},
	{"only_mains", API_FLAG, .text = "only on mains power"},
	{"images", API_TEXTS, .text = "images that tasks may use, as python:*; none = all"}, END};
static const struct api_field pause_body[] = {
	{"give_back", API_FLAG,
	 .text = "what runs goes back to the pool too, which gives it to others"}, END};
static const struct api_field snooze_body[] = {
	{"seconds", API_COUNT, true, .min = 1, .max = POLICY_SNOOZE_MAX_MS / 1000,
	 .text = "from now on"}, END};

/* --- the rows ------------------------------------------------------------------------------------ */

static const struct api_row rows[] = {
	{"getSession", "GET", V1 "/session", .serve = page_session, .tag = "session",
	 .summary = "Is this one let in",
	 .status = 200, .schema = "Session"},
	{"openSession", "POST", V1 "/session", .handler = page_session_open, .flags = HTTP_PUBLIC,
	 .tag = "session",
	 .summary = "Open a session with a one-time key", .body = key_body, .status = 204,
	 .text = "The answer sets a cookie that scripts cannot read. A key works once; the next is printed."},
	{"endSession", "DELETE", V1 "/session", .handler = http_session_delete, .tag = "session",
	 .summary = "Sign out of this browser", .status = 204},

	{"getStatus", "GET", V1 "/status", .serve = page_status, .tag = "state",
	 .summary = "What it does, what it lends, why it is idle, whether it is safe", .status = 200,
	 .schema = "Status"},
	{"events", "GET", V1 "/events", .serve = page_events, .tag = "state",
	 .summary = "The status whenever it is another",
	 .text = "Events status: what getStatus gives. Nothing comes while nothing changes.",
	 .headers = event_headers,
	 .status = 200, .gives = "text/event-stream"},
	{"getHistory", "GET", V1 "/history", .serve = page_history, .tag = "state",
	 .summary = "What has run and what was refused, newest first",
	 .text = "The last 500 are kept, over restarts too.",
	 .query = history_query, .status = 200, .schema = "History", .example = "?limit=20"},
	{"getEarnings", "GET", V1 "/earnings", .serve = page_earnings, .tag = "state",
	 .summary = "What its owner has earned, as the pool says each minute", .status = 200,
	 .schema = "Earnings"},
	{"getSeries", "GET", V1 "/series", .serve = page_series, .tag = "state",
	 .summary = "What a value was, for plots",
	 .text = "One value for each step from `from` on, null where there was none. Days begin at this "
		 "machine's midnight. cpus, memory, tasks and on are means; earned is the total at the end of a "
		 "step, completed counts tasks within it.",
	 .query = series_query, .status = 200, .schema = "Series", .example = "?name=completed&step=86400"},

	{"getPolicy", "GET", V1 "/policy", .serve = page_policy, .tag = "policy",
	 .summary = "What is lent, and when",
	 .status = 200, .schema = "Policy"},
	{"changePolicy", "PATCH", V1 "/policy", .serve = page_policy_change, .tag = "policy",
	 .summary = "Lend other amounts or at other times, from now on",
	 .text = "What is not named stays. What runs goes on; it counts after a restart too.",
	 .body = policy_body,
	 .status = 200, .schema = "Policy", .example = "{\"cpus\":1,\"only_idle\":true}"},
	{"pause", "POST", V1 "/pause", .serve = page_pause, .tag = "policy",
	 .summary = "Take no new tasks until resume",
	 .body = pause_body, .status = 200, .schema = "Status", .example = "{\"give_back\":false}"},
	{"snooze", "POST", V1 "/snooze", .serve = page_snooze, .tag = "policy",
	 .summary = "Take no new tasks for a while",
	 .body = snooze_body, .status = 200, .schema = "Status", .example = "{\"seconds\":3600}"},
	{"resume", "POST", V1 "/resume", .serve = page_resume, .tag = "policy", .summary = "Work again",
	 .status = 200,
	 .schema = "Status"},

	{"getLog", "GET", V1 "/log", .serve = page_log, .tag = "machine",
	 .summary = "The last lines of its log", .status = 200,
	 .gives = "text/plain"},
	{"runDoctor", "POST", V1 "/doctor", .serve = page_doctor, .tag = "machine",
	 .summary = "Check what a worker needs on this machine, as hivemind doctor does",
	 .text = "It takes some seconds; one at a time.",
	 .status = 200, .schema = "Findings"},
	{"getHealth", "GET", V1 "/health", .serve = page_health, .flags = HTTP_PUBLIC, .tag = "machine",
	 .summary = "Does it run, is it linked, does it take tasks", .status = 200, .schema = "Health"},
	{"getOpenapi", "GET", V1 "/openapi.json", .serve = page_openapi, .flags = HTTP_PUBLIC,
	 .tag = "machine",
	 .summary = "This document", .status = 200},
	{"getMetrics", "GET", "/metrics", .serve = page_metrics, .tag = "machine",
	 .summary = "Numbers about this process, for Prometheus", .status = 200, .gives = "text/plain"},
};

/* --- the whole ----------------------------------------------------------------------------------- */

EMBED(worker_schemas_json);

static const char *const tags[][2] = {
	{"session", "Who is let in"}, {"state", "What it does and has done"}, {"policy",
	 "What its owner allows"},
	{"machine", "The worker as a program"}, {NULL, NULL}};
static const char *const params[][2] = {{NULL, NULL}};

const struct api_table worker_page_table = {
	.rows = rows, .count = sizeof rows / sizeof rows[0], .title = "HiveMind worker",
	.summary = "The owner's view of a machine that is lent to a HiveMind pool",
	.text = "Amounts of money are decimal texts, times are RFC 3339 in UTC, durations are seconds, sizes are "
		"bytes. Fields are only ever added.",
	.bearer = "for programs: the line in page-key of the worker's data directory",
	.cookie = "hivemind_worker_5000",
	.tags = tags, .params = params, .schemas = embed_worker_schemas_json,
	.schemas_size = &embed_worker_schemas_json_size};

/* --- the page's files ---------------------------------------------------------------------------- */

#define SCRIPT "text/javascript; charset=utf-8"

HTTP_FILE_EMBED(worker_html);
HTTP_FILE_EMBED(base_css);
HTTP_FILE_EMBED(worker_js);
HTTP_FILE_EMBED(live_hub_js);
HTTP_FILE_EMBED(en_json);
HTTP_FILE_EMBED(zh_TW_json);
HTTP_FILE_EMBED(worker_en_json);
HTTP_FILE_EMBED(worker_zh_TW_json);

const struct http_file worker_page_files[] = {
	HTTP_FILE("/", "text/html; charset=utf-8", worker_html),
	HTTP_FILE("/base.css", "text/css; charset=utf-8", base_css),
	HTTP_FILE("/worker.js", SCRIPT, worker_js),
	HTTP_FILE("/live-hub.js", SCRIPT, live_hub_js),
	HTTP_FILE("/lang/en.json", "application/json", en_json),
	HTTP_FILE("/lang/zh-TW.json", "application/json", zh_TW_json),
	HTTP_FILE("/lang/worker-en.json", "application/json", worker_en_json),
	HTTP_FILE("/lang/worker-zh-TW.json", "application/json", worker_zh_TW_json),
};
const size_t worker_page_file_count = sizeof worker_page_files / sizeof worker_page_files[0];
