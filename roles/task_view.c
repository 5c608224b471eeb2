#include "roles/task_view.h"

#include <stdio.h>
#include <string.h>

#include "proto/id.h"
#include "proto/status.h"
#include "proto/task.h"
#include "roles/money_view.h"
#include "roles/spec_view.h"
#include "ui/term.h"

int64_t task_part_ms(const Pb__Task *t, enum task_part part, int64_t now)
{
	const int64_t at[] = {t->created_ms, t->assigned_ms, t->started_ms, t->exited_ms, t->ended_ms};
	int64_t begin = at[part], end = at[part + 1];

	if (begin == 0)
		return -1;
	if (end == 0 && part != PART_COLLECTED)
		end = t->ended_ms; /* it ended within this part */
	if (end == 0)
		end = now;
	return end == 0 ? -1 : end > begin ? end - begin : 0;
}

/* --- JSON --------------------------------------------------------------------------------------- */

static const char *or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static void seconds_or_null(struct json *j, const char *key, int64_t ms)
{
	if (ms < 0)
		json_null(j, key);
	else
		json_seconds(j, key, ms);
}

static void blob_json(struct json *j, const char *key, const char *sha256, uint64_t size)
{
	if (sha256[0] == '\0') {
		json_null(j, key);
		return;
	}
	json_object(j, key);
	json_text(j, "sha256", sha256);
	json_uint(j, "bytes", size);
	json_end(j);
}

static void times_json(struct json *j, const Pb__Task *t)
{
	json_time(j, "created", t->created_ms);
	json_time(j, "assigned", t->assigned_ms);
	json_time(j, "started", t->started_ms);
	json_time(j, "exited", t->exited_ms);
	json_time(j, "ended", t->ended_ms);
	json_time(j, "keep_until", t->keep_until_ms);
	json_object(j, "durations");
	seconds_or_null(j, "queued", task_part_ms(t, PART_QUEUED, 0));
	seconds_or_null(j, "staged", task_part_ms(t, PART_STAGED, 0));
	seconds_or_null(j, "ran", task_part_ms(t, PART_RAN, 0));
	seconds_or_null(j, "collected", task_part_ms(t, PART_COLLECTED, 0));
	json_end(j);
}

static void worker_json(struct json *j, const Pb__Task *t)
{
	if (t->worker[0] == '\0') {
		json_null(j, "worker");
		return;
	}
	json_object(j, "worker");
	json_text(j, "id", t->worker);
	json_text(j, "name", or_null(t->worker_name));
	json_end(j);
}

/* The workers alone. */
static void lost_by_json(struct json *j, const char *lost_by)
{
	json_array(j, "lost_by");
	for (const char *p = lost_by; *p != '\0'; p += strcspn(p, " "), p += *p == ' ')
		json_text_n(j, NULL, p, strcspn(p, ": "));
	json_end(j);
}

static void usage_json(struct json *j, const Pb__Usage *u)
{
	if (u == NULL) {
		json_null(j, "usage");
		return;
	}
	json_object(j, "usage");
	json_seconds(j, "cpu", (int64_t)(u->cpu_us / 1000));
	json_seconds(j, "wall", (int64_t)(u->wall_us / 1000));
	json_uint(j, "peak_memory", u->peak_memory);
	json_end(j);
}

static void progress_json(struct json *j, const Pb__Task *t)
{
	if (t->state != PB__TASK_STATE__RUNNING || t->progress_done + t->progress_total == 0) {
		json_null(j, "progress");
		return;
	}
	json_object(j, "progress");
	json_uint(j, "done", t->progress_done);
	if (t->progress_total > 0)
		json_uint(j, "total", t->progress_total);
	else
		json_null(j, "total");
	json_end(j);
}

/* What is set aside is told where the spec is. */
static void cost_json(struct json *j, const Pb__Task *t)
{
	json_object(j, "cost");
	if (t->spec != NULL)
		json_cpt(j, "reserved_cpt", t->hold_mcpt);
	else
		json_null(j, "reserved_cpt");
	json_cpt(j, "spent_cpt", task_spent(t));
	json_end(j);
}

int64_t task_spent(const Pb__Task *t)
{
	return task_state_final((int)t->state) && t->charged_mcpt > 0 ? t->charged_mcpt : t->paid_mcpt;
}

void task_json(struct json *j, const Pb__Task *t)
{
	json_text(j, "id", t->id);
	json_text_n(j, "submission", t->id, strcspn(t->id, "."));
	json_text(j, "name", t->name);
	json_text(j, "state", task_state_name(t->state));
	json_text(j, "phase", task_phase_name(t->phase));
	json_text(j, "failure", or_null(task_failure_name(t->failure)));
	json_text(j, "reason", or_null(t->reason));
	if (t->has_exit_code)
		json_int(j, "exit_code", t->exit_code);
	else
		json_null(j, "exit_code");
	json_bool(j, "oom_killed", t->oom_killed);
	json_bool(j, "killed_by_worker", t->killed_by_worker);
	json_uint(j, "epoch", t->epoch);
	json_uint(j, "losses", t->losses);
	lost_by_json(j, t->lost_by);
	json_uint(j, "exits", t->exits);
	worker_json(j, t);
	times_json(j, t);
	progress_json(j, t);
	usage_json(j, t->usage);
	cost_json(j, t);
	json_uint(j, "log_bytes", t->log_size);
	blob_json(j, "result", t->result_sha256, t->result_size);
	blob_json(j, "bundle", t->bundle_sha256, t->bundle_size);
	spec_json(j, "spec", t->spec);
}

void attempt_json(struct json *j, const Pb__Task *t)
{
	json_uint(j, "attempt", t->epoch);
	worker_json(j, t);
	json_time(j, "assigned", t->assigned_ms);
	json_time(j, "started", t->started_ms);
	json_time(j, "exited", t->exited_ms);
	json_time(j, "ended", t->ended_ms);
	json_object(j, "durations");
	seconds_or_null(j, "staged", task_part_ms(t, PART_STAGED, 0));
	seconds_or_null(j, "ran", task_part_ms(t, PART_RAN, 0));
	seconds_or_null(j, "collected", task_part_ms(t, PART_COLLECTED, 0));
	json_end(j);
	json_text(j, "state", t->state != 0 ? task_state_name((int)t->state) : "LOST");
	json_text(j, "reason", or_null(t->reason));
}

void task_print_json(struct client *c, const Pb__Task *t)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	task_json(&j, t);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

/* --- words -------------------------------------------------------------------------------------- */

enum style task_style(const Pb__Task *t)
{
	switch (t->state) {
	case PB__TASK_STATE__COMPLETED: return STYLE_GREEN;
	case PB__TASK_STATE__FAILED:    return STYLE_RED;
	case PB__TASK_STATE__RUNNING:   return STYLE_CYAN;
	case PB__TASK_STATE__STOPPED:   return STYLE_YELLOW;
	default:                        return STYLE_NONE;
	}
}

const char *task_detail(const Pb__Task *t, char *buf)
{
	if (t->state == PB__TASK_STATE__FAILED && t->failure == PB__TASK_FAILURE__USER_EXIT)
		snprintf(buf, 64, "exit %d", t->exit_code);
	else if (t->state == PB__TASK_STATE__FAILED)
		snprintf(buf, 64, "%s", task_failure_name(t->failure));
	else if (task_state_final((int)t->state))
		snprintf(buf, 64, "-");
	else if (t->progress_total > 0 && t->progress_done <= t->progress_total)
		snprintf(buf, 64, "%s %d%%", task_phase_name(t->phase),
			 (int)((double)t->progress_done / (double)t->progress_total * 100));
	else
		snprintf(buf, 64, "%s", task_phase_name(t->phase));
	return buf;
}

const char *task_short_id(const char *id, size_t length, char *buf)
{
	size_t n = strcspn(id, ".");
	const char *member = id + n;

	if (n > length)
		n = length;
	snprintf(buf, TASK_ID_SIZE, "%.*s%s", (int)n, id, strcmp(member, ".1") == 0 ? "" : member);
	return buf;
}

static void append_safe(struct buf *out, const char *text)
{
	term_safe(out, text, strlen(text), false);
}

void task_sentence(const Pb__Task *t, struct buf *out)
{
	char id[TASK_ID_SIZE], ran[24];
	int64_t ms = task_part_ms(t, PART_RAN, 0);

	buf_printf(out, "%s \"", task_short_id(t->id, SHORT_ID_LENGTH, id));
	append_safe(out, t->name);
	buf_printf(out, "\" %s", task_state_name((int)t->state));
	if (t->failure == PB__TASK_FAILURE__USER_EXIT && ms >= 0) {
		buf_printf(out, ": exit status %d", t->exit_code);
	} else if (t->reason[0] != '\0' && t->state != PB__TASK_STATE__COMPLETED) {
		buf_printf(out, ": ");
		append_safe(out, t->reason);
	}
	if (ms >= 0)
		buf_printf(out, "   ran %s", format_ms(ms, ran));
}

int task_exit_code(const Pb__Task *t)
{
	return t->state == PB__TASK_STATE__COMPLETED ? 0 : EXIT_TASK_FAILED;
}
