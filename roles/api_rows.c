/* roles/api_rows.c - every route of /api/v1: what it takes, what it gives, an example. See api.h. */
#include "net/embed.h"
#include "proto/limits.h"
#include "roles/api_handlers.h"

#define V1 "/api/v1"
#define END {0}
#define LIMIT_ROW(most) {"limit", API_COUNT, .min = 1, .max = most, .text = "rows of a page at most; else 50"}
#define KEY_ROW {"Idempotency-Key", API_TEXT, .max = CALL_ID_MAX, \
		 .text = "a name for this one, made by you: a repeat with the same gives the first answer and changes nothing"}

/* --- queries --------------------------------------------------------------------------------------- */

static const struct api_field tasks_query[] = {
	{"state", API_TEXT, .max = 60, .text = "only these states, separated by commas: PENDING,RUNNING"},
	{"name", API_TEXT, .max = NAME_MAX_LENGTH, .text = "only those whose name has this in it"},
	{"label", API_TEXT, .max = 300, .text = "only those with this label, KEY or KEY=VALUE"},
	{"owner", API_TEXT, .max = 32, .text = "only those of this account, by its id; others' do not exist for you"},
	{"since", API_TEXT, .max = 32, .text = "only those submitted since: a time back from now, as 12h or 30d"},
	LIMIT_ROW(500),
	{"after", API_COUNT, .max = INT64_C(1) << 53, .text = "next of the page before"}, END};
static const struct api_field statement_query[] = {
	LIMIT_ROW(500), {"after", API_COUNT, .max = INT64_C(1) << 53, .text = "next of the page before"},
	{"since", API_TEXT, .max = 32, .text = "nothing older: a time back from now, as 12h or 30d"},
	{"project", API_TEXT, .max = 64, .text = "that of a project"},
	{"format", API_ONE_OF, .words = "json|csv",
	 .text = "csv: comma-separated values, with Hivemind-Next in the head"}, END};
static const struct api_field page_query[] = {
	LIMIT_ROW(500), {"after", API_TEXT, .max = 200, .text = "next of the page before"}, END};
static const struct api_field cost_query[] = {
	LIMIT_ROW(500), {"after", API_COUNT, .max = INT64_C(1) << 53, .text = "next of the page before"},
	END};
static const struct api_field logs_query[] = {
	{"follow", API_FLAG, .text = "go on until the task has ended"},
	{"offset", API_COUNT, .max = INT64_C(1) << 53,
	 .text = "where to go on: next of the last piece that was seen"},
	{"tail", API_COUNT, .min = 1, .max = 1000000,
	 .text = "begin with the last so many lines, of 1 MiB at most"},
	{"stream", API_ONE_OF, .words = "stdout|stderr|hivemind",
	 .text = "only this one; hivemind: remarks of HiveMind"},
	{"attempt", API_COUNT, .max = 1 << 30, .text = "of this attempt; else of the current or last"}, END};
static const struct api_field file_query[] = {
	{"download", API_FLAG, .text = "to be stored, not to be shown"}, END};
static const struct api_field bundle_query[] = {
	{"bytes", API_COUNT, true, .min = 1, .max = BUNDLE_MAX, .text = "how long the whole bundle is"}, END};
static const struct api_field series_query[] = {
	{"name", API_TEXT, true, .max = 40,
	 .text = "tasks_pending, tasks_running; tasks_submitted, tasks_completed, tasks_failed, "
	 "attempts_lost (as many a second); workers; cores_offered, cores_used, memory_offered, memory_used; cpt_settled (CPT a "
	 "second); blob_bytes"},
	{"step", API_ONE_OF, .words = "1|60|3600|86400",
	 .text = "seconds between two values: kept are an hour of 1, a day of 60, a month of 3600, "
	 "53 weeks of 86400; else 1"},
	{"since", API_TEXT, .max = 32, .text = "nothing older: a time back from now, as 12h or 30d"}, END};
static const struct api_field events_query[] = {
	{"topics", API_TEXT, .max = 60, .text = "only these, separated by commas: tasks,balance,workers"},
	END};

/* --- heads -------------------------------------------------------------------------------------------- */

static const struct api_field key_header[] = {KEY_ROW, END};
static const struct api_field upload_headers[] = {
	{"Upload-Offset", API_COUNT, .max = BUNDLE_MAX,
	 .text = "where this body begins in the bundle; else 0"}, END};
static const struct api_field range_headers[] = {
	{"Range", API_TEXT, .text = "bytes=FROM-TO: only a part"},
	{"If-None-Match", API_TEXT, .text = "an ETag: 304 when it is the same"}, END};
static const struct api_field event_headers[] = {
	{"Last-Event-ID", API_TEXT, .text = "go on after this one"}, END};
static const struct api_field logs_headers[] = {
	{"Accept", API_TEXT, .text = "text/event-stream: as events, whose ids are offsets"},
	{"Last-Event-ID", API_TEXT, .text = "of events: go on after this one"}, END};

/* --- bodies ------------------------------------------------------------------------------------------- */

static const struct api_field key_body[] = {
	{"key", API_TEXT, true, .max = 64, .text = "behind #k= of the address that was printed"}, END};
static const struct api_field login_body[] = {
	{"name", API_TEXT, true, .max = ACCOUNT_NAME_MAX, .text = "of the account"},
	{"password", API_TEXT, true, .max = PASSWORD_MAX, .text = "its password"}, END};
static const struct api_field register_body[] = {
	{"name", API_TEXT, true, .max = ACCOUNT_NAME_MAX, .text = "of the new account"},
	{"password", API_TEXT, true, .max = PASSWORD_MAX, .text = "at least 8 bytes"},
	{"invitation", API_TEXT, .max = 200, .text = "where one is needed: from the pool's operator"}, END};

#define SPEC_ROWS \
	{"manifest", API_MANIFEST, .text = "hivemind.json, as an object or as its text; see hivemind-bundle(5)"}, \
	{"name", API_TEXT, .max = NAME_MAX_LENGTH, .text = "of the task, instead of the manifest's"}, \
	{"files", API_PAIRS, .text = "small files of the bundle, name and text: {\"run.sh\": \"echo hi\"}"}, \
	{"entries", API_TEXTS, .text = "names at the top of an uploaded bundle: run.sh, main.py, image.tar say what to run without a manifest"}
static const struct api_field spec_body[] = {SPEC_ROWS, END};
static const struct api_field submit_body[] = {
	SPEC_ROWS,
	{"bundle", API_BLOB, .text = "one that was uploaded before; without it and files, an empty one"}, END};
static const struct api_field stop_body[] = {
	{"reason", API_TEXT, .max = 200, .text = "why; shown in its status"}, END};
static const struct api_field transfer_body[] = {
	{"to", API_TEXT, true, .max = ACCOUNT_NAME_MAX, .text = "name of the account"},
	{"amount_cpt", API_CPT, true, .text = "how much"}, END};
static const struct api_field tip_body[] = {
	{"project", API_TEXT, true, .max = 64, .text = "name of the project"},
	{"amount_cpt", API_CPT, true, .text = "how much"}, END};
static const struct api_field withdraw_body[] = {{"amount_cpt", API_CPT, true, .text = "how much"}, END};
static const struct api_field project_body[] = {
	{"name", API_TEXT, true, .max = 64, .text = "2 to 64 of a-z 0-9 . _ -"},
	{"url", API_TEXT, true, .max = 500, .text = "where people read about it: https://..."}, END};
static const struct api_field claim_body[] = {
	{"look", API_FLAG, .text = "the token is published: look for it. Else it is said what to publish, and where"}, END};
static const struct api_field token_body[] = {
	{"scopes", API_TEXT, true, .max = 100,
	 .text = "what it may do, separated by commas or blanks: submit,read"},
	{"name", API_TEXT, .max = 64, .text = "for people"},
	{"ttl_s", API_COUNT, .max = 90 * 86400, .text = "how long it lives; else 90 days"}, END};

/* --- the rows --------------------------------------------------------------------------------- */

static const struct api_row rows[] = {
	{"getSession", "GET", V1 "/session", api_session, .tag = "session",
	 .summary = "Who is signed in here", .status = 200, .schema = "Session"},
	{"openSession", "POST", V1 "/session", .handler = api_session_open, .flags = HTTP_PUBLIC,
	 .tag = "session",
	 .summary = "Open a session with a one-time key", .body = key_body, .status = 204,
	 .text = "The answer sets a cookie that scripts cannot read. A key works once."},
	{"endSession", "DELETE", V1 "/session", api_session_end, .tag = "session",
	 .summary = "Sign out of this browser", .status = 204},
	{"login", "POST", V1 "/login", api_login, .flags = HTTP_PUBLIC, .tag = "session",
	 .summary = "Sign in by name and password",
	 .text = "Opens a session when there is none. The pool's token stays in the master.",
	 .body = login_body, .status = 200,
	 .schema = "Session", .example = "{\"name\":\"alice\",\"password\":\"correct horse\"}"},
	{"register", "POST", V1 "/register", api_register, .flags = HTTP_PUBLIC, .tag = "session",
	 .summary = "Make an account, and sign in to it", .body = register_body, .headers = key_header,
	 .status = 201, .schema = "Session",
	 .example = "{\"name\":\"newcomer\",\"password\":\"correct horse\"}"},

	{"listTasks", "GET", V1 "/tasks", api_tasks, .who = API_SIGNED_IN, .tag = "tasks",
	 .summary = "Your tasks, newest first, in pages",
	 .text = "At most 10,000 are looked through for one answer: a page can hold fewer than limit and still have a next.",
	 .query = tasks_query, .status = 200, .schema = "TaskList",
	 .example = "?state=PENDING,RUNNING&limit=20"},
	{"submitTask", "POST", V1 "/tasks", api_submit, .who = API_SIGNED_IN, .tag = "tasks",
	 .summary = "Submit a task",
	 .text = "The most that it can cost is set aside; 402 says how much is missing.", .body = submit_body,
	 .headers = key_header,
	 .body_max = API_SUBMIT_MAX, .status = 201, .schema = "Submitted",
	 .example = "{\"manifest\":{\"hivemind\":1,\"name\":\"hello\",\"command\":\"sh run.sh\",\"time_limit\":\"60s\"},"
		    "\"files\":{\"run.sh\":\"echo hello > out/hello.txt\\n\"}}"},
	{"getTask", "GET", V1 "/tasks/{id}", api_task, .who = API_SIGNED_IN, .tag = "tasks",
	 .summary = "One task, whole",
	 .status = 200, .schema = "Task"},
	{"removeTask", "DELETE", V1 "/tasks/{id}", api_task_remove, .who = API_SIGNED_IN, .tag = "tasks",
	 .summary = "Forget a task that has ended, its output and its result", .headers = key_header,
	 .status = 200, .schema = "Removed"},
	{"stopTask", "POST", V1 "/tasks/{id}/stop", api_task_stop, .who = API_SIGNED_IN, .tag = "tasks",
	 .summary = "End a task; what it has left is kept", .body = stop_body, .headers = key_header,
	 .status = 200, .schema = "Task",
	 .example = "{\"reason\":\"wrong seed\"}"},
	{"explainTask", "GET", V1 "/tasks/{id}/explain", api_task_explain, .who = API_SIGNED_IN,
	 .tag = "tasks",
	 .summary = "Why it waits, and what each worker says", .status = 200, .schema = "Explanation"},
	{"listAttempts", "GET", V1 "/tasks/{id}/attempts", api_task_attempts, .who = API_SIGNED_IN,
	 .tag = "tasks",
	 .summary = "Its attempts, the first first: where and when each ran, and why it ended", .status = 200,
	 .schema = "AttemptList"},
	{"getCost", "GET", V1 "/tasks/{id}/cost", api_task_cost, .who = API_SIGNED_IN, .tag = "tasks",
	 .summary = "What it cost, tick by tick",
	 .text = "Every move of what was set aside for it, newest first: to whom, and what came back.",
	 .query = cost_query, .status = 200, .schema = "Cost", .example = "?limit=100"},
	{"getLogs", "GET", V1 "/tasks/{id}/logs", api_logs, .who = API_SIGNED_IN, .tag = "tasks",
	 .summary = "What it has printed",
	 .text = "As text, or as events `log` with an `end` at the end.", .query = logs_query,
	 .headers = logs_headers, .status = 200,
	 .gives = "text/plain", .gives_too = "text/event-stream", .example = "?stream=stdout"},
	{"getResult", "GET", V1 "/tasks/{id}/result", api_result, .who = API_SIGNED_IN, .tag = "results",
	 .summary = "Its result, a tar",
	 .headers = range_headers, .status = 200, .gives = "application/x-tar"},
	{"listFiles", "GET", V1 "/tasks/{id}/files", api_files, .who = API_SIGNED_IN, .tag = "results",
	 .summary = "The files in its result", .status = 200, .schema = "FileList"},
	{"getFile", "GET", V1 "/tasks/{id}/files/{path...}", api_file, .who = API_SIGNED_IN, .tag = "results",
	 .summary = "One file of its result", .query = file_query, .headers = range_headers, .status = 200,
	 .gives = "application/octet-stream", .example = "?download=true"},

	{"getBundle", "GET", V1 "/bundles/{sha256}", api_bundle, .who = API_SIGNED_IN, .tag = "bundles",
	 .summary = "How much of a bundle the pool has", .query = bundle_query, .status = 200,
	 .schema = "Bundle", .example = "?bytes=10240"},
	{"putBundle", "PUT", V1 "/bundles/{sha256}", api_bundle_put, .flags = HTTP_STREAM_BODY,
	 .who = API_SIGNED_IN, .tag = "bundles",
	 .summary = "Upload a bundle: a tar, named by its SHA-256",
	 .text = "202 when the body was only a part: go on with PATCH at the Upload-Offset of the answer. 409 with Upload-Offset when the "
		 "pool has more or less of it.",
	 .query = bundle_query, .headers = upload_headers, .takes = "application/x-tar",
	 .body_max = BUNDLE_MAX, .status = 201,
	 .schema = "Bundle", .example = "?bytes=10240"},
	{"patchBundle", "PATCH", V1 "/bundles/{sha256}", api_bundle_put, .flags = HTTP_STREAM_BODY,
	 .who = API_SIGNED_IN, .tag = "bundles",
	 .summary = "Go on with an upload", .query = bundle_query, .headers = upload_headers,
	 .takes = "application/x-tar",
	 .body_max = BUNDLE_MAX, .status = 201, .schema = "Bundle", .example = "?bytes=10240"},
	{"check", "POST", V1 "/check", api_check, .tag = "bundles",
	 .summary = "What would be run? The checks of hivemind check",
	 .body = spec_body, .body_max = API_SUBMIT_MAX, .status = 200, .schema = "Checked",
	 .example = "{\"manifest\":{\"hivemind\":1,\"name\":\"fit\",\"resources\":{\"cpus\":2}},\"entries\":[\"run.sh\"]}"},
	{"quote", "POST", V1 "/quote", api_quote, .who = API_SIGNED_IN, .tag = "money",
	 .summary = "What would it cost?", .body = spec_body,
	 .body_max = API_SUBMIT_MAX, .status = 200, .schema = "Quote",
	 .example = "{\"manifest\":{\"hivemind\":1,\"name\":\"fit\",\"command\":\"true\",\"time_limit\":\"2h\"}}"},

	{"listWorkers", "GET", V1 "/workers", api_workers, .who = API_SIGNED_IN, .tag = "workers",
	 .summary = "The machines of the pool",
	 .status = 200, .schema = "WorkerList"},
	{"getWorker", "GET", V1 "/workers/{id}", api_worker, .who = API_SIGNED_IN, .tag = "workers",
	 .summary = "One machine",
	 .status = 200, .schema = "Worker"},

	{"getAccount", "GET", V1 "/account", api_account, .who = API_SIGNED_IN, .tag = "account",
	 .summary = "Who you are at the pool",
	 .status = 200, .schema = "Account"},
	{"getBalance", "GET", V1 "/account/balance", api_balance, .who = API_SIGNED_IN, .tag = "money",
	 .summary = "What you have, what is reserved, what comes", .status = 200, .schema = "Balance"},
	{"getStatement", "GET", V1 "/account/statement", api_statement, .who = API_SIGNED_IN, .tag = "money",
	 .summary = "Every change of what you can spend, newest first", .query = statement_query,
	 .status = 200, .schema = "Statement",
	 .example = "?limit=20&since=30d"},
	{"getEarnings", "GET", V1 "/account/earnings", api_earnings, .who = API_SIGNED_IN, .tag = "money",
	 .summary = "What your workers have earned", .query = page_query, .status = 200, .schema = "Earnings",
	 .example = "?limit=20"},
	{"transfer", "POST", V1 "/transfers", api_transfer, .who = API_SIGNED_IN, .tag = "money",
	 .summary = "Give to another account",
	 .body = transfer_body, .headers = key_header, .status = 201, .schema = "Transfer",
	 .example = "{\"to\":\"bob\",\"amount_cpt\":\"12.5\"}"},
	{"getPrice", "GET", V1 "/price", api_price, .tag = "money", .summary = "What this pool asks",
	 .status = 200, .schema = "Price"},
	{"listProjects", "GET", V1 "/projects", api_projects, .who = API_SIGNED_IN, .tag = "money",
	 .summary = "Projects that can be tipped",
	 .query = page_query, .status = 200, .schema = "ProjectList", .example = "?limit=20"},
	{"createProject", "POST", V1 "/projects", api_project_create, .who = API_SIGNED_IN, .tag = "money",
	 .summary = "Make a project",
	 .body = project_body, .status = 201, .schema = "Project",
	 .example = "{\"name\":\"numpy\",\"url\":\"https://numpy.org\"}"},
	{"getProject", "GET", V1 "/projects/{name}", api_project, .who = API_SIGNED_IN, .tag = "money",
	 .summary = "One project",
	 .status = 200, .schema = "Project"},
	{"tip", "POST", V1 "/tips", api_tip, .who = API_SIGNED_IN, .tag = "money",
	 .summary = "Give to an open-source project",
	 .body = tip_body, .headers = key_header, .status = 201, .schema = "Transfer",
	 .example = "{\"project\":\"numpy\",\"amount_cpt\":\"5\"}"},
	{"claimProject", "POST", V1 "/projects/{name}/claim", api_project_claim, .who = API_SIGNED_IN,
	 .tag = "money",
	 .summary = "Own a project, by a file below its URL", .body = claim_body, .status = 200,
	 .schema = "Claim", .example = "{\"look\":false}"},
	{"withdraw", "POST", V1 "/projects/{name}/withdraw", api_project_withdraw, .who = API_SIGNED_IN,
	 .tag = "money",
	 .summary = "From a project that is yours to you", .body = withdraw_body, .headers = key_header,
	 .status = 201, .schema = "Transfer",
	 .example = "{\"amount_cpt\":\"5\"}"},

	{"listTokens", "GET", V1 "/tokens", api_tokens, .who = API_SIGNED_IN, .tag = "account",
	 .summary = "The account's tokens",
	 .status = 200, .schema = "TokenList"},
	{"createToken", "POST", V1 "/tokens", api_token_create, .who = API_SIGNED_IN, .tag = "account",
	 .summary = "Make a token for a machine or a program; its secret is shown this once",
	 .body = token_body, .headers = key_header,
	 .status = 201, .schema = "NewToken",
	 .example = "{\"scopes\":\"submit,read\",\"name\":\"ci\",\"ttl_s\":86400}"},
	{"revokeToken", "DELETE", V1 "/tokens/{id}", api_token_revoke, .who = API_SIGNED_IN, .tag = "account",
	 .summary = "End a token, and those made with it", .status = 200, .schema = "Revoked"},

	{"events", "GET", V1 "/events", api_events, .who = API_SIGNED_IN, .tag = "events",
	 .summary = "Everything that changes, as it does",
	 .text = "Events task, removed, balance, worker, left carry what is then; pool says whether it can be reached; reset: something was "
		 "missed, look at everything anew.",
	 .query = events_query, .headers = event_headers, .status = 200, .gives = "text/event-stream",
	 .example = "?topics=tasks,balance"},
	{"getInfo", "GET", V1 "/info", api_info, .tag = "pool", .summary = "The state of the pool",
	 .status = 200, .schema = "Info"},
	{"getSeries", "GET", V1 "/series", api_series, .who = API_SIGNED_IN, .tag = "pool",
	 .summary = "What a number of the pool was, for plots",
	 .text = "One value each step, oldest first, from `from` on: of a second what it was then, else the mean; null where nobody looked.",
	 .query = series_query, .status = 200, .schema = "Series",
	 .example = "?name=cores_used&step=60&since=24h"},
	{"getHealth", "GET", V1 "/health", api_health, .flags = HTTP_PUBLIC, .tag = "pool",
	 .summary = "Is all well? 503 when it is not", .status = 200, .schema = "Health"},
	{"getMetrics", "GET", "/metrics", api_metrics, .tag = "pool",
	 .summary = "Numbers about this process, for Prometheus", .status = 200,
	 .gives = "text/plain"},
	{"getOpenapi", "GET", V1 "/openapi.json", api_openapi, .flags = HTTP_PUBLIC, .tag = "pool",
	 .summary = "This document", .status = 200,
	 .gives = "application/json"},
};

/* --- the whole -------------------------------------------------------------------------------- */

EMBED(api_schemas_json);

static const char *const tags[][2] = {
	{"session", "Who is signed in"}, {"tasks", "What is to be run, runs, or has run"},
	{"results", "What tasks have left"}, {"bundles", "What tasks begin with"},
	{"workers", "The machines"}, {"money", "What is spent, earned and given"},
	{"account", "The account and its tokens"}, {"events", "What changes"}, {"pool", "The pool as a whole"}, {NULL, NULL}};

static const char *const params[][2] = {
	{"id", "an id; 4 characters or more of a task's or a token's do"}, {"path", "of the file in the result"},
	{"sha256", "of the bundle: 64 hexadecimal digits"}, {"name", "of the project"}, {NULL, NULL}};

const struct api_table api_master = {
	.rows = rows, .count = sizeof rows / sizeof rows[0], .title = "HiveMind master",
	.summary = "Your own view of a HiveMind pool, on your own machine",
	.text = "Amounts of money are decimal texts, times are RFC 3339 in UTC, durations are seconds, sizes are bytes. Fields are only "
		"ever added.",
	.bearer = "for programs: the line in ~/.config/hivemind/api-key", .cookie = "hivemind_5001",
	.tags = tags, .params = params, .schemas = embed_api_schemas_json,
	 .schemas_size = &embed_api_schemas_json_size};
