/* net/known_pools.h - the pools that a person has said yes to, as ssh keeps known_hosts.
 *
 * A text file, 0600, one pool a line, which people may edit; lines that begin with # are theirs:
 *
 *     pool.example.org:50051 sha256:5f70bf18a0860070...
 *
 * Several processes may add at once. Adding blocks for an fsync. */
#ifndef NET_KNOWN_POOLS_H
#define NET_KNOWN_POOLS_H

#include "proto/error.h"

/* The pin of endpoint ("HOST:PORT", as endpoint_text() writes it). NOT_FOUND: it is not known, or there is no
 * file yet. DATA_LOSS: its line cannot be read. Otherwise as secret_file_read(). */
int known_pools_find(const char *file, const char *endpoint, char pin[65], struct error *err);

/* Remember it. 0 also when it stands there already. UNAUTHENTICATED: another key stands there; the words
 * name both, and nothing is changed. */
int known_pools_add(const char *file, const char *endpoint, const char *pin, struct error *err);

#endif
