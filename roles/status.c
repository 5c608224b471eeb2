/* roles/status.c - hivemind status: everything about one task, in words. */
#include <stdio.h>
#include <string.h>

#include "exec/spec.h"
#include "net/clock.h"
#include "proto/id.h"
#include "proto/task.h"
#include "roles/money_view.h"
#include "roles/roles.h"
#include "roles/task_find.h"
#include "roles/task_view.h"
#include "ui/term.h"

static const struct verb_help help = {
    .usage = "hivemind status [options] ID | last",
    .summary = "Everything about one task: its state in words, where its time went, what it used, how to get "
               "its result.",
    .examples = "hivemind status last\n"
		"hivemind status 7kq2 --json",
    .missing = "the status of which task? An id or last is missing",
};

static void line(const char *label, const char *text)
{
	struct buf safe = {0};

	term_safe(&safe, text, strlen(text), false);
	printf("  %-10s %s\n", label, buf_text(&safe));
	buf_release(&safe);
}

static const char *state_words(const Pb__Task *t)
{
	switch (t->phase) {
	case PB__TASK_PHASE__QUEUED:     return "waits for a worker";
	case PB__TASK_PHASE__ASSIGNED:   return "was given to a worker";
	case PB__TASK_PHASE__STAGING:    return "the worker fetches its bundle and image";
	case PB__TASK_PHASE__EXECUTING:  return "its container runs";
	case PB__TASK_PHASE__COLLECTING: return "its output is being stored";
	default:                         break;
	}
	switch (t->failure) {
	case PB__TASK_FAILURE__USER_EXIT: return "the command ended with an exit status other than 0";
	case PB__TASK_FAILURE__OOM:       return "it needed more memory than it asked for";
	case PB__TASK_FAILURE__TIMEOUT:   return "it ran longer than its time limit";
	case PB__TASK_FAILURE__DISK:      return "it wrote more than it asked for";
	case PB__TASK_FAILURE__IMAGE:     return "its image cannot be had or started";
	case PB__TASK_FAILURE__INPUT:     return "its bundle is not acceptable";
	case PB__TASK_FAILURE__BUDGET:    return "its money is used up";
	case PB__TASK_FAILURE__INFRA:     return "the machines under it failed too often";
	default:
		return t->state == PB__TASK_STATE__STOPPED ? "it was stopped" : "it has done its work";
	}
}

static void print_head(const Pb__Task *t)
{
	struct buf name = {0};
	char detail[64];

	term_safe(&name, t->name, strlen(t->name), false);
	printf("%s \"%s\" ", t->id, buf_text(&name));
	term_styled(stdout, task_style(t), task_state_name((int)t->state));
	if (!task_state_final((int)t->state) || t->state == PB__TASK_STATE__FAILED)
		printf(" (%s)", task_detail(t, detail));
	printf(": %s\n", state_words(t));
	buf_release(&name);
	if (t->reason[0] != '\0')
		line("reason", t->reason);
	if (t->has_exit_code) {
		snprintf(detail, sizeof detail, "%d%s%s", t->exit_code,
		         t->oom_killed ? ", killed for memory" : "",
		         t->killed_by_worker ? ", ended by the worker" : "");
		line("exit", detail);
	}
}

static void print_where(const Pb__Task *t)
{
	struct buf text = {0};

	if (t->worker[0] == '\0')
		return;
	buf_printf(&text, "%s (%s), attempt %u", t->worker_name[0] != '\0' ? t->worker_name : "?", t->worker,
	           t->epoch);
	if (t->exits > 0)
		buf_printf(&text, ", %u tried again for %s exit status", t->exits, t->exits == 1 ? "its" : "their");
	if (t->losses > 0)
		buf_printf(&text, ", %u lost with %s worker", t->losses, t->losses == 1 ? "its" : "their");
	line("worker", buf_text(&text));
	buf_release(&text);
}

/* "queued 12ms  staged 0.31s  ran 2.01s  collected 0.02s", the last one still growing when it lives. */
static void print_timeline(const Pb__Task *t)
{
	static const char *const names[] = {"queued", "staged", "ran", "collected"};
	struct buf text = {0};
	char took[32];

	line("created", format_time(t->created_ms, took));
	for (int part = PART_QUEUED; part <= PART_COLLECTED; part++) {
		int64_t ms = task_part_ms(t, (enum task_part)part, clock_wall_ms());

		if (ms >= 0)
			buf_printf(&text, "%s%s %s", text.n > 0 ? "  " : "", names[part],
			           format_ms(ms, took));
	}
	if (text.n > 0)
		line("time", buf_text(&text));
	buf_release(&text);
}

static void print_used(const Pb__Task *t)
{
	char text[200], memory[24], cpu[24];

	if (t->usage == NULL)
		return;
	snprintf(text, sizeof text, "%s CPU, %s memory at most",
	         format_ms((int64_t)(t->usage->cpu_us / 1000), cpu),
	         format_bytes(t->usage->peak_memory, memory));
	line("used", text);
}

static void print_cost(const Pb__Task *t)
{
	char text[200], spent[CPT_TEXT_SIZE], hold[CPT_TEXT_SIZE], rate[PRICE_TEXT_SIZE], start[CPT_TEXT_SIZE];

	snprintf(text, sizeof text, "%s CPT%s, %s reserved; %s to start and %s a second",
		 cpt_grouped(spent, task_spent(t)), task_state_final((int)t->state) ? "" : " so far",
		 cpt_grouped(hold, t->hold_mcpt), cpt_grouped(start, t->start_mcpt),
		 price_text(rate, t->rate_ncpt));
	if (t->hold_mcpt > 0)
		line("cost", text);
}

/* What is not as usual. */
static void print_retry(const Pb__TaskSpec *s)
{
	struct buf text = {0};
	char words[32];

	if (s->on_disconnect != PB__ON_DISCONNECT__REQUEUE)
		buf_printf(&text, "on_disconnect %s", on_disconnect_text(s, words, sizeof words));
	if (s->retry != NULL && s->retry->infra >= 0)
		buf_printf(&text, "%sinfra %d", text.n > 0 ? ", " : "", s->retry->infra);
	for (size_t i = 0; s->retry != NULL && i < s->retry->n_on_exit; i++)
		buf_printf(&text, "%sexit %u %u times", text.n > 0 ? ", " : "", s->retry->on_exit[i]->exit_code,
			   s->retry->on_exit[i]->times);
	if (text.n > 0)
		line("retry", buf_text(&text));
	buf_release(&text);
}

static void print_asked(const Pb__Task *t)
{
	char text[200], memory[24], disk[24], limit[24];
	const Pb__Resources *r = t->spec != NULL ? t->spec->resources : NULL;

	if (r == NULL)
		return;
	snprintf(text, sizeof text, "cpus %g, memory %s, disk %s, gpus %u; for %s at most",
	         r->milli_cpus / 1000.0, format_bytes(r->memory, memory), format_bytes(r->disk, disk),
	         r->gpus, format_ms((int64_t)t->spec->time_limit_s * 1000, limit));
	line("asked for", text);
	print_cost(t);
	print_retry(t->spec);
	line("image", t->spec->image[0] != '\0' ? t->spec->image : "the built-in base image");
}

static void print_next(const Pb__Task *t)
{
	char id[TASK_ID_SIZE], text[120], size[24];

	task_short_id(t->id, SHORT_ID_LENGTH, id);
	if (t->result_sha256[0] != '\0')
		snprintf(text, sizeof text, "%s   hivemind get %s", format_bytes(t->result_size, size), id);
	else
		snprintf(text, sizeof text, "none%s", task_state_final((int)t->state) ? "" : " yet");
	line("result", text);
	snprintf(text, sizeof text, "%s   hivemind logs %s", format_bytes(t->log_size, size), id);
	line("output", text);
}

int status_main(int argc, char **argv)
{
	struct client c;
	const char *args[1];
	const Pb__Task *t;
	int count, code = client_open(&c, argc, argv, NULL, &help, args, 1, &count, true);

	if (code >= 0)
		return code;
	t = task_get(&c, args[0]);
	if (t != NULL && c.globals.json) {
		task_print_json(&c, t);
	} else if (t != NULL) {
		print_head(t);
		print_where(t);
		print_timeline(t);
		print_used(t);
		print_asked(t);
		print_next(t);
	}
	return client_close(&c, 0);
}
