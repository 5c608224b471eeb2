#include "roles/worker_history.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/log.h"
#include "net/memory.h"
#include "proto/error.h"

void history_entry_json(struct json *j, const struct history_entry *e)
{
	json_text(j, "task", e->task);
	json_uint(j, "attempt", e->epoch);
	json_text(j, "name", e->name[0] != '\0' ? e->name : NULL);
	json_text(j, "result", e->result);
	json_text(j, "reason", e->reason[0] != '\0' ? e->reason : NULL);
	json_time(j, "ended", e->ended_ms);
	json_seconds(j, "ran", e->run_ms);
	json_seconds(j, "cpu", e->cpu_ms);
	json_uint(j, "peak_memory", e->peak_memory);
}

/* --- the file ------------------------------------------------------------------------------------ */

static void write_line(struct worker_history *h, const struct history_entry *e)
{
	struct buf line = {0};
	struct json j;

	json_init(&j, &line);
	json_object(&j, NULL);
	history_entry_json(&j, e);
	json_int(&j, "ended_ms", e->ended_ms);
	json_end(&j);
	buf_append(&line, "\n", 1);
	if (h->fd >= 0 && write(h->fd, line.data, line.n) != (ssize_t)line.n)
		log_warn("history is not kept file=%s text=\"%s\"", h->path, strerror(errno));
	h->lines++;
	buf_release(&line);
}

/* With what is kept and no more. */
static void write_anew(struct worker_history *h)
{
	if (h->fd < 0 || ftruncate(h->fd, 0) != 0)
		return;
	h->lines = 0;
	for (uint64_t at = HISTORY_MAX; at-- > 0;) {
		const struct history_entry *e = worker_history_get(h, at);

		if (e != NULL)
			write_line(h, e);
	}
}

static void text_of(const cJSON *object, const char *name, char *to, size_t n)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);

	text_copy(to, n, cJSON_IsString(v) ? v->valuestring : "");
}

static int64_t number_of(const cJSON *object, const char *name, double scale)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);
	double x = cJSON_IsNumber(v) ? v->valuedouble * scale : 0;

	return x >= 0 && x < 9e15 ? (int64_t)(x + 0.5) : 0;
}

static void keep(struct worker_history *h, const struct history_entry *e)
{
	h->entries[h->count++ % HISTORY_MAX] = *e;
}

static void read_line(struct worker_history *h, const char *line)
{
	cJSON *object = cJSON_Parse(line); /* a line that was cut short is none */
	struct history_entry e = {0};

	if (cJSON_IsObject(object)) {
		text_of(object, "task", e.task, sizeof e.task);
		text_of(object, "name", e.name, sizeof e.name);
		text_of(object, "result", e.result, sizeof e.result);
		text_of(object, "reason", e.reason, sizeof e.reason);
		e.epoch = (uint32_t)number_of(object, "attempt", 1);
		e.ended_ms = number_of(object, "ended_ms", 1);
		e.run_ms = number_of(object, "ran", 1000);
		e.cpu_ms = number_of(object, "cpu", 1000);
		e.peak_memory = (uint64_t)number_of(object, "peak_memory", 1);
		keep(h, &e);
	}
	h->lines++;
	cJSON_Delete(object);
}

void worker_history_open(struct worker_history *h, const char *path)
{
	char line[2048] = "\n";
	FILE *file = fopen(path, "re");

	*h = (struct worker_history){.entries = xcalloc(HISTORY_MAX, sizeof *h->entries)};
	text_copy(h->path, sizeof h->path, path);
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		read_line(h, line);
	if (file != NULL)
		fclose(file);
	h->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (h->fd < 0)
		log_warn("history is not kept file=%s text=\"%s\"", path, strerror(errno));
	else if (strchr(line, '\n') == NULL && write(h->fd, "\n", 1) != 1) /* the last line was cut short */
		log_warn("history is not kept file=%s text=\"%s\"", path, strerror(errno));
}

void worker_history_close(struct worker_history *h)
{
	if (h->fd >= 0)
		close(h->fd);
	free(h->entries);
	*h = (struct worker_history){.fd = -1};
}

/* --- putting and getting ------------------------------------------------------------------------- */

void worker_history_put(struct worker_history *h, const struct history_entry *e)
{
	if (h->entries == NULL)
		return;
	keep(h, e);
	if (h->lines >= 2 * HISTORY_MAX)
		write_anew(h);
	else
		write_line(h, e);
}

const struct history_entry *worker_history_get(const struct worker_history *h, uint64_t at)
{
	if (h->entries == NULL || at >= HISTORY_MAX || at >= h->count)
		return NULL;
	return &h->entries[(h->count - 1 - at) % HISTORY_MAX];
}
