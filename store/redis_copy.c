/* store/redis_copy.c - see redis_copy.h.
 *
 * Files are copied into a temporary folder of our own, a server without a port is started there, and asked
 * until it has loaded them. An append-only file from before Redis 7 (one file) is taken up by Redis 7 by
 * itself. */
#define _GNU_SOURCE /* nftw */
#include "store/redis_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/status.h"

#define LOAD_PATIENCE_S 1800
#define LOOK_US 20000
#define MANIFEST ".manifest"

extern char **environ;

/* --- copying -------------------------------------------------------------------------------------------- */

static int cannot(struct error *err, const char *path)
{
	return error_set(err, status_from_errno(errno), "%s: %s", path, strerror(errno));
}

static int copy_bytes(int in, int out)
{
	static char buffer[256 * 1024];
	ssize_t n;

	while ((n = read(in, buffer, sizeof(buffer))) > 0) {
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(out, buffer + done, (size_t)(n - done));
			if (w < 0)
				return -1;
		}
	}
	return n < 0 ? -1 : 0;
}

static int copy_file(const char *from, const char *to, struct error *err)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out, rc;

	if (in < 0)
		return cannot(err, from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	rc = out < 0 ? -1 : copy_bytes(in, out);
	rc = rc != 0 ? cannot(err, to) : 0;
	close(in);
	if (out >= 0)
		close(out);
	return rc;
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && strcmp(text + n - m, end) == 0;
}

/* All regular files of an appendonlydir; name gets what appendfilename was. NOT_FOUND: no manifest. */
static int copy_folder(struct redis_copy *c, const char *from, char *name, size_t size, struct error *err)
{
	char path[8192], to[512];
	DIR *folder = opendir(from);
	struct dirent *entry;
	int rc = 0;

	if (folder == NULL)
		return cannot(err, from);
	snprintf(to, sizeof(to), "%s/appendonlydir", c->dir);
	mkdir(to, 0700);
	while (rc == 0 && (entry = readdir(folder)) != NULL) {
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", from, entry->d_name);
		if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || strlen(entry->d_name) > 200)
			continue;
		snprintf(to, sizeof(to), "%s/appendonlydir/%s", c->dir, entry->d_name);
		rc = copy_file(path, to, err);
		if (ends_in(entry->d_name, MANIFEST))
			snprintf(name, size, "%.*s", (int)(strlen(entry->d_name) - strlen(MANIFEST)),
			         entry->d_name);
	}
	closedir(folder);
	if (rc == 0 && name[0] == '\0')
		rc = error_set(err, STATUS_NOT_FOUND, "%s has no append-only file of Redis in it", from);
	return rc;
}

static bool is_dump(const char *path)
{
	char magic[5] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool dump = fd >= 0 && read(fd, magic, 5) == 5 && memcmp(magic, "REDIS", 5) == 0;

	if (fd >= 0)
		close(fd);
	return dump;
}

/* name: of the append-only file; "" = a dump. */
static int copy_all(struct redis_copy *c, const char *from, char *name, size_t size, struct error *err)
{
	char inside[8192], to[128];
	struct stat st;

	name[0] = '\0';
	if (stat(from, &st) != 0)
		return cannot(err, from);
	snprintf(inside, sizeof(inside), "%s/appendonlydir", from);
	if (S_ISDIR(st.st_mode) && access(inside, F_OK) == 0)
		return copy_folder(c, inside, name, size, err);
	snprintf(inside, sizeof(inside), "%s/dump.rdb", from);
	snprintf(to, sizeof(to), "%s/dump.rdb", c->dir);
	if (S_ISDIR(st.st_mode) && access(inside, F_OK) == 0)
		return copy_file(inside, to, err);
	if (S_ISDIR(st.st_mode))
		return copy_folder(c, from, name, size, err);
	if (is_dump(from) && !ends_in(from, ".aof"))
		return copy_file(from, to, err);
	snprintf(name, size, "appendonly.aof");
	snprintf(to, sizeof(to), "%s/appendonly.aof", c->dir);
	return copy_file(from, to, err);
}

/* --- the server ------------------------------------------------------------------------------- */

static int spawn_server(struct redis_copy *c, const char *name, struct error *err)
{
	char socket[128], log[128];
	const char *const words[] = {"redis-server",
	                             "--port",
	                             "0",
	                             "--dir",
	                             c->dir,
	                             "--unixsocket",
	                             socket,
	                             "--unixsocketperm",
	                             "700",
	                             "--save",
	                             "",
	                             "--appendonly",
	                             name[0] ? "yes" : "no",
	                             "--appendfilename",
	                             name[0] ? name : "appendonly.aof",
	                             "--logfile",
	                             log,
	                             NULL};
	int rc;

	snprintf(socket, sizeof(socket), "%s/redis.sock", c->dir);
	snprintf(log, sizeof(log), "%s/redis.log", c->dir);
	text_copy(c->address.path, sizeof(c->address.path), socket);
	rc = posix_spawnp(&c->pid, "redis-server", NULL, NULL, (char **)words, environ);
	if (rc != 0)
		rc = posix_spawnp(&c->pid, "valkey-server", NULL, NULL, (char **)words, environ);
	if (rc == 0)
		return 0;
	c->pid = 0;
	error_set(err, STATUS_NOT_FOUND, "neither redis-server nor valkey-server can be started: %s",
	          strerror(rc));
	return error_hint(err, "apt install redis-server");
}

/* What it said last, for the error. */
static int died(struct redis_copy *c, const char *from, struct error *err)
{
	char path[128], line[300] = "", last[300] = "no word";
	FILE *log;

	snprintf(path, sizeof(path), "%s/redis.log", c->dir);
	log = fopen(path, "re");
	while (log != NULL && fgets(line, sizeof(line), log) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strchr(line, '#') != NULL)
			text_copy(last, sizeof(last), strchr(line, '#') + 1);
	}
	if (log != NULL)
		fclose(log);
	return error_set(err, STATUS_DATA_LOSS, "Redis cannot read %.120s:%s", from, last);
}

static bool answers(const struct redis_copy *c)
{
	redisContext *r = redisConnectUnix(c->address.path);
	redisReply *reply = r != NULL && r->err == 0 ? redisCommand(r, "PING") : NULL;
	bool good = reply != NULL && reply->type == REDIS_REPLY_STATUS;

	if (reply != NULL)
		freeReplyObject(reply);
	if (r != NULL)
		redisFree(r);
	return good;
}

int redis_copy_start(struct redis_copy *c, const char *from, struct error *err)
{
	char name[256];
	int rc, status;

	*c = (struct redis_copy){.dir = "/tmp/hivemind-verify-XXXXXX"};
	if (mkdtemp(c->dir) == NULL) {
		c->dir[0] = '\0';
		return cannot(err, "/tmp");
	}
	rc = copy_all(c, from, name, sizeof(name), err);
	if (rc == 0)
		rc = spawn_server(c, name, err);
	if (rc != 0)
		return rc;
	for (long tries = LOAD_PATIENCE_S * (1000000ll / LOOK_US); tries > 0; tries--) {
		if (waitpid(c->pid, &status, WNOHANG) == c->pid) {
			c->pid = 0;
			return died(c, from, err);
		}
		if (answers(c))
			return 0;
		usleep(LOOK_US);
	}
	return error_set(err, STATUS_DEADLINE_EXCEEDED, "Redis has not loaded %.120s within %d s", from,
	                 LOAD_PATIENCE_S);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void redis_copy_end(struct redis_copy *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL); /* it is a copy: nothing is to be saved */
		waitpid(c->pid, NULL, 0);
	}
	if (c->dir[0] != '\0')
		nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
