/* roles/dev_child.c - one child of dev: started, and started again when it dies, later each time. */
#include <stdio.h>
#include <string.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/status.h"
#include "roles/dev_machine.h"

#define END_PATIENCE_MS 15000
#define AGAIN_FIRST_MS 200
#define AGAIN_LONGEST_MS 10000
#define STEADY_MS 30000 /* what lived that long has not died in a row */

static void on_again_closed(struct timer *again)
{
	struct dev_child *c = container_of(again, struct dev_child, again);

	c->over = true;
	dev_child_over(c->dev);
}

void dev_child_end(struct dev_child *c)
{
	if (c->child.open > 0)
		child_end(&c->child, END_PATIENCE_MS);
	else
		timer_close(&c->again, on_again_closed);
}

void dev_child_start(struct dev_child *c)
{
	struct error err;

	c->started_ms = clock_ms();
	child_start(&c->child, &err); /* if it cannot be, ended() says so */
}

static void on_again(struct timer *again)
{
	dev_child_start(container_of(again, struct dev_child, again));
}

/* It never came up: its own last line says why. */
static void fail_of_child(struct dev *d, struct dev_child *c)
{
	char words[1200], *last;
	struct error err;

	child_last_words(&c->child, words, sizeof words);
	while ((last = strrchr(words, '\n')) != NULL && last[1] == '\0')
		*last = '\0';
	last = strstr(words, "hivemind: ");
	if (last == NULL)
		last = strrchr(words, '\n') != NULL ? strrchr(words, '\n') + 1 : words;
	last[strcspn(last, "\n")] = '\0';
	error_set(&err, STATUS_UNAVAILABLE, "%s did not start: %.300s", c->child.name,
		  strncmp(last, "hivemind: ", 10) == 0 ? last + 10 : last);
	dev_fail(d, &err);
}

static void on_child_ended(struct child *child, int64_t status, int signal)
{
	struct dev_child *c = container_of(child, struct dev_child, child);
	struct dev *d = c->dev;
	uint64_t ms = AGAIN_FIRST_MS;

	if (d->ending) {
		timer_close(&c->again, on_again_closed);
		return;
	}
	if (d->step.at != UP) {
		fail_of_child(d, c);
		return;
	}
	c->deaths = clock_ms() - c->started_ms > STEADY_MS ? 0 : c->deaths + 1;
	for (unsigned i = 1; i < c->deaths && ms < AGAIN_LONGEST_MS; i++)
		ms *= 2;
	printf("  %s %s ended (%s %d), starting it again\n", dev_mark(false), child->name,
	       signal != 0 ? "signal" : "status", signal != 0 ? signal : (int)status);
	fflush(stdout);
	timer_set(&c->again, ms);
}

void dev_child_init(struct dev *d, struct dev_child *c, const char *name)
{
	*c = (struct dev_child){.dev = d};
	c->child.loop = &d->loop;
	c->child.ended = on_child_ended;
	text_copy(c->child.name, sizeof c->child.name, name);
	snprintf(c->child.pid_path, sizeof c->child.pid_path, "%s/run/%s.pid", d->data, name);
	snprintf(c->child.log_path, sizeof c->child.log_path, "%s/log/%s.log", d->data, name);
	snprintf(c->data, sizeof c->data, "%s/%s", d->data, name);
	timer_init(&d->loop, &c->again, on_again);
	d->running++;
}

void dev_child_words(struct dev_child *c, const char *const *words)
{
	int n = 0;

	while (c->child.words[n] != NULL)
		n++;
	while (*words != NULL && n < CHILD_WORDS_MAX - 1)
		c->child.words[n++] = *words++;
}
