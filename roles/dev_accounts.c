/* roles/dev_accounts.c - the two accounts of dev. Nobody pays oneself: "dev" has the
 * tasks, "lender" the workers. */
#include <stdio.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "roles/dev_home.h"
#include "roles/dev_machine.h"

static void register_account(struct dev *d, const char *name);

/* "dev" first, then "lender". */
static char *token_of(struct dev *d)
{
	return d->has_dev ? d->lender_token : d->token;
}

static void on_registered(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct dev *d = container_of(call, struct dev, call);
	const Pb__Session *session = (const Pb__Session *)out;

	text_copy(token_of(d), sizeof d->token, session->token);
}

static void on_register_done(struct grpc_call *call, const struct error *err)
{
	struct dev *d = container_of(call, struct dev, call);
	struct error mine = *err;
	char line[140];

	if (d->ending)
		return;
	snprintf(line, sizeof line, "%s\n", token_of(d));
	if (mine.status == 0)
		dev_home_write(d, d->has_dev ? "worker-token" : "token", line, &mine);
	wipe(line, sizeof line);
	if (mine.status != 0) {
		dev_fail(d, &mine);
	} else if (!d->has_dev) {
		d->has_dev = true;
		register_account(d, "lender");
	} else {
		grpc_channel_set_token(d->channel, d->token);
		dev_start_workers(d);
		if (d->options.master && !d->ending)
			dev_start_master(d);
	}
}

/* Nobody needs its password: the token is in a file. */
static void register_account(struct dev *d, const char *name)
{
	Pb__RegisterRequest request = PB__REGISTER_REQUEST__INIT;
	char password[2 * ID_SIZE], id[ID_SIZE];

	d->call = (struct grpc_call){.method = &rpc_methods[RPC_REGISTER], .timeout_ms = CONNECT_TIMEOUT_MS,
				     .on_message = on_registered, .on_done = on_register_done};
	random_id(password);
	random_id(password + ID_LENGTH);
	random_id(id);
	request.name = (char *)name;
	request.password = password;
	request.call_id = id;
	grpc_call_unary(d->channel, &d->call, &request.base);
	wipe(password, sizeof password);
}

/* Two, because nobody pays oneself: the one has the tasks, the other the workers. */
void dev_register_accounts(struct dev *d)
{
	struct endpoint pool;
	struct error err;

	step_to(&d->step, ACCOUNT, "dev");
	if (endpoint_parse(&pool, d->pool_address, &err) != 0) {
		dev_fail(d, &err);
		return;
	}
	d->channel = grpc_channel_new(&d->loop, &pool);
	register_account(d, "dev");
}
