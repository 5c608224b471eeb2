/* test/chaos/container.c - see test/chaos/container.h. */
#include "test/chaos/container.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct container *containers;
void (*container_ended)(struct container *c, bool gone);
static uv_loop_t *uv;
static int record_fd = -1;

int64_t boottime_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void record(const char *format, ...)
{
	char line[1500];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(line, sizeof line - 1, format, arguments);
	va_end(arguments);
	line[n++] = '\n';
	if (write(record_fd, line, (size_t)n) != n)
		abort();
}

const char *container_state_name(const struct container *c)
{
	static const char *const names[] = {"created", "running", "paused", "exited"};

	return names[c->state];
}

struct container *container_find(const char *name)
{
	struct container *c;

	HASH_FIND_STR(containers, name, c);
	for (struct container *i = containers; c == NULL && i != NULL; i = i->hh.next)
		if (strcmp(i->id, name) == 0)
			c = i;
	return c;
}

struct container *container_new(const char *name)
{
	static unsigned count;
	struct container *c = calloc(1, sizeof *c);

	snprintf(c->name, sizeof c->name, "%s", name);
	snprintf(c->id, sizeof c->id, "%016llx%08x%040x", (unsigned long long)boottime_us(), (unsigned)getpid(), ++count);
	uv_timer_init(uv, &c->timer);
	HASH_ADD_STR(containers, name, c);
	return c;
}

void container_created(struct container *c)
{
	record("%lld create %s worker=%s task=%s epoch=%s ms=%lld exit=%d canary=%d term=%d out=%s say=%s work=%s",
	       (long long)boottime_us(), c->name, c->worker, c->task, c->epoch, (long long)c->ms, c->exit_code, c->canary,
	       c->ignore_term, c->out, c->say, c->work);
}

/* --- its end --------------------------------------------------------------------------------- */

static void write_result(const struct container *c)
{
	char path[500];
	FILE *f;

	if (c->out[0] == '\0')
		return;
	snprintf(path, sizeof path, "%s/out/result", c->work);
	f = fopen(path, "w");
	if (f == NULL)
		return;
	fprintf(f, "%s %s\n", c->out, c->epoch);
	fclose(f);
}

static void end(struct container *c, int64_t at_us, int exit_code)
{
	uv_timer_stop(&c->timer);
	c->state = EXITED;
	c->ended_us = at_us;
	c->exit_code = exit_code;
	record("%lld exit %s code=%d", (long long)at_us, c->name, exit_code);
	container_ended(c, false);
}

/* What the worker's canary finds out: are its files seen, is it killed at its limit? */
static int canary_exit(struct container *c)
{
	char path[500];

	snprintf(path, sizeof path, "%s/canary", c->work);
	if (access(path, F_OK) != 0)
		return 3;
	c->oom = true;
	return 137;
}

static void come_to_end(struct container *c)
{
	write_result(c);
	c->die_event = true;
	end(c, c->end_us, c->canary ? canary_exit(c) : c->exit_code);
}

static void on_timer(uv_timer_t *timer)
{
	come_to_end((struct container *)((char *)timer - offsetof(struct container, timer)));
}

static void run_until(struct container *c, int64_t end_us)
{
	int64_t left = end_us - boottime_us();

	c->state = IS_RUNNING;
	c->end_us = end_us;
	uv_update_time(uv);
	uv_timer_start(&c->timer, on_timer, left > 0 ? (uint64_t)(left + 999) / 1000 : 0, 0);
}

/* --- what it is told ------------------------------------------------------------------------- */

/* An ended one runs again, as Docker lets it; the record shows it, and no worker should ask for it. */
void container_start(struct container *c)
{
	c->started_us = boottime_us();
	record("%lld %s %s", (long long)c->started_us, c->state == EXITED ? "restart" : "start", c->name);
	run_until(c, c->started_us + c->ms * 1000);
}

void container_pause(struct container *c)
{
	int64_t now = boottime_us();

	uv_timer_stop(&c->timer);
	c->state = PAUSED;
	c->left_us = c->end_us > now ? c->end_us - now : 0;
	record("%lld pause %s", (long long)now, c->name);
}

void container_unpause(struct container *c)
{
	int64_t now = boottime_us();

	record("%lld unpause %s", (long long)now, c->name);
	run_until(c, now + c->left_us);
}

void container_kill(struct container *c, const char *signal)
{
	bool term = strcmp(signal, "SIGTERM") == 0 || strcmp(signal, "TERM") == 0 || strcmp(signal, "15") == 0;

	record("%lld kill %s signal=%s", (long long)boottime_us(), c->name, signal);
	c->kill_event = true;
	c->die_event |= !term || !c->ignore_term;
	if (!term || !c->ignore_term)
		end(c, boottime_us(), term ? 143 : 137);
}

static void on_timer_closed(uv_handle_t *timer)
{
	free((char *)timer - offsetof(struct container, timer));
}

void container_remove(struct container *c)
{
	if (c->state == IS_RUNNING || c->state == PAUSED)
		end(c, boottime_us(), 137);
	record("%lld remove %s", (long long)boottime_us(), c->name);
	container_ended(c, true);
	HASH_DEL(containers, c);
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

/* --- taking over ----------------------------------------------------------------------------- */

static void read_field(const char *line, const char *field, char *to, size_t n)
{
	const char *at = strstr(line, field);
	size_t length = at != NULL ? strcspn(at + strlen(field), " \n") : 0;

	snprintf(to, n, "%.*s", (int)length, at != NULL ? at + strlen(field) : "");
}

static long long read_number(const char *line, const char *field)
{
	char text[32];

	read_field(line, field, text, sizeof text);
	return atoll(text);
}

static void replay_create(const char *name, const char *line)
{
	struct container *c = container_new(name);

	read_field(line, " worker=", c->worker, sizeof c->worker);
	read_field(line, " task=", c->task, sizeof c->task);
	read_field(line, " epoch=", c->epoch, sizeof c->epoch);
	read_field(line, " out=", c->out, sizeof c->out);
	read_field(line, " say=", c->say, sizeof c->say);
	read_field(line, " work=", c->work, sizeof c->work);
	c->ms = read_number(line, " ms=");
	c->exit_code = (int)read_number(line, " exit=");
	c->canary = read_number(line, " canary=") != 0;
	c->ignore_term = read_number(line, " term=") != 0;
}

/* Bring c to where this line leaves it. */
static void replay(struct container *c, int64_t us, const char *event, const char *line)
{
	if (strcmp(event, "start") == 0 || strcmp(event, "restart") == 0) {
		c->state = IS_RUNNING;
		c->started_us = us;
		c->end_us = us + c->ms * 1000;
	} else if (strcmp(event, "pause") == 0) {
		c->state = PAUSED;
		c->left_us = c->end_us - us;
	} else if (strcmp(event, "unpause") == 0) {
		c->state = IS_RUNNING;
		c->end_us = us + c->left_us;
	} else if (strcmp(event, "exit") == 0) {
		c->state = EXITED;
		c->ended_us = us;
		c->exit_code = (int)read_number(line, " code=");
	} else if (strcmp(event, "remove") == 0) {
		HASH_DEL(containers, c);
		uv_close((uv_handle_t *)&c->timer, on_timer_closed);
	}
}

static void replay_line(const char *line)
{
	char event[16], name[96];
	struct container *c;
	long long us;

	if (sscanf(line, "%lld %15s %95s", &us, event, name) != 3)
		return;
	c = container_find(name);
	if (strcmp(event, "create") == 0)
		replay_create(name, line);
	else if (c != NULL)
		replay(c, us, event, line);
}

void containers_open(uv_loop_t *loop, const char *path, bool live)
{
	struct container *c, *next;
	char line[2000];
	FILE *f = fopen(path, "r");

	uv = loop;
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		replay_line(line);
	if (f != NULL)
		fclose(f);
	record_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	record("%lld up engine pid=%d", (long long)boottime_us(), (int)getpid());
	HASH_ITER(hh, containers, c, next)
		if (c->state == IS_RUNNING && (live || c->end_us <= boottime_us()))
			run_until(c, c->end_us);
		else if (c->state == IS_RUNNING || (c->state == PAUSED && !live))
			end(c, boottime_us(), 137);
}
