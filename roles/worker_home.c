/* roles/worker_home.c - directories, a lock that the kernel lets go of when we die, and
 * a file with 16 letters. */
#include "roles/worker_home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/clock.h"
#include "proto/status.h"
#include "roles/worker_restore.h"

int make_directories(const char *path, struct error *err)
{
	char part[512];

	text_copy(part, sizeof part, path);
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(part, 0755); /* the last one tells whether this went well */
		*slash = '/';
	}
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return error_set(err, status_from_errno(errno), "cannot make the directory %s: %s", path, strerror(errno));
}

static void choose_data(struct worker *w)
{
	const char *given = w->options.data != NULL ? w->options.data : getenv("STATE_DIRECTORY");
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (given != NULL)
		text_copy(w->data, sizeof w->data, given);
	else if (state != NULL && state[0] != '\0')
		snprintf(w->data, sizeof w->data, "%s/hivemind/worker", state);
	else
		snprintf(w->data, sizeof w->data, "%s/.local/state/hivemind/worker", home != NULL ? home : "");
}

/* The engine is told these paths: they must not depend on our working directory. */
static int make_absolute(struct worker *w, struct error *err)
{
	char *path = realpath(w->data, NULL);

	if (path == NULL || strlen(path) >= sizeof w->data) {
		free(path);
		return error_set(err, STATUS_INVALID_ARGUMENT, "the data directory %s has no usable path", w->data);
	}
	text_copy(w->data, sizeof w->data, path);
	free(path);
	return 0;
}

static int take_lock(struct worker *w, struct error *err)
{
	char path[400];

	snprintf(path, sizeof path, "%s/lock", w->data);
	w->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (w->lock < 0)
		return error_set(err, status_from_errno(errno), "cannot write to the data directory %s: %s", w->data,
				 strerror(errno));
	if (flock(w->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	error_set(err, STATUS_ABORTED, "another worker uses the data directory %s", w->data);
	return error_hint(err, "give each worker of a machine its own: --data DIR");
}

static int make_id(struct worker *w, const char *path, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok;

	random_id(w->id);
	ok = fd >= 0 && dprintf(fd, "%s\n", w->id) == ID_LENGTH + 1 && fsync(fd) == 0;
	if (!ok)
		error_set(err, status_from_errno(errno), "cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok ? 0 : err->status;
}

static int find_id(struct worker *w, struct error *err)
{
	char path[400], text[ID_SIZE] = "";
	int fd;

	snprintf(path, sizeof path, "%s/worker-id", w->data);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t n = read(fd, text, ID_LENGTH);

		text[n > 0 ? n : 0] = '\0';
		close(fd);
	}
	if (!id_valid(text))
		return make_id(w, path, err);
	text_copy(w->id, sizeof w->id, text);
	return 0;
}

int worker_home_open(struct worker *w, struct error *err)
{
	int rc;

	choose_data(w);
	rc = make_directories(w->data, err);
	if (rc == 0)
		rc = make_absolute(w, err);
	if (rc == 0)
		rc = take_lock(w, err);
	if (rc == 0)
		rc = find_id(w, err);
	if (rc == 0)
		rc = leash_open(&w->leash, w->data, err);
	if (rc == 0)
		rc = journal_open(&w->journal, w->data, err);
	pool_seen_open(&w->pool_seen, w->data);
	if (rc != 0)
		return rc;
	snprintf(w->scratch, sizeof w->scratch, "%s/scratch", w->data);
	rc = make_directories(w->scratch, err);
	return rc == 0 ? worker_restore_read(w, err) : rc;
}

void worker_home_close(struct worker *w)
{
	leash_close(&w->leash);
	if (w->lock >= 0)
		close(w->lock);
	w->lock = -1;
}
