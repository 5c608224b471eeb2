/* exec/progress_stream.h - reads what the engine says while it pulls, loads or imports an image: a stream of
 * JSON objects, one a line, whose last may be an error although the answer began with 200. */
#ifndef EXEC_PROGRESS_STREAM_H
#define EXEC_PROGRESS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/buf.h"
#include "proto/error.h"

#define LAYERS_MAX 256

struct layer_progress {
	char id[16];
	uint64_t current, total;
};

struct progress_stream {
	uint64_t done, total;  /* bytes, over the layers that have been named so far */
	char status[80];       /* its last words: "Downloading" */
	struct error error;    /* status UNKNOWN with its message once it has reported one */
	struct buf line;       /* private, as the rest */
	struct layer_progress *layers;
	size_t count;
};

/* Zero-initialised it is ready. */
void progress_stream_feed(struct progress_stream *p, const void *data, size_t n);
/* A last line without a newline. */
void progress_stream_end(struct progress_stream *p);
void progress_stream_release(struct progress_stream *p);

#endif
