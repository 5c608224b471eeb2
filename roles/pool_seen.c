/* roles/pool_seen.c - one line, written beside and renamed. Where it cannot be written this process knows it all the same. */
#include "roles/pool_seen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/file.h"
#include "net/log.h"
#include "proto/error.h"

#define LINE_ROOM 80
#define WORDS "hivemind-pool 1 "

void pool_seen_open(struct pool_seen *s, const char *data)
{
	char line[LINE_ROOM] = "", end = '\0', id[ID_SIZE] = "";
	uint64_t epoch = 0;
	ssize_t n;
	int fd;

	*s = (struct pool_seen){0};
	snprintf(s->path, sizeof s->path, "%s/pool-seen", data);
	fd = open(s->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	n = fd >= 0 ? read(fd, line, sizeof line - 1) : 0;
	if (fd >= 0)
		close(fd);
	if (n <= 0 || sscanf(line, WORDS "%16s %" SCNu64 "%c", id, &epoch, &end) != 3 || end != '\n' || !id_valid(id))
		return;
	text_copy(s->id, sizeof s->id, id);
	s->epoch = epoch;
}

static bool write_line(const struct pool_seen *s)
{
	char beside[sizeof s->path + 4], line[LINE_ROOM];
	int n = snprintf(line, sizeof line, WORDS "%s %" PRIu64 "\n", s->id, s->epoch);
	bool done;
	int fd;

	snprintf(beside, sizeof beside, "%s.new", s->path);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	done = file_write_all(fd, line, (size_t)n) == 0 && rename(beside, s->path) == 0;
	close(fd);
	return done;
}

bool pool_seen_obey(struct pool_seen *s, const char *id, uint64_t epoch)
{
	bool known = strcmp(s->id, id) == 0;

	if (known && epoch <= s->epoch)
		return epoch == s->epoch;
	text_copy(s->id, sizeof s->id, id);
	s->epoch = epoch;
	if (!write_line(s))
		log_warn("cannot write down which pool was met path=%s text=\"%s\"", s->path, strerror(errno));
	return true;
}
