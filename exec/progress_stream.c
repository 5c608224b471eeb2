/* exec/progress_stream.c owns: the lines of a pull, added up over its layers.
 *
 * Each layer is first downloaded and then extracted, and each begins its count anew: only the download
 * counts, so that the sum never falls. A line longer than LINE_MAX_BYTES is passed over. */
#include "exec/progress_stream.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "exec/engine_call.h"
#include "net/memory.h"
#include "proto/status.h"

#define LINE_MAX_BYTES ((size_t)64 << 10)

static struct layer_progress *find_layer(struct progress_stream *p, const char *id)
{
	struct layer_progress *layer;

	for (size_t i = 0; i < p->count; i++) {
		if (strcmp(p->layers[i].id, id) == 0)
			return &p->layers[i];
	}
	if (p->count == LAYERS_MAX)
		return NULL;
	if (p->layers == NULL)
		p->layers = xcalloc(LAYERS_MAX, sizeof(*p->layers));
	layer = &p->layers[p->count++];
	text_copy(layer->id, sizeof(layer->id), id);
	return layer;
}

static void count_layer(struct progress_stream *p, const char *id, double current, double total)
{
	struct layer_progress *layer = find_layer(p, id);

	if (layer == NULL || !(current >= 0 && total > 0 && current <= 1e15 && total <= 1e15))
		return;
	p->done += (uint64_t)current - layer->current;
	p->total += (uint64_t)total - layer->total;
	layer->current = (uint64_t)current;
	layer->total = (uint64_t)total;
}

static void read_object(struct progress_stream *p, const cJSON *object)
{
	const cJSON *detail = json_get(object, "progressDetail");
	const char *status = json_string(object, "status"), *message = json_string(object, "error");

	if (message[0] == '\0')
		message = json_string(json_get(object, "errorDetail"), "message");
	if (message[0] != '\0' && p->error.status == 0)
		error_set(&p->error, STATUS_UNKNOWN, "%s", message);
	if (status[0] != '\0')
		text_copy(p->status, sizeof(p->status), status);
	if (strcmp(status, "Downloading") == 0)
		count_layer(p, json_string(object, "id"), json_number(detail, "current"), json_number(detail, "total"));
}

static void read_line(struct progress_stream *p)
{
	cJSON *object = cJSON_ParseWithLength((const char *)p->line.data, p->line.n);

	if (object != NULL)
		read_object(p, object);
	cJSON_Delete(object);
	p->line.n = 0;
}

void progress_stream_feed(struct progress_stream *p, const void *data, size_t n)
{
	const char *at = data;

	p->line.max = LINE_MAX_BYTES;
	while (n > 0) {
		const char *newline = memchr(at, '\n', n);
		size_t take = newline != NULL ? (size_t)(newline - at) : n;

		buf_append(&p->line, at, take);
		if (newline != NULL)
			read_line(p);
		take += newline != NULL;
		at += take;
		n -= take;
	}
}

void progress_stream_end(struct progress_stream *p)
{
	if (p->line.n > 0)
		read_line(p);
}

void progress_stream_release(struct progress_stream *p)
{
	buf_release(&p->line);
	free(p->layers);
	*p = (struct progress_stream){0};
}
