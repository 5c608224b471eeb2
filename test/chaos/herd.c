/* test/chaos/herd.c - many workers in one process: what they say to the pool, and nothing that runs. herd JOIN COUNT; the
 * token is in HIVEMIND_TOKEN.
 *
 * Each has a connection and a TLS session of its own, takes one task, says that it executes, and beats each second. Who
 * loses the pool comes back as roles/worker_link.c does: full jitter from 0.25 to 2 s, then Hello with what it has.
 *
 * A line for each event of one of them: "MICROSECONDS linked|lease|lost|kill|late", in CLOCK_BOOTTIME; late: no Ack for 5 s. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/grpc_client.h"
#include "net/loop.h"
#include "net/memory.h"
#include "net/tls.h"
#include "proto/id.h"
#include "proto/limits.h"

#include "hivemind.pb-c.h"

#define WAIT_FIRST_MS 250
#define WAIT_LONGEST_MS 2000 /* of one that has a task */
#define GATHER_MS 15 /* at the beginning they come one after another: that is not what is measured */
#define LATE_MS 5000

struct sheep {
	char id[ID_SIZE], name[24], task[TASK_ID_SIZE];
	uint32_t epoch;
	struct grpc_channel *channel;
	struct grpc_call call;
	struct timer timer; /* the next beat, or the next try */
	bool open, linked;
	unsigned tries;
	uint64_t seq;
	int64_t acked_ms;
};

static struct loop loop;
static Pb__Resources offered = PB__RESOURCES__INIT;

static void tell(const char *what)
{
	printf("%lld %s\n", (long long)clock_us(), what);
}

static size_t refer(struct sheep *s, Pb__AttemptRef *ref, Pb__AttemptRef **refs)
{
	pb__attempt_ref__init(ref);
	ref->task = s->task;
	ref->epoch = s->epoch;
	ref->phase = PB__TASK_PHASE__EXECUTING;
	*refs = ref;
	return s->epoch > 0 ? 1 : 0;
}

static void say(struct sheep *s, int kind, void *body)
{
	Pb__WorkerMessage m = PB__WORKER_MESSAGE__INIT;

	m.kind_case = (Pb__WorkerMessage__KindCase)kind;
	m.hello = body; /* of the union */
	grpc_call_send(&s->call, &m.base);
}

static void say_hello(struct sheep *s)
{
	Pb__Hello hello = PB__HELLO__INIT;
	Pb__Host host = PB__HOST__INIT;
	Pb__AttemptRef ref, *refs;
	static char text[] = "docker", empty[] = "";

	host.name = s->name;
	host.engine = text;
	host.offered = &offered;
	hello.worker = s->id;
	hello.name = s->name;
	hello.host = &host;
	hello.not_ready = empty;
	hello.n_attempts = refer(s, &ref, &refs);
	hello.attempts = &refs;
	say(s, PB__WORKER_MESSAGE__KIND_HELLO, &hello);
}

static void beat(struct sheep *s)
{
	Pb__Heartbeat heartbeat = PB__HEARTBEAT__INIT;
	Pb__AttemptRef ref, *refs;

	heartbeat.seq = ++s->seq;
	heartbeat.n_attempts = refer(s, &ref, &refs);
	heartbeat.attempts = &refs;
	say(s, PB__WORKER_MESSAGE__KIND_HEARTBEAT, &heartbeat);
}

static void take(struct sheep *s, const Pb__Lease *lease)
{
	Pb__Progress progress = PB__PROGRESS__INIT;

	text_copy(s->task, sizeof s->task, lease->task);
	s->epoch = lease->epoch;
	progress.task = s->task;
	progress.epoch = s->epoch;
	progress.phase = PB__TASK_PHASE__EXECUTING;
	progress.time_ms = clock_wall_ms();
	say(s, PB__WORKER_MESSAGE__KIND_PROGRESS, &progress);
	tell("lease");
}

static void on_message(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct sheep *s = container_of(call, struct sheep, call);
	const Pb__PoolMessage *m = (const Pb__PoolMessage *)out;

	s->acked_ms = clock_ms();
	if (m->kind_case == PB__POOL_MESSAGE__KIND_WELCOME) {
		s->linked = true;
		s->tries = 0;
		timer_set(&s->timer, HEARTBEAT_MS);
		tell("linked");
	} else if (m->kind_case == PB__POOL_MESSAGE__KIND_LEASE) {
		take(s, m->lease);
	} else if (m->kind_case == PB__POOL_MESSAGE__KIND_VERDICT && m->verdict->word == PB__VERDICT__WORD__KILL) {
		s->epoch = 0;
		tell("kill");
	}
}

static void on_done(struct grpc_call *call, const struct error *e)
{
	struct sheep *s = container_of(call, struct sheep, call);
	uint64_t longest = WAIT_FIRST_MS;

	if (s->linked)
		tell("lost");
	else if (s->tries < 3)
		fprintf(stderr, "%s\n", e->text);
	s->open = s->linked = false;
	for (unsigned i = 0; i < s->tries && longest < WAIT_LONGEST_MS; i++)
		longest *= 2;
	s->tries++;
	timer_set(&s->timer, 1 + random_below((uint32_t)(longest < WAIT_LONGEST_MS ? longest : WAIT_LONGEST_MS)));
}

static void greet(struct sheep *s)
{
	s->call = (struct grpc_call){.method = &rpc_methods[RPC_LINK], .on_message = on_message, .on_done = on_done};
	s->open = true;
	grpc_call_start(s->channel, &s->call);
	say_hello(s);
}

static void on_timer(struct timer *timer)
{
	struct sheep *s = container_of(timer, struct sheep, timer);

	if (!s->open) {
		greet(s);
		return;
	}
	if (clock_ms() - s->acked_ms > LATE_MS)
		tell("late");
	beat(s);
	timer_set(&s->timer, HEARTBEAT_MS);
}

static void sheep_init(struct sheep *s, int i, const struct endpoint *to)
{
	struct tls_config *tls;
	struct error err;

	random_id(s->id);
	snprintf(s->name, sizeof s->name, "herd-%d", i);
	if (tls_config_client(&tls, to->host, to->pin, NULL, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	s->channel = grpc_channel_new(&loop, to);
	grpc_channel_set_tls(s->channel, tls);
	grpc_channel_set_token(s->channel, getenv("HIVEMIND_TOKEN"));
	timer_init(&loop, &s->timer, on_timer);
	timer_set(&s->timer, 1 + (uint64_t)i * GATHER_MS);
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 0;
	struct sheep *herd = xcalloc((size_t)count + 1, sizeof *herd);
	struct endpoint to;
	struct error err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (count == 0 || endpoint_parse(&to, argv[1], &err) != 0) {
		fprintf(stderr, "herd JOIN COUNT\n");
		return 2;
	}
	offered.milli_cpus = 1000;
	offered.memory = offered.disk = 1ull << 30;
	loop_init(&loop);
	for (int i = 0; i < count; i++)
		sheep_init(&herd[i], i, &to);
	loop_run(&loop);
	return 0;
}
