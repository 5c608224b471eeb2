/* net/log.h - one line an event, `key=value`, to standard error.
 *
 *     2026-11-22T09:14:03.512Z info  worker joined worker=7kq2mm9c3v8w04ta cores=4
 *
 * The line is written once, where the operation ends. No secret and no text of a stranger goes into
 * one unescaped: control characters in values are written as \xNN. */
#ifndef NET_LOG_H
#define NET_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below this level are not written. LOG_INFO at start; also set by HIVEMIND_LOG=debug. */
void log_set_level(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* The last lines that were logged, oldest first, at most LOG_TAIL_SIZE bytes of them. From any thread. */
#define LOG_TAIL_SIZE 32768
struct buf;
void log_tail(struct buf *out);

#endif
