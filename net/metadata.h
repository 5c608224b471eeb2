/* net/metadata.h - the fields of a call that belong to its application, both ways.
 *
 * Fields of HTTP/2 and of gRPC itself are not among them. A name that ends in "-bin" has bytes for a value,
 * base64 on the wire only; of any other the value is text. A call without such fields costs nothing here;
 * METADATA_MAX and METADATA_FIELDS_MAX bound what comes, METADATA_SEND_MAX what is sent. */
#ifndef NET_METADATA_H
#define NET_METADATA_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>

#include "net/arena.h"

/* Before the messages, or with the status that ends the call. */
enum metadata_place { METADATA_INITIAL, METADATA_TRAILING };

struct metadata {
	const char *name; /* lower case */
	const void *value;
	size_t n; /* bytes of value; a zero byte that does not count follows those that came */
	enum metadata_place place;
	struct metadata *next;
};

/* The first field of that name and place; more of the same name follow at ->next. NULL = none. */
const struct metadata *metadata_find(const struct metadata *list, enum metadata_place place,
                                     const char *name);

/* --- for the two ends of a call ---------------------------------------------------------------- */

/* A field came: keep it at the end of the list if it is the application's. */
void metadata_keep(struct metadata **list, struct arena *a, enum metadata_place place, const char *name,
                   size_t name_n, const char *value, size_t value_n);

/* Append a copy, to be sent. False: too many, or no name or value that may be sent. */
bool metadata_add(struct metadata **list, struct arena *a, const struct metadata *m);

/* Those of that place as fields; returns their number, METADATA_SEND_MAX at most. The text lies in a. */
size_t metadata_fields(const struct metadata *list, enum metadata_place place, struct arena *a,
                       nghttp2_nv *fields);

#endif
