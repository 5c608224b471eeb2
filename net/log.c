#include "net/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/buf.h"
#include "net/clock.h"

static const char *const names[] = {"debug", "info ", "warn ", "error"};
static int threshold = -1;

static int read_threshold(void)
{
	const char *wanted = getenv("HIVEMIND_LOG");

	for (int level = LOG_DEBUG; wanted != NULL && level <= LOG_ERROR; level++)
		if (strncmp(wanted, names[level], strlen(wanted)) == 0)
			return level;
	return LOG_INFO;
}

void log_set_level(enum log_level level)
{
	threshold = (int)level;
}

static size_t stamp(char *line, size_t size)
{
	int64_t now = clock_wall_ms();
	time_t seconds = (time_t)(now / 1000);
	struct tm utc;

	gmtime_r(&seconds, &utc);
	size_t n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
	return n + (size_t)snprintf(line + n, size - n, ".%03dZ ", (int)(now % 1000));
}

/* A message may carry a stranger's text: it must not start a line or speak to the terminal. */
static size_t escape(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 5 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
		else
			out[n++] = (char)c;
	}
	return n;
}

/* --- the last lines ----------------------------------------------------------------------------- */

static char tail[LOG_TAIL_SIZE];
static size_t tail_n; /* bytes ever kept */
static pthread_mutex_t tail_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep(const char *line, size_t n)
{
	pthread_mutex_lock(&tail_lock);
	for (size_t i = 0; i < n; i++)
		tail[tail_n++ % sizeof tail] = line[i];
	pthread_mutex_unlock(&tail_lock);
}

void log_tail(struct buf *out)
{
	size_t from;

	pthread_mutex_lock(&tail_lock);
	from = tail_n > sizeof tail ? tail_n - sizeof tail + 1 : 0;
	while (from > 0 && from < tail_n && tail[(from - 1) % sizeof tail] != '\n')
		from++; /* not half a line */
	for (; from < tail_n; from++)
		buf_append(out, &tail[from % sizeof tail], 1);
	pthread_mutex_unlock(&tail_lock);
}

void log_line(enum log_level level, const char *format, ...)
{
	char message[900], line[1200];
	va_list args;
	size_t n;

	if (threshold < 0)
		threshold = read_threshold();
	if ((int)level < threshold)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);

	n = stamp(line, sizeof line);
	n += (size_t)snprintf(line + n, sizeof line - n, "%s ", names[level]);
	n += escape(line + n, sizeof line - n - 1, message);
	line[n++] = '\n';
	keep(line, n);
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nobody to tell */
}
