/* exec/intake.c - one pass over a tar: the strict reader, the hash and the temporary
 * file each see every byte. It ends at the first thing that one of them refuses, with
 * words that begin with what was being read. */
#define _GNU_SOURCE
#include "exec/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/manifest.h"
#include "exec/visible.h"
#include "net/file.h"
#include "proto/limits.h"
#include "proto/status.h"

static int note_entry(void *user, const struct tar_entry *entry, struct error *err)
{
	struct intake *in = user;
	struct bundle *b = in->bundle;

	if (entry->directory) {
		b->directories++;
		return 0;
	}
	b->files++;
	b->content += entry->size;
	in->in_manifest = strcmp(entry->name, MANIFEST_NAME) == 0;
	b->has_manifest |= in->in_manifest;
	b->has_image_tar |= strcmp(entry->name, "image.tar") == 0;
	in->has_run_sh |= strcmp(entry->name, "run.sh") == 0;
	in->has_main_py |= strcmp(entry->name, "main.py") == 0;
	if (in->in_manifest && entry->size > MANIFEST_MAX)
		return error_set(err, STATUS_INVALID_ARGUMENT, "%s has more than 1 MiB", MANIFEST_NAME);
	return 0;
}

static int note_data(void *user, const void *data, size_t n, struct error *err)
{
	struct intake *in = user;

	(void)err;
	if (in->in_manifest)
		buf_append(&in->manifest, data, n);
	return 0;
}

static int note_end(void *user, struct error *err)
{
	(void)err;
	((struct intake *)user)->in_manifest = false;
	return 0;
}

void intake_init(struct intake *in, struct bundle *b, const char *name)
{
	struct tar_reader_events events = {note_entry, note_data, note_end, in};

	*in = (struct intake){.bundle = b, .name = name, .to = -1};
	in->reader = tar_reader_new(&events, BUNDLE_MAX);
	sha256_init(&in->sha256);
}

void intake_release(struct intake *in)
{
	tar_reader_free(in->reader);
	buf_release(&in->manifest);
}

void intake_progress(struct intake *in, size_t n)
{
	in->read += n;
	if (in->progress != NULL)
		in->progress(in->user, in->read);
}

int intake_keep(struct intake *in, struct error *err)
{
	const char *folder = getenv("TMPDIR");
	char path[512];
	int n;

	if (folder == NULL || folder[0] == '\0')
		folder = "/tmp";
	in->to = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (in->to < 0) {
		n = snprintf(path, sizeof path, "%s/hivemind-XXXXXX", folder);
		in->to = n > 0 && (size_t)n < sizeof path ? mkostemp(path, O_CLOEXEC) : -1;
		if (in->to >= 0)
			unlink(path);
	}
	if (in->to < 0)
		return error_set(err, status_from_errno(errno), "cannot make a temporary file in %s: %s",
				 folder, strerror(errno));
	in->bundle->fd = in->to;
	return 0;
}

static int write_piece(int fd, const void *data, size_t n, struct error *err)
{
	if (file_write_all(fd, data, n) == 0)
		return 0;
	error_set(err, status_from_errno(errno), "cannot write the temporary file: %s", strerror(errno));
	return errno == ENOSPC ? error_hint(err, "set TMPDIR to a place with more room")
	       : err != NULL   ? err->status
			       : STATUS_UNKNOWN;
}

/* Put the name of what is read before the words. */
static int name_it(struct intake *in, int status, struct error *err)
{
	struct error plain;
	char shown[160];

	if (status == 0 || err == NULL)
		return status;
	plain = *err;
	text_visible(shown, sizeof shown, in->name, strlen(in->name));
	error_set(err, status, "%s: %s", shown, plain.text);
	memcpy(err->hint, plain.hint, sizeof err->hint);
	return status;
}

int intake_put(struct intake *in, const void *data, size_t n, struct error *err)
{
	int status = name_it(in, tar_reader_feed(in->reader, data, n, err), err);

	if (status != 0)
		return status;
	in->bundle->size += n;
	if (in->bundle->size > BUNDLE_MAX)
		return error_set(err, STATUS_RESOURCE_EXHAUSTED, "%s: a bundle may have at most 64 GiB",
				 in->name);
	sha256_update(&in->sha256, data, n);
	return in->to >= 0 ? write_piece(in->to, data, n, err) : 0;
}

int intake_end(struct intake *in, struct error *err)
{
	int status = name_it(in, tar_reader_end(in->reader, err), err);

	if (status == 0 && in->bundle->files + in->bundle->directories == 0) {
		status = error_set(err, STATUS_INVALID_ARGUMENT, "%s: there are no files in it", in->name);
		error_hint(err, "put a run.sh or a main.py there; \"hivemind init\" writes one to begin with");
	}
	if (status == 0)
		sha256_hex(&in->sha256, in->bundle->sha256);
	return status;
}
