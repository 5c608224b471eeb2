/* test/store/ledger_world.h - the books and the lives of tasks once more, in plain C: what each call of the
 * store must answer and leave behind. Written from DESIGN and store/ledger.h, not from the scripts: no code
 * is shared. */
#ifndef TEST_STORE_LEDGER_WORLD_H
#define TEST_STORE_LEDGER_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "proto/cpt.h"
#include "proto/id.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "proto/task.h"
#include "store/store.h"

#define PEOPLE_MAX 40
#define WORKERS 12
#define STRANGE_WORKER (WORKERS - 1) /* has never joined */
#define TASKS 200
#define PROJECTS 4
#define MEMORIES 64

struct person {
	char id[ID_SIZE], name[16];
	int64_t balance, grant, pending, held, earned, spent;
};

struct job {
	bool exists;
	char submission[ID_SIZE], task[TASK_ID_SIZE];
	int owner, state, worker, failure, losses, agains;
	uint32_t epoch;
	int64_t each, grant, paid, charged;
	bool settled, delivered, unsettled;
	int delivered_failure;
};

/* A transfer that was made, to make it again. */
struct memory {
	int kind, from, to;
	int64_t amount;
	uint64_t seq;
	char call_id[24];
};

enum { TRANSFER, TIP, WITHDRAW };

struct world {
	struct person people[PEOPLE_MAX];
	int people_count;
	struct job jobs[TASKS];
	int64_t project_balance[PROJECTS];
	int project_owner[PROJECTS]; /* -1 = nobody, -2 = there is none */
	struct memory memories[MEMORIES];
	int memory_count;
	int64_t treasury;
	uint64_t seq, serial;
	bool frozen;
	uint64_t random;
};

static inline uint64_t dice(struct world *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random >> 11;
}

static inline int roll(struct world *w, int sides)
{
	return (int)(dice(w) % (uint64_t)sides);
}

static inline void world_begin(struct world *w, uint64_t seed)
{
	*w = (struct world){.treasury = CPT_SUPPLY, .random = seed * 0x9e3779b97f4a7c15ull + 1};
	for (int i = 0; i < PROJECTS; i++)
		w->project_owner[i] = -2;
}

static inline const char *worker_id(int worker)
{
	static char ids[WORKERS][ID_SIZE];

	snprintf(ids[worker], ID_SIZE, "%016d", 900000 + worker);
	return ids[worker];
}

/* The first people own the workers, more than one each. -1: nobody. */
static inline int payee_of(int worker)
{
	return worker < 0 || worker == STRANGE_WORKER ? -1 : worker % 5;
}

/* --- rules ------------------------------------------------------------------------------------------ */

static inline int world_register(struct world *w, const char *id, int64_t gift, bool bound)
{
	struct person *p = &w->people[w->people_count];

	if (gift > 0 && w->frozen)
		return STATUS_FAILED_PRECONDITION;
	if (gift > w->treasury)
		gift = 0;
	*p = (struct person){.balance = gift, .grant = bound ? gift : 0};
	text_copy(p->id, sizeof(p->id), id);
	snprintf(p->name, sizeof(p->name), "u%d", w->people_count);
	w->people_count++;
	w->treasury -= gift;
	w->seq += gift > 0;
	return 0;
}

static inline int world_move(struct world *w, int kind, int from, int to, int64_t amount)
{
	struct person *p = &w->people[from];
	int64_t has = p->balance - p->grant;

	if (amount <= 0 || amount > CPT_SUPPLY)
		return STATUS_INVALID_ARGUMENT;
	if (kind == TRANSFER && to >= w->people_count)
		return STATUS_NOT_FOUND;
	if (kind == TRANSFER && to == from)
		return STATUS_INVALID_ARGUMENT;
	if (kind != TRANSFER && w->project_owner[to] == -2)
		return STATUS_NOT_FOUND;
	if (kind == WITHDRAW && w->project_owner[to] != from)
		return STATUS_PERMISSION_DENIED;
	if (kind == WITHDRAW)
		has = w->project_balance[to];
	if (amount > has)
		return STATUS_RESOURCE_EXHAUSTED;
	if (w->frozen)
		return STATUS_FAILED_PRECONDITION;
	p->balance += kind == WITHDRAW ? amount : -amount;
	if (kind == TRANSFER)
		w->people[to].balance += amount;
	else
		w->project_balance[to] += kind == TIP ? amount : -amount;
	w->seq++;
	return 0;
}

static inline int world_submit(struct world *w, struct job *j, int owner, int64_t hold)
{
	struct person *p = &w->people[owner];

	if (hold < 0 || hold > CPT_SUPPLY)
		return STATUS_INVALID_ARGUMENT;
	if (p->balance < hold)
		return STATUS_RESOURCE_EXHAUSTED;
	if (hold > 0 && w->frozen)
		return STATUS_FAILED_PRECONDITION;
	j->exists = true;
	j->owner = owner;
	j->state = TASK_PENDING;
	j->worker = -1;
	j->each = hold;
	j->grant = hold < p->grant ? hold : p->grant;
	p->balance -= hold;
	p->grant -= j->grant;
	p->held += hold;
	w->seq += hold > 0;
	return 0;
}

static inline bool has_money(const struct job *j)
{
	return j->each > 0 && !j->settled;
}

/* Everything the task holds finds its place: charge to who ran it, the rest back. */
static inline void world_settle(struct world *w, struct job *j, int64_t charge)
{
	struct person *owner = &w->people[j->owner], *payee = NULL;
	int64_t grant_left;

	if (payee_of(j->worker) >= 0)
		payee = &w->people[payee_of(j->worker)];
	if (payee == NULL || payee == owner || charge < 0)
		charge = 0;
	if (charge > j->each)
		charge = j->each;
	grant_left = j->grant > charge ? j->grant - charge : 0;
	owner->balance += j->each - charge;
	owner->grant += grant_left < j->each - charge ? grant_left : j->each - charge;
	owner->held -= j->each;
	owner->spent += charge;
	if (payee != NULL) {
		payee->pending -= j->paid;
		payee->balance += charge;
		payee->earned += charge;
	}
	j->paid = 0;
	j->charged += charge;
	j->settled = true;
	j->unsettled = false;
	w->seq++;
}

static inline int world_lease(struct job *j, uint32_t epoch, int worker)
{
	if (!j->exists)
		return OUTCOME_GONE;
	if (j->state == TASK_RUNNING && j->epoch == epoch + 1 && j->worker == worker)
		return OUTCOME_DONE;
	if (j->state != TASK_PENDING || j->epoch != epoch)
		return OUTCOME_FENCED;
	j->state = TASK_RUNNING;
	j->epoch++;
	j->worker = worker;
	j->delivered = false;
	return OUTCOME_DONE;
}

/* Batches answer FROZEN when money that stands still ends them. */
#define FROZEN (-1)

static inline int world_tick(struct world *w, struct job *j, uint32_t epoch, int worker, int64_t due)
{
	int payee = payee_of(worker);
	int64_t more;

	if (!j->exists)
		return OUTCOME_GONE;
	if (j->state != TASK_RUNNING || j->epoch != epoch || j->worker != worker)
		return OUTCOME_FENCED;
	if (!has_money(j) || payee < 0 || payee == j->owner)
		return OUTCOME_DONE;
	more = (due < j->each ? due : j->each) - j->paid;
	if (more > 0 && w->frozen)
		return FROZEN;
	if (more > 0) {
		j->paid += more;
		w->people[payee].pending += more;
		w->seq++;
	}
	return due >= j->each ? OUTCOME_SPENT : OUTCOME_DONE;
}

/* One attempt is paid, the rest stays for the next. */
static inline void world_settle_again(struct world *w, struct job *j, int64_t charge)
{
	struct person *owner = &w->people[j->owner], *payee = NULL;

	if (payee_of(j->worker) >= 0)
		payee = &w->people[payee_of(j->worker)];
	if (payee == NULL || payee == owner || charge < 0)
		charge = 0;
	if (charge > j->each)
		charge = j->each;
	if (payee != NULL) {
		payee->pending -= j->paid;
		payee->balance += charge;
		payee->earned += charge;
	}
	w->seq += j->paid > 0 || charge > 0;
	owner->held -= charge;
	owner->spent += charge;
	j->each -= charge;
	j->grant -= j->grant < charge ? j->grant : charge;
	j->paid = 0;
	j->charged += charge;
}

static inline int world_done(struct world *w, struct job *j, uint32_t epoch, int worker, int failure,
                             int64_t charge, int most_again)
{
	bool again = failure == FAILURE_USER_EXIT && j->state == TASK_RUNNING && j->agains < most_again;

	if (!j->exists)
		return OUTCOME_GONE;
	if (j->epoch != epoch || j->worker != worker)
		return OUTCOME_FENCED;
	if (j->delivered)
		return j->delivered_failure != failure  ? OUTCOME_CONFLICT
		       : j->state == TASK_PENDING ? OUTCOME_AGAIN
		                                  : OUTCOME_DONE;
	if (j->state != TASK_RUNNING && j->state != TASK_STOPPED)
		return OUTCOME_FENCED;
	if (has_money(j) && w->frozen)
		return FROZEN;
	if (has_money(j) && again)
		world_settle_again(w, j, charge);
	else if (has_money(j))
		world_settle(w, j, charge);
	j->delivered = true;
	j->delivered_failure = failure;
	if (again) {
		j->agains++;
		j->state = TASK_PENDING;
		return OUTCOME_AGAIN;
	}
	if (j->state == TASK_STOPPED)
		return OUTCOME_DONE;
	j->state = failure == 0 ? TASK_COMPLETED : TASK_FAILED;
	j->failure = failure;
	return OUTCOME_DONE;
}

static inline int world_requeue(struct world *w, struct job *j, uint32_t epoch, bool loss)
{
	int losses = j->losses + loss;
	bool gives_up = loss && losses > LOSSES_MAX, all_back = j->state == TASK_STOPPED || gives_up;

	if (!j->exists)
		return OUTCOME_GONE;
	if (j->epoch != epoch)
		return OUTCOME_FENCED;
	if (j->state == TASK_PENDING)
		return OUTCOME_DONE;
	if (j->state == TASK_FAILED && j->failure == FAILURE_INFRA)
		return OUTCOME_FAILED;
	if (j->state != TASK_RUNNING && j->state != TASK_STOPPED)
		return OUTCOME_FENCED;
	if (has_money(j) && w->frozen && (all_back || j->paid > 0))
		return FROZEN;
	if (has_money(j) && all_back) {
		world_settle(w, j, 0);
	} else if (j->paid > 0 && !all_back) {
		w->people[payee_of(j->worker)].pending -= j->paid;
		j->paid = 0;
		w->seq++;
	}
	if (j->state == TASK_STOPPED)
		return OUTCOME_FENCED;
	j->losses = losses;
	j->state = gives_up ? TASK_FAILED : TASK_PENDING;
	j->failure = gives_up ? FAILURE_INFRA : 0;
	return gives_up ? OUTCOME_FAILED : OUTCOME_DONE;
}

static inline int world_stop(struct world *w, struct job *j, int account)
{
	if (!j->exists || (account >= 0 && account != j->owner))
		return STATUS_NOT_FOUND;
	if (j->state > TASK_RUNNING)
		return 0;
	if (j->state == TASK_PENDING && has_money(j)) {
		if (w->frozen)
			return STATUS_FAILED_PRECONDITION;
		world_settle(w, j, 0);
	}
	j->unsettled = has_money(j);
	j->state = TASK_STOPPED;
	return 0;
}

static inline int world_fail(struct world *w, struct job *j, int failure)
{
	if (!j->exists)
		return OUTCOME_GONE;
	if (j->state == TASK_FAILED && j->failure == failure)
		return OUTCOME_DONE;
	if (j->state != TASK_PENDING)
		return OUTCOME_FENCED;
	if (has_money(j) && w->frozen)
		return FROZEN;
	if (has_money(j))
		world_settle(w, j, 0);
	j->state = TASK_FAILED;
	j->failure = failure;
	return OUTCOME_DONE;
}

static inline int world_refund(struct world *w, struct job *j)
{
	if (!j->exists)
		return OUTCOME_GONE;
	if (j->state != TASK_STOPPED)
		return OUTCOME_FENCED;
	if (has_money(j) && w->frozen)
		return FROZEN;
	if (has_money(j))
		world_settle(w, j, 0);
	return OUTCOME_DONE;
}

static inline int world_remove(struct job *j, int account)
{
	if (!j->exists || (account >= 0 && account != j->owner))
		return STATUS_NOT_FOUND;
	if (j->state <= TASK_RUNNING || j->unsettled)
		return STATUS_FAILED_PRECONDITION;
	j->exists = false;
	return 0;
}

#endif
