/* roles/attempt_report.h - what an attempt tells the pool: Progress, LogData, Done, GiveBack. Used by attempt.c and
 * worker_link.c. All of it does nothing while there is no link: attempt_linked() catches up. */
#ifndef ROLES_ATTEMPT_REPORT_H
#define ROLES_ATTEMPT_REPORT_H

#include "roles/attempt.h"

/* Its end, as the pool is told it. Strings are those of a. */
void attempt_describe(const struct attempt *a, Pb__Done *done);

/* It has come to this phase. */
void attempt_phase(struct attempt *a, enum task_phase phase);

/* It has moved on within its phase; told a few times a second at most. */
void attempt_moved(struct attempt *a, uint64_t done, uint64_t total, const char *detail);

/* Something of its log may be unsent, or its end unreported: send what the link takes now. */
void attempt_flush(struct attempt *a);

/* There is a new link: say where it stands and send again what was not acknowledged. */
void attempt_linked(struct attempt *a);

/* A heartbeat was sent / acknowledged (see attempt_log.h); a Done without answer is repeated. */
void attempt_beat(struct attempt *a, uint64_t seq);
void attempt_acknowledged(struct attempt *a, uint64_t seq);

void attempt_give_back(struct attempt *a);

/* The list of attempts as Hello and heartbeats name it: how many, in *refs; all in arena. */
size_t attempts_refer(struct attempt *attempts, struct arena *arena, Pb__AttemptRef ***refs);

#endif
