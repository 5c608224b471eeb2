/* roles/task_view.h - a task as people and programs see it: its JSON, its words, how long each part took. */
#ifndef ROLES_TASK_VIEW_H
#define ROLES_TASK_VIEW_H

#include "net/buf.h"
#include "roles/client.h"
#include "ui/json.h"
#include "ui/table.h"

#define SHORT_ID_LENGTH 8

/* What it has cost so far, thousandths of a CPT. */
int64_t task_spent(const Pb__Task *t);

/* The task as fields of the object that is open in j (the contract of --json, see hivemind.1). What it asks
 * for
 * ("spec") is null in lists. */
void task_json(struct json *j, const Pb__Task *t);

/* One of its attempts (Tasks.Attempts); state LOST: it was lost or given back, and the
 * task went on without it. */
void attempt_json(struct json *j, const Pb__Task *t);

/* {"v":1, ...} on a line of stdout. */
void task_print_json(struct client *c, const Pb__Task *t);

/* Milliseconds a part took, or takes so far when `now` > 0; -1 = not begun, or (now 0) not ended. */
enum task_part { PART_QUEUED, PART_STAGED, PART_RAN, PART_COLLECTED };
int64_t task_part_ms(const Pb__Task *t, enum task_part part, int64_t now);

/* "RUNNING", and its colour. */
enum style task_style(const Pb__Task *t);

/* "STAGING 64%", "user_exit 3", "-": the finer word beside the state. buf of 64 bytes. */
const char *task_detail(const Pb__Task *t, char *buf);

/* The id as people type it: its first `length` characters, and ".N" only for other members than the first.
 * buf of TASK_ID_SIZE. */
const char *task_short_id(const char *id, size_t length, char *buf);

/* One sentence about how it ended: `7kq2mm9c "fit" FAILED: exit status 3   ran 2.01s`. */
void task_sentence(const Pb__Task *t, struct buf *out);

/* The exit status of a command that waited for it. */
int task_exit_code(const Pb__Task *t);

#endif
