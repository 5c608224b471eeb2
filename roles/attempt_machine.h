/* roles/attempt_machine.h - the inside of an attempt, shared by roles/attempt.c (what follows what, the end),
 * roles/attempt_files.c, roles/attempt_job.c and roles/attempt_result.c (its states), roles/attempt_record.c (as it is written
 * down). Nobody else includes it. */
#ifndef ROLES_ATTEMPT_MACHINE_H
#define ROLES_ATTEMPT_MACHINE_H

#include "roles/attempt.h"

/* roles/attempt.c */
void attempt_advance(struct attempt *a); /* what its state waited for has happened */
void attempt_fail(struct attempt *a, enum task_failure failure, const struct error *err); /* unless something had before */
void attempt_give_up(struct attempt *a, const struct error *err); /* this worker cannot do it; another may */
void attempt_enter_reporting(struct attempt *a);
void attempt_remove_files(struct attempt *a); /* in REMOVING: when nothing works with them any more */

/* roles/attempt_files.c */
void attempt_fetch(struct attempt *a);
void attempt_enter_unpacking(struct attempt *a);
bool attempt_find_files(struct attempt *a); /* those of an earlier process; false = it cannot go on without them */
void attempt_close_file(struct attempt *a);

/* roles/attempt_job.c */
void attempt_enter_job(struct attempt *a);
void attempt_init_disk(struct attempt *a); /* of a new one */

/* roles/attempt_result.c */
void attempt_enter_packing(struct attempt *a);
void attempt_enter_uploading(struct attempt *a);
void attempt_note_collected(struct attempt *a); /* everything that the pool will be told is known */
void attempt_spool_from(struct attempt *a, uint64_t size, Journal__Attempt__Phase phase); /* the log was of this size */

/* roles/attempt_record.c: write down how far it has come. */
void attempt_record(struct attempt *a, Journal__Attempt__Phase phase);

/* What the attempt had come to; a is new, of the entry's lease. */
void attempt_record_read(struct attempt *a, const struct journal_entry *e);

#endif
