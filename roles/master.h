/* roles/master.h - the requester's own page and JSON API, on this machine: http://127.0.0.1:5001.
 *
 *   master.c      bring-up and down, options                 api.h        the JSON API
 *   identity.h    whom the pool takes a browser for          event_hub.h  what changes, for every browser
 *
 * It keeps nothing: everything is the pool's, asked for when it is wanted. */
#ifndef ROLES_MASTER_H
#define ROLES_MASTER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/endpoint.h"
#include "net/loop.h"
#include "proto/error.h"
#include "roles/credentials.h"
#include "roles/identity.h"
#include "roles/trust.h"
#include "ui/http.h"
#include "ui/options.h"

struct result_index;

struct master {
	struct loop loop;
	struct globals globals;
	const char *listen, *port_file, *key_file; /* options */
	int64_t ready_fd, patience_ms;
	struct http_times times; /* with clients */
	bool open_browser, ending;

	struct endpoint pool, at;
	char pool_text[300];          /* "pool.example:50051" */
	char at_text[300], address[400]; /* "127.0.0.1:5001"; what was printed last, with its key */
	char api_key[2 * ID_SIZE + 8];   /* of programs: Authorization: Bearer; "" = none */
	struct trust trust;
	struct http_server *http;
	struct identity *first;       /* the person's */
	struct identity *identities;  /* list: first, then those that signed in */
	int open_channels;
	struct result_index *results; /* results whose files are known: roles/api_files.c */
	int64_t started_ms;
	struct timer lag;             /* each second: how late is the loop? */
	int64_t lag_due_ms;
};

/* Print an address with a fresh one-time key behind these words; m->address is it. */
void master_say_address(struct master *m, const char *words);

#endif
