/* exec/job_pause.c owns: a job's place on the leash (exec/leash.h), its container paused and running again,
 * and the time that this takes, which is no run time.
 *
 * What is wanted and what is are two facts: each answer of the engine is compared with what is wanted by
 * then. The supervisor may have paused the container while this process was stuck; that is read from the
 * slot. An engine that cannot pause lets it run: the kill comes all the same. */
#include "exec/job_machine.h"

#include "net/clock.h"
#include "net/log.h"
#include "proto/status.h"

/* --- on the leash -------------------------------------------------------------------------- */

/* So much longer than for others the pool waits for its worker. */
int64_t job_extra_ms(const Pb__TaskSpec *spec)
{
	return spec->on_disconnect == PB__ON_DISCONNECT__WAIT ? (int64_t)spec->disconnect_wait_s * 1000 : 0;
}

bool machine_hold(struct job_machine *m)
{
	struct job *j = m->job;

	if (j->leash == NULL)
		return true;
	m->slot = leash_hold(j->leash, m->engine->socket, m->name, job_extra_ms(j->spec));
	return m->slot != NULL;
}

void machine_release(struct job_machine *m)
{
	leash_release(m->slot);
	m->slot = NULL;
}

/* The engine may hang, and another worker has the task in a moment. */
void machine_kill_process(const struct job_machine *m)
{
	if (m->slot != NULL && leash_kill(m->slot))
		log_info("killed name=%s", m->name);
}

/* --- run time ---------------------------------------------------------------------------------- */

int64_t machine_ran_us(const struct job_machine *m)
{
	int64_t until = m->is_paused ? m->paused_since_us : clock_us();

	return until - m->started_us - m->paused_us;
}

int64_t machine_time_left_ms(const struct job_machine *m)
{
	int64_t left_us = (int64_t)m->job->spec->time_limit_s * 1000000 - machine_ran_us(m);

	return left_us > 0 ? (left_us + 999) / 1000 : 0;
}

/* --- paused and not ---------------------------------------------------------------------------- */

static void note_paused(struct job_machine *m)
{
	int64_t by_other_ms = m->slot != NULL ? m->slot->paused_ms : 0;

	if (m->is_paused)
		return;
	m->is_paused = true;
	m->paused_since_us = by_other_ms != 0 ? by_other_ms * 1000 : clock_us();
	if (m->slot != NULL)
		m->slot->paused_ms = m->paused_since_us / 1000;
	if (!m->stopping)
		timer_clear(&m->limit);
}

static void note_running(struct job_machine *m)
{
	if (m->slot != NULL)
		m->slot->paused_ms = 0;
	if (!m->is_paused)
		return;
	m->is_paused = false;
	m->paused_us += clock_us() - m->paused_since_us;
	if (!m->stopping && m->job->spec->time_limit_s > 0)
		timer_set(&m->limit, (uint64_t)machine_time_left_ms(m));
}

/* While we were stuck, the supervisor may have paused it. */
static void read_slot(struct job_machine *m)
{
	if (m->slot != NULL && m->slot->paused_ms != 0)
		note_paused(m);
}

static void on_answer(struct engine_call *c)
{
	struct job_machine *m = c->user;
	bool unknown = m->pausing && c->request.http == 0; /* then it may be so */
	bool so = c->request.error.status == 0 || call_says_paused(c, m->pausing) || unknown;

	if (so && m->pausing)
		note_paused(m);
	else if (so)
		note_running(m);
	else
		log_warn("cannot %s name=%s text=\"%s\"", m->pausing ? "pause" : "resume", m->name, c->request.error.text);
	if (machine_at(m, ENDING))
		machine_end_when_quiet(m);
	else if (so)
		machine_settle_pause(m);
}

void machine_settle_pause(struct job_machine *m)
{
	bool runs = machine_at(m, RUNNING) || machine_at(m, INSPECTING);

	if (!runs || m->pause.busy || m->is_paused == m->want_paused)
		return;
	m->pausing = m->want_paused;
	machine_fresh_call(&m->pause, m);
	call_start(m->engine, &m->pause, on_answer, "POST", "/containers/%s/%s", m->name,
		   m->pausing ? "pause" : "unpause");
}

void machine_found_paused(struct job_machine *m, bool paused)
{
	if (paused)
		note_paused(m);
	else
		note_running(m);
	machine_settle_pause(m);
}

void job_pause(struct job *j, bool paused)
{
	struct job_machine *m = j->machine;

	if (m == NULL || m->step.at >= ASKING)
		return;
	read_slot(m);
	m->want_paused = paused;
	machine_settle_pause(m);
}

bool job_is_paused(const struct job *j)
{
	return j->machine != NULL && j->machine->is_paused;
}
