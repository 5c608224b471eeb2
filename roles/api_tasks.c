/* roles/api_tasks.c - /tasks: pages of them, one of them, why it waits, what it cost; stop and forget. */
#include "roles/api_handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "proto/task.h"
#include "proto/typed.h"
#include "roles/master.h"
#include "roles/money_view.h"
#include "roles/task_view.h"
#include "roles/worker_view.h"

/* --- pages ---------------------------------------------------------------------------------------
 * The pool knows neither states nor names in its lists, so its pages are looked through here until enough
 * is found. SCAN_MAX bounds what one request looks through: then `next` says where to go on, with fewer
 * tasks than were wanted. */

#define PAGE 500
#define PAGE_LABELS 100
#define SCAN_MAX 10000

struct list {
	Pb__ListTasksRequest request;
	const char *states, *name, *owner;
	char *label, *label_value; /* NULL = any */
	int64_t since_ms;
	int64_t limit, found, looked;
	char after[24];
};

static bool has_label(const struct list *l, const Pb__TaskSpec *spec)
{
	for (size_t i = 0; spec != NULL && i < spec->n_labels; i++)
		if (strcmp(spec->labels[i]->key, l->label) == 0 &&
		    (l->label_value == NULL || strcmp(spec->labels[i]->value, l->label_value) == 0))
			return true;
	return false;
}

static bool is_wanted(const struct list *l, const Pb__Task *t)
{
	return (l->states == NULL || strstr(l->states, task_state_name((int)t->state)) != NULL) &&
	       (l->name == NULL || strstr(t->name, l->name) != NULL) &&
	       (l->owner == NULL || strcmp(l->owner, t->account) == 0) &&
	       (l->since_ms == 0 || t->created_ms >= l->since_ms) && (l->label == NULL || has_label(l, t->spec));
}

static void next_page(struct api *a);

static void end_list(struct api *a, bool more)
{
	struct list *l = a->user;

	json_end(&a->json);
	api_next(a, more ? l->after : NULL);
	api_send(a);
}

/* Enough was found within a page: where does the next one begin? Only the pool knows, so it is asked for the
 * part of the page that was used. */
static void on_part(struct api *a, const void *reply)
{
	const Pb__ListTasksReply *part = reply;
	struct list *l = a->user;

	text_copy(l->after, sizeof l->after, part->next);
	end_list(a, part->next[0] != '\0');
}

static void ask_part(struct api *a, size_t used)
{
	struct list *l = a->user;

	l->request.limit = (uint32_t)used;
	api_ask(a, RPC_LIST_TASKS, &l->request, on_part);
}

static void on_page(struct api *a, const void *reply)
{
	const Pb__ListTasksReply *page = reply;
	struct list *l = a->user;
	size_t i = 0;

	for (; i < page->n_tasks && l->found < l->limit; i++) {
		Pb__Task *t = page->tasks[i];

		if (!is_wanted(l, t))
			continue;
		l->found++;
		t->spec = NULL;
		json_object(&a->json, NULL);
		task_json(&a->json, t);
		json_end(&a->json);
	}
	if (i < page->n_tasks) {
		ask_part(a, i);
		return;
	}
	l->looked += (int64_t)page->n_tasks;
	text_copy(l->after, sizeof l->after, page->next);
	if (page->next[0] == '\0' || l->found >= l->limit || l->looked >= SCAN_MAX)
		end_list(a, page->next[0] != '\0');
	else
		next_page(a);
}

static bool is_filtered(const struct list *l)
{
	return l->states != NULL || l->name != NULL || l->owner != NULL || l->label != NULL || l->since_ms != 0;
}

static void next_page(struct api *a)
{
	struct list *l = a->user;
	int64_t most = l->label != NULL ? PAGE_LABELS : PAGE;

	l->request.limit = (uint32_t)(is_filtered(l) || l->limit > most ? most : l->limit);
	l->request.after = l->after;
	api_ask(a, RPC_LIST_TASKS, &l->request, on_page);
}

static int read_states(struct api *a, struct list *l)
{
	static const char *const known[] = {"PENDING", "RUNNING", "COMPLETED", "FAILED", "STOPPED", NULL};
	char *copy, *save, *word;
	struct error err;

	if (l->states == NULL)
		return 0;
	copy = arena_strdup(&a->arena, l->states);
	for (word = strtok_r(copy, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save)) {
		size_t i = 0;

		while (known[i] != NULL && strcmp(known[i], word) != 0)
			i++;
		if (known[i] != NULL)
			continue;
		error_set(&err, STATUS_INVALID_ARGUMENT, "\"%.40s\" is no state of a task", word);
		if (nearest_word(word, known) != NULL)
			error_hint(&err, "did you mean \"%s\"?", nearest_word(word, known));
		else
			error_hint(&err, "they are PENDING, RUNNING, COMPLETED, FAILED, STOPPED");
		api_fail(a, &err);
		return err.status;
	}
	l->request.only_live = strstr(l->states, "COMPLETED") == NULL && strstr(l->states, "FAILED") == NULL &&
			       strstr(l->states, "STOPPED") == NULL;
	return 0;
}

static int read_filters(struct api *a, struct list *l)
{
	const char *since = api_query(a, "since"), *label = api_query(a, "label");
	int64_t ms = since != NULL ? parse_duration_ms(since) : 0;
	char *equals;

	l->states = api_query(a, "state");
	l->name = api_query(a, "name");
	l->owner = api_query(a, "owner");
	if (ms < 0) {
		api_refuse(a, STATUS_INVALID_ARGUMENT, "\"since\" must be a time back from now, as 12h or 30d");
		return STATUS_INVALID_ARGUMENT;
	}
	l->since_ms = ms > 0 ? clock_wall_ms() - ms : 0;
	if (label != NULL) {
		l->label = arena_strdup(&a->arena, label);
		equals = strchr(l->label, '=');
		if (equals != NULL)
			*equals = '\0';
		l->label_value = equals != NULL ? equals + 1 : NULL;
	}
	return read_states(a, l);
}

void api_tasks(struct api *a)
{
	struct list *l = api_more(a, sizeof *l);
	const char *after = api_query(a, "after");

	pb__list_tasks_request__init(&l->request);
	if (read_filters(a, l) != 0)
		return;
	l->limit = api_query_count(a, "limit", 50);
	l->request.with_labels = l->label != NULL;
	text_copy(l->after, sizeof l->after, after != NULL ? after : "");
	json_array(api_reply(a), "tasks");
	next_page(a);
}

/* --- one ------------------------------------------------------------------------------------------- */

static void on_task(struct api *a, const void *reply)
{
	task_json(api_reply(a), reply);
	api_send(a);
}

static void ask_task(struct api *a, void (*then)(struct api *a, const void *reply))
{
	Pb__GetTaskRequest request = PB__GET_TASK_REQUEST__INIT;

	request.id = (char *)api_task_id(a);
	if (request.id != NULL)
		api_ask(a, RPC_GET_TASK, &request, then);
}

void api_task(struct api *a)
{
	ask_task(a, on_task);
}

void api_task_stop(struct api *a)
{
	Pb__StopTaskRequest request = PB__STOP_TASK_REQUEST__INIT;

	request.id = (char *)api_task_id(a);
	if (request.id == NULL || (request.call_id = (char *)api_call_id(a)) == NULL)
		return;
	request.reason = (char *)api_text(a, "reason");
	api_ask(a, RPC_STOP_TASK, &request, on_task);
}

static void on_removed(struct api *a, const void *reply)
{
	struct json *j = api_reply(a);

	(void)reply;
	json_text(j, "id", a->user);
	json_bool(j, "removed", true);
	api_send(a);
}

static void on_task_to_remove(struct api *a, const void *reply)
{
	Pb__RemoveTaskRequest request = PB__REMOVE_TASK_REQUEST__INIT;

	a->user = request.id = arena_strdup(&a->arena, ((const Pb__Task *)reply)->id);
	request.call_id = (char *)api_call_id(a);
	if (request.call_id != NULL)
		api_ask(a, RPC_REMOVE_TASK, &request, on_removed);
}

void api_task_remove(struct api *a)
{
	ask_task(a, on_task_to_remove);
}

/* --- why does it wait? ------------------------------------------------------------------------------- */

/* What keeps this worker from it; NULL = nothing. */
static const char *obstacle(const Pb__Worker *w, const Pb__Resources *need, char *text, size_t n)
{
	struct worker_share s = worker_share(w);

	if (strcmp(w->state, "lost") == 0)
		return "it is not connected";
	if (w->not_ready[0] != '\0')
		return w->not_ready;
	if (need->milli_cpus > s.offered->milli_cpus)
		snprintf(text, n, "it offers %g cores of %g", s.offered->milli_cpus / 1000.0, need->milli_cpus / 1000.0);
	else if (need->memory > s.offered->memory)
		snprintf(text, n, "it offers too little memory");
	else if (need->disk > s.offered->disk)
		snprintf(text, n, "it offers too little disk");
	else if (need->gpus > s.offered->gpus)
		snprintf(text, n, "it offers %u GPUs of %u", s.offered->gpus, need->gpus);
	else if (need->milli_cpus > s.offered->milli_cpus - s.used->milli_cpus ||
		 need->gpus > s.offered->gpus - s.used->gpus ||
		 need->memory > s.offered->memory - s.used->memory ||
		 need->disk > s.offered->disk - s.used->disk)
		snprintf(text, n, "it is busy: large enough, with too little free just now");
	else
		return NULL;
	return text;
}

static void on_workers_to_explain(struct api *a, const void *reply)
{
	const Pb__ListWorkersReply *workers = reply;
	const Pb__Resources *need = a->user;
	struct json *j = &a->json;
	char text[120];

	json_array(j, "workers");
	for (size_t i = 0; i < workers->n_workers; i++) {
		const char *why = obstacle(workers->workers[i], need, text, sizeof text);

		json_object(j, NULL);
		json_text(j, "id", workers->workers[i]->id);
		json_text(j, "name", workers->workers[i]->name);
		json_bool(j, "fits", why == NULL);
		json_text(j, "reason", why);
		json_end(j);
	}
	json_end(j);
	api_send(a);
}

static void on_task_to_explain(struct api *a, const void *reply)
{
	Pb__ListWorkersRequest request = PB__LIST_WORKERS_REQUEST__INIT;
	const Pb__Task *t = reply;
	const Pb__Resources *r = t->spec != NULL ? t->spec->resources : NULL;
	Pb__Resources *need = api_more(a, sizeof *need);
	struct json *j = api_reply(a);
	struct buf sentence = {0};

	pb__resources__init(need);
	if (r != NULL)
		*need = *r;
	task_sentence(t, &sentence);
	json_text(j, "id", t->id);
	json_text(j, "state", task_state_name((int)t->state));
	json_text(j, "sentence", buf_text(&sentence));
	json_text(j, "reason", t->reason[0] != '\0' ? t->reason : NULL);
	buf_release(&sentence);
	api_ask(a, RPC_LIST_WORKERS, &request, on_workers_to_explain);
}

void api_task_explain(struct api *a)
{
	ask_task(a, on_task_to_explain);
}

/* --- its attempts --------------------------------------------------------------------------------------- */

static void on_attempts(struct api *a, const void *reply)
{
	const Pb__ListTasksReply *attempts = reply;
	struct json *j = api_reply(a);

	json_array(j, "attempts");
	for (size_t i = 0; i < attempts->n_tasks; i++) {
		if (attempts->tasks[i]->epoch == 0)
			continue; /* none yet */
		json_object(j, NULL);
		attempt_json(j, attempts->tasks[i]);
		json_end(j);
	}
	json_end(j);
	api_send(a);
}

void api_task_attempts(struct api *a)
{
	Pb__GetTaskRequest request = PB__GET_TASK_REQUEST__INIT;

	request.id = (char *)api_task_id(a);
	if (request.id != NULL)
		api_ask(a, RPC_ATTEMPTS, &request, on_attempts);
}

/* --- what did it cost? ---------------------------------------------------------------------------------- */

static void on_moves(struct api *a, const void *reply)
{
	const Pb__StatementReply *s = reply;
	struct json *j = &a->json;
	char next[24];

	statement_lines_json(j, s);
	snprintf(next, sizeof next, "%llu", (unsigned long long)s->next);
	api_next(a, s->next != 0 ? next : NULL);
	api_send(a);
}

static void on_task_that_costs(struct api *a, const void *reply)
{
	Pb__StatementRequest request = PB__STATEMENT_REQUEST__INIT;
	const Pb__Task *t = reply;
	struct json *j = api_reply(a);

	json_text(j, "id", t->id);
	json_cpt(j, "reserved_cpt", t->hold_mcpt);
	json_cpt(j, "spent_cpt", task_spent(t));
	json_cpt(j, "start_cpt", t->start_mcpt);
	json_rate(j, "rate_cpt", t->rate_ncpt);
	request.task = t->id;
	request.limit = (uint32_t)api_query_count(a, "limit", 50);
	request.after = (uint64_t)api_query_count(a, "after", 0);
	api_ask(a, RPC_STATEMENT, &request, on_moves);
}

void api_task_cost(struct api *a)
{
	ask_task(a, on_task_that_costs);
}
