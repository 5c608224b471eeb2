/* store/transfer.h - one transfer. Its record, which the ledger keeps for ever, is one line:
 *
 *   SEQ ID KIND MS TASK EPOCH WALL_MS RATE_NCPT START_MCPT CHARGE GRANT LEGS  DEBIT CREDIT AMOUNT  ...
 *
 * TASK is - when there is none. CHARGE is what an attempt has cost, of settle; GRANT how much of the
 * money of the last leg pays for tasks only. */
#ifndef STORE_TRANSFER_H
#define STORE_TRANSFER_H

#include <stdint.h>

#include "proto/error.h"

#define TRANSFER_LEGS_MAX 8
#define TRANSFER_WORD_MAX 160 /* of an id or an account's name */

struct transfer_leg {
	const char *debit, *credit;
	int64_t amount;
};

/* Its texts lie in the line that was parsed. */
struct transfer {
	uint64_t seq;
	const char *id, *kind, *task;
	uint32_t epoch;
	int64_t time_ms, wall_ms, rate_ncpt, start_mcpt, charge, grant;
	struct transfer_leg legs[TRANSFER_LEGS_MAX];
	int leg_count;
};

/* Splits text in place. DATA_LOSS: it is no record. */
int transfer_parse(struct transfer *t, char *text, struct error *err);

#endif
