/* test/bench/transfers.c - transfers a second through the store with `appendfsync always`, many under way at
 * once, and how fast `ledger verify` replays them. HIVEMIND_BENCH_TRANSFERS: how many (100,000 when unset).
 */
#include "test/store/asking.h"

#include "store/ledger.h"
#include "store/ledger_verify.h"

#define ACCOUNTS 1000
#define UNDER_WAY 512
#define WANTED 10000
#define WANTED_VERIFY 200000

static struct slot {
	struct store_req req;
} slots[UNDER_WAY];

static long count, started, ended, failed;
static bool all_done;

static void next(struct slot *s);

static void on_moved(struct store_req *req)
{
	struct slot *s = container_of(req, struct slot, req);

	failed += req->error.status != 0;
	store_req_release(req);
	if (++ended == count)
		all_done = true;
	else if (started < count)
		next(s);
}

static void next(struct slot *s)
{
	char from[ID_SIZE], to[16], call[24];

	snprintf(from, sizeof(from), "%016ld", started % ACCOUNTS);
	snprintf(to, sizeof(to), "u%ld",
	         (started * 7 + 1) % ACCOUNTS == started % ACCOUNTS ? (started + 1) % ACCOUNTS
	                                                            : (started * 7 + 1) % ACCOUNTS);
	snprintf(call, sizeof(call), "t%ld", started++);
	s->req = (struct store_req){.on_done = on_moved};
	store_transfer(real.store, &s->req, from, to, 3, call, NOW);
}

static void join_all(void)
{
	for (int i = 0; i < ACCOUNTS; i++) {
		char id[ID_SIZE], name[16];
		const struct registration r = {
		    .id = id, .name = name, .password = "x", .call_id = "", .gift_mcpt = 1000 * CPT_GIFT};

		snprintf(id, sizeof(id), "%016d", i);
		snprintf(name, sizeof(name), "u%d", i);
		store_register(real.store, ask_(), &r);
		ok();
	}
}

int main(void)
{
	const char *wanted = getenv("HIVEMIND_BENCH_TRANSFERS");
	struct verify_report report;
	struct error err;
	int64_t begin;
	double rate, verified;

	count = wanted != NULL ? atol(wanted) : 100000;
	start(NULL);
	join_all();
	begin = clock_us();
	for (int i = 0; i < UNDER_WAY && started < count; i++)
		next(&slots[i]);
	while (!all_done)
		uv_run(&real.loop.uv, UV_RUN_ONCE);
	rate = (double)count * 1e6 / (double)(clock_us() - begin);
	ledger_verify(&real.address, &report, &err);
	verified = (double)report.records / report.seconds;
	printf("transfers, appendfsync always, %d under way: %.0f/s (wanted: %d); %ld refused\n", UNDER_WAY,
	       rate, WANTED, failed);
	printf("ledger verify: %.0f records/s (wanted: %d): %s\n", verified, WANTED_VERIFY,
	       err.status == 0 ? "right" : err.text);
	end(NULL);
	return err.status == 0 && failed == 0 && rate >= WANTED && verified >= WANTED_VERIFY ? 0 : 1;
}
