/* roles/attempt_spool.c - one file, appended to, read once. What is read is checked as if a stranger had written it. */
#include "roles/attempt_spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/limits.h"

#define MAGIC 0x484d5330u
#define RECORD_MAX (64 * KiB)
#define SPOOL_MAX (4 * (LOG_HEAD_MAX + LOG_TAIL_MAX)) /* heads of small records included */

struct head {
	uint32_t magic;
	uint8_t phase, stream;
	uint16_t zero;
	uint64_t n;
	int64_t time_ms;
};

_Static_assert(sizeof(struct head) == 24, "the file's format");

static void append(struct attempt_spool *s, int phase, int stream, const void *data, size_t n, int64_t time_ms)
{
	struct head head = {MAGIC, (uint8_t)phase, (uint8_t)stream, 0, n, time_ms};
	struct iovec parts[] = {{&head, sizeof head}, {(void *)data, n}};
	off_t end = lseek(s->fd, 0, SEEK_END);

	if (end >= SPOOL_MAX)
		return;
	if (writev(s->fd, parts, 2) == (ssize_t)(sizeof head + n))
		return;
	s->broken = true; /* what comes later would be taken for what is missing here */
	if (ftruncate(s->fd, end) != 0)
		log_warn("a torn record stays at the end of %s: nothing behind it is read", s->path);
	attempt_spool_close(s);
}

void attempt_spool_add(struct attempt_spool *s, int phase, int stream, const void *data, size_t n, int64_t time_ms)
{
	const uint8_t *at = data;

	if (s->fd < 0 && !s->broken && n > 0) {
		s->fd = open(s->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		crash_point(WORKER_SPOOL_MADE);
	}
	while (n > 0 && s->fd >= 0) {
		size_t part = n < (size_t)RECORD_MAX ? n : (size_t)RECORD_MAX;

		append(s, phase, stream, at, part, time_ms);
		crash_point(WORKER_SPOOL_WRITTEN);
		at += part;
		n -= part;
	}
}

static bool head_fits(const struct head *head, int phase)
{
	return head->magic == MAGIC && head->phase <= phase && head->stream >= LOG_OUT && head->stream <= LOG_REMARK &&
	       head->n > 0 && head->n <= (uint64_t)RECORD_MAX;
}

void attempt_spool_restore(struct attempt_spool *s, int phase, struct attempt_log *log, uint64_t told[2])
{
	uint8_t *data = xmalloc(RECORD_MAX);
	struct head head;
	off_t at = 0;

	s->fd = open(s->path, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	while (s->fd >= 0 && at < SPOOL_MAX && pread(s->fd, &head, sizeof head, at) == sizeof head &&
	       head_fits(&head, phase) && pread(s->fd, data, head.n, at + (off_t)sizeof head) == (ssize_t)head.n) {
		attempt_log_restore(log, head.stream, data, head.n, head.time_ms);
		if (head.stream != LOG_REMARK)
			told[head.stream - 1] += head.n;
		at += (off_t)(sizeof head + head.n);
	}
	free(data);
	if (s->fd >= 0 && ftruncate(s->fd, at) != 0)
		attempt_spool_close(s);
}

void attempt_spool_close(struct attempt_spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
