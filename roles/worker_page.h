/* roles/worker_page.h - the owner's page of a worker, http://127.0.0.1:5000, and what the owner has set
 * there.
 *
 *   worker_page.c       up and down; what was set counts  worker_page_rows.c  its JSON API, a row for a route
 *   worker_page_look.c  a look each second                worker_page_api.c   a function for a row
 *   worker_policy.h     what may run, and when            worker_page_view.c  its state as JSON
 *   worker_history.h    what has run                      worker_doctor.h     the checks of hivemind doctor
 *
 * The look is there without a page too: hours, battery and use of the machine count all the same. */
#ifndef ROLES_WORKER_PAGE_H
#define ROLES_WORKER_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/grpc_client.h"
#include "net/loop.h"
#include "roles/api_table.h"
#include "roles/worker_doctor.h"
#include "roles/worker_history.h"
#include "roles/worker_policy.h"
#include "ui/http.h"
#include "ui/series.h"

struct worker;
struct attempt;
struct page_listener;

#define PAGE_EARNINGS_MAX 50
#define PAGE_TICK_MS 1000

/* The series that are kept: DATA/series. */
enum worker_series {
	WORKER_CPUS, WORKER_MEMORY, WORKER_TASKS, WORKER_ON,
	WORKER_EARNED,    /* CPT, ever */
	WORKER_COMPLETED, /* tasks, since the value before */
	WORKER_SERIES
};

/* What the pool says, asked for each minute. */
struct worker_earnings {
	bool known;
	int64_t settled_mcpt, pending_mcpt, at_ms;
	size_t count;
	struct {
		char task[TASK_ID_SIZE];
		int64_t pending_mcpt;
	} tasks[PAGE_EARNINGS_MAX];
	char error[200]; /* why they are not known */
};

struct worker_page {
	struct worker *worker;
	struct worker_resources most;   /* what the options lend */
	struct worker_policy policy;
	struct surroundings here;
	char reason[200];               /* why no new task is taken, by the policy; "" = they are */
	struct timer tick;              /* the look */
	int64_t tick_ms;
	double cpus_now;                /* cores that our tasks have used in the last second */
	uint64_t memory_now;            /* most bytes that those that run have used */
	struct work save;               /* the policy to its file */
	struct buf saving;
	bool is_saving, save_again;
	struct worker_history history;
	struct series series;
	unsigned completed;             /* tasks, since they were recorded last */
	bool has_beginning;             /* of what is earned */

	struct http_server *http;       /* NULL = no page */
	struct http_route *routes;
	char at_text[64], address[140], key[80]; /* "127.0.0.1:5000"; with its one-time key; of programs */
	struct page_listener *listeners; /* browsers */
	struct buf said;                /* the state as they know it */
	struct grpc_call call;          /* Earnings */
	bool is_asking;
	int64_t asked_ms;
	struct worker_earnings earnings;
	struct worker_doctor doctor;
	void (*closed)(struct worker_page *p);
};

/* The policy of an earlier time, history and series: before the loop runs, when what is lent is known. */
void worker_page_prepare(struct worker_page *p, struct worker *w);
/* Listen (unless --page off) and print the address. A port that is taken is said, and is no reason to end. */
void worker_page_open(struct worker_page *p);
/* closed() comes once. After the bulk channel. */
void worker_page_close(struct worker_page *p, void (*closed)(struct worker_page *p));
/* After the loop. */
void worker_page_release(struct worker_page *p);

/* An attempt has ended here; a lease was refused. */
void worker_page_ended(struct worker_page *p, const struct attempt *a);
void worker_page_refused(struct worker_page *p, const char *task, uint32_t epoch, const char *reason);

/* --- private to its files ------------------------------------------------------------------------ */

/* The policy has another content: it takes effect, is written down and told. */
void worker_page_changed(struct worker_page *p);
void worker_page_listen(struct worker_page *p, struct http_request *r); /* GET /events */
void worker_page_tell(struct worker_page *p);     /* browsers, if the state is another */
void worker_page_judge(struct worker_page *p);    /* may tasks run now, by the policy? */
void worker_page_on_tick(struct timer *tick);     /* the look */
void worker_page_check(struct worker_page *p);    /* something that ran beside it is over */
void worker_page_say_address(struct worker_page *p, const char *words);
void worker_status_json(struct json *j, const struct worker_page *p);
extern const struct api_table worker_page_table;
extern const struct http_file worker_page_files[];
extern const size_t worker_page_file_count;

#endif
