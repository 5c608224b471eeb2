/* exec/tar.h - a strict tar reader and a plain tar writer; both take and give bytes and do no I/O.
 *
 * Reader: POSIX ustar with pax `path` and `size` and GNU long names, regular files and directories only.
 * It is fed bytes as they come, in pieces of any size, and calls back for each entry and each piece of
 * data. It refuses, each with a sentence of its own that names the entry: absolute names, `..`, empty and
 * NUL and newline names, symbolic and hard links, devices, FIFOs, sparse files, unknown types, duplicate
 * names (also a file where a directory is), more than ARCHIVE_ENTRIES_MAX entries (a directory that only a
 * name implies is one), ARCHIVE_DEPTH_MAX levels, long names, control characters, files of more than
 * max_bytes together (RESOURCE_EXHAUSTED; all else is INVALID_ARGUMENT), pax records that override what may
 * not be overridden, bad checksums, an archive that ends early or goes on after its end, and compressed input
 * (says which). "./" itself is passed over and is no entry; an archive may have no entry at all
 * (tar_reader_entries() is 0): whether that will do is for the caller to say. Mode bits are masked to 0755
 * for directories and executables, 0644 else. Nothing else of a header is kept.
 *
 * Writer: ustar, pax `path` and `size` only where they are needed; owner, group and times are zero: the same
 * files always give the same bytes. */
#ifndef EXEC_TAR_H
#define EXEC_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/buf.h"
#include "proto/error.h"

struct tar_entry {
	const char *name; /* without leading "./" and trailing "/"; valid during the callback */
	bool directory;
	bool executable;
	uint64_t size;
};

struct tar_reader;

struct tar_reader_events {
	/* An entry begins. Return 0 or a status with words to refuse the archive. */
	int (*on_entry)(void *user, const struct tar_entry *entry, struct error *err);
	/* A piece of the current file, in order. */
	int (*on_data)(void *user, const void *data, size_t n, struct error *err);
	/* The current entry is complete. */
	int (*on_entry_end)(void *user, struct error *err);
	void *user;
};

/* events' functions may be NULL: then the archive is only checked. max_bytes: of all file data together. */
struct tar_reader *tar_reader_new(const struct tar_reader_events *events, uint64_t max_bytes);
int tar_reader_feed(struct tar_reader *t, const void *data, size_t n, struct error *err);
int tar_reader_end(struct tar_reader *t, struct error *err); /* is it complete? */
uint64_t tar_reader_entries(const struct tar_reader *t);

/* What is wrong with one part of a name ("leads out of the archive (..)"); NULL = nothing. What is packed
 * keeps the same rule, so that it can be unpacked. */
const char *tar_component_fault(const char *component, size_t n);
void tar_reader_free(struct tar_reader *t);

/* Append the header (and pax record) of an entry to out. After a file's data comes tar_pad(size) zero bytes.
 */
int tar_write_header(struct buf *out, const struct tar_entry *entry, struct error *err);
size_t tar_pad(uint64_t size);       /* 0 to 511 */
void tar_write_end(struct buf *out); /* two zero blocks */

#endif
