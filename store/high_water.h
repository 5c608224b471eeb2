/* store/high_water.h - the last record of the ledger that this pool has seen, on the pool's own disk.
 *
 * A Redis that comes back older than this (restored from a copy, a lost disk) has lost transfers that people
 * were told of. The file is one line, "SEQ CHAIN", replaced whole and fsynced off the loop; notes within 100
 * ms go into one write. Used by store/ledger_guard.c. */
#ifndef STORE_HIGH_WATER_H
#define STORE_HIGH_WATER_H

#include "net/loop.h"
#include "proto/error.h"

struct mark {
	uint64_t seq; /* 0 = none */
	char chain[41];
};

struct high_water {
	char path[4096];
	struct mark kept;   /* on the disk */
	struct error error; /* of the last write: status 0 = it stands there */
	/* private */
	struct loop *loop;
	struct mark wanted, writing;
	struct work work;
	struct timer later;
	bool busy, closing;
	void (*closed)(struct high_water *);
};

/* Reads the file. DATA_LOSS: it is not what we write. None is none. */
int high_water_open(struct high_water *h, struct loop *loop, const char *path, struct error *err);
void high_water_note(struct high_water *h, uint64_t seq, const char *chain);
/* Writes what was noted last; then closed() comes. */
void high_water_close(struct high_water *h, void (*closed)(struct high_water *));

#endif
