/* roles/worker_faults.h - how often in a row a worker lost, refused or answered wrongly what it was given,
 * and how long it rests for it. Pure: no I/O, no clock.
 *
 * FAULTS_FREE in a row cost nothing; after one more it is given nothing for 5 s, then 10 s, 20 s ...
 * FAULTS_REST_MAX_MS. An attempt that it brings to its end forgets them all. What goes wrong within a second
 * is one fault: a worker that goes down with a hundred tasks has gone down once. All this is in memory: it
 * begins anew with the pool. */
#ifndef ROLES_WORKER_FAULTS_H
#define ROLES_WORKER_FAULTS_H

#include <stdint.h>

#define FAULTS_FREE 5
#define FAULTS_REST_MS 5000
#define FAULTS_REST_MAX_MS (10ll * 60 * 1000)
#define FAULTS_APART_MS 1000
#define FAULTS_ENTRIES_MAX 20000 /* workers that are remembered; the one touched longest ago makes room */

struct worker_faults {
	struct worker_fault *by_id;
};

/* One more. Returns for how long it rests from now on; 0 = it does not, or did already. */
int64_t worker_faults_add(struct worker_faults *f, const char *worker, int64_t now_ms);
/* It has done what it was given. */
void worker_faults_forget(struct worker_faults *f, const char *worker);

/* How much longer it rests; 0 = it does not. */
int64_t worker_faults_rest_ms(const struct worker_faults *f, const char *worker, int64_t now_ms);
unsigned worker_faults_in_a_row(const struct worker_faults *f, const char *worker);

void worker_faults_release(struct worker_faults *f);

#endif
