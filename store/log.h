/* store/log.h - what an attempt has printed: one file of records for each attempt.
 *
 *   DIR/logs/ab/TASK.EPOCH     records one after another: a head of 24 bytes, then the data
 *
 *     magic 'L' | stream | own | 0 | n (4 bytes) | offset (8) | time_ms (8) | n bytes
 *
 * Numbers are in this machine's byte order.
 * `offset` counts the data in what the attempt has sent, so repeats are known and dropped, also after a
 * restart; `own` marks a remark that we made. A torn last record (we were killed while writing) is cut off
 * when the file is opened to be written.
 *
 * All file work happens on the thread pool, the appends of one log in order. No file stays open, and memory
 * is what was appended and is not yet written. Beyond LOG_HEAD_MAX + LOG_TAIL_MAX (and a little) nothing more
 * is kept. A place in a log, where a reader goes on, is a number of bytes of the file that only this file
 * understands. */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "net/buf.h"
#include "net/loop.h"
#include "proto/error.h"
#include "proto/id.h"

#define LOG_RECORD_MAX (32 * 1024) /* data of one record; longer data becomes several */

struct logs; /* the directory */
struct log;  /* one attempt's */

struct logs *logs_open(struct loop *loop, const char *dir, struct error *err);
void logs_free(struct logs *l); /* every log must have been closed and be written */
bool logs_busy(const struct logs *l);

/* Forget the logs of attempts 1 to epochs of a task. On the thread pool; nobody hears of it. */
void logs_delete(struct logs *l, const char *task, uint32_t epochs);

/* The log of an attempt. All who open the same one share it; each closes it once. */
struct log *log_open(struct logs *l, const char *task, uint32_t epoch);
void log_close(struct log *g);

/* Append (data is copied). `offset`: of this data in what the attempt has sent so far. */
void log_append(struct log *g, int stream, const void *data, size_t n, int64_t time_ms, uint64_t offset);
/* The attempt is over, no more will be appended. */
void log_end(struct log *g);
bool log_over(const struct log *g);     /* ended, and everything is written */
uint64_t log_size(const struct log *g); /* bytes of data, also those on their way to the disk */

/* Someone who reads along: on_more() comes when there is more to read,
 * and when log_over() has become true. */
struct log_follower {
	void (*on_more)(struct log_follower *f);
	struct log_follower *prev, *next;
};

void log_follow(struct log *g, struct log_follower *f);
void log_unfollow(struct log *g, struct log_follower *f);

/* Read the next part of an attempt's file. On loan until on_done(): error, and in `data` whole records, read
 * with log_record(). No file or nothing behind `place`: no data and no error. */
struct log_read {
	void (*on_done)(struct log_read *r);
	void *user;
	struct error error;
	uint64_t place; /* where `data` begins */
	struct buf data;
	/* private */
	char path[512];
	struct work work;
};

void log_read(struct logs *l, struct log_read *r, const char *task, uint32_t epoch, uint64_t place);

struct log_record {
	int stream;
	int64_t time_ms;
	const uint8_t *data;
	size_t n;
};

/* The record at *at of what was read; *at moves behind it. false = that was all. */
bool log_record(const struct buf *data, size_t *at, struct log_record *record);

#endif
