#include "roles/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/memory.h"
#include "proto/status.h"
#include "ui/config.h"
#include "ui/ini.h"

#define POOLS_MAX 64

struct entry {
	char pool[400], account[64], token[TOKEN_SIZE];
};

struct credentials {
	char path[440], current[400];
	int count;
	struct entry entries[POOLS_MAX];
};

static void release(struct credentials *c)
{
	wipe(c, sizeof *c);
	free(c);
}

static struct entry *find(struct credentials *c, const char *pool)
{
	for (int i = 0; i < c->count; i++)
		if (strcmp(c->entries[i].pool, pool) == 0)
			return &c->entries[i];
	return NULL;
}

/* Keep text, or say that it is too long: half a token is none. */
static int take(char *to, size_t size, const char *text, const struct ini_line *l, struct error *err)
{
	if (strlen(text) >= size)
		return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%d: it has more than %zu bytes", l->path,
		                 l->line, size - 1);
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

static int on_line(void *user, const struct ini_line *l, struct error *err)
{
	struct credentials *c = user;
	struct entry *e = c->count > 0 ? &c->entries[c->count - 1] : NULL;

	if (l->key == NULL) {
		if (c->count == POOLS_MAX)
			return error_set(err, STATUS_RESOURCE_EXHAUSTED, "%s holds more than %d pools",
			                 l->path, POOLS_MAX);
		return take(c->entries[c->count++].pool, sizeof e->pool, l->section, l, err);
	}
	if (e == NULL && strcmp(l->key, "default") == 0)
		return take(c->current, sizeof c->current, l->value, l, err);
	if (e != NULL && strcmp(l->key, "account") == 0)
		return take(e->account, sizeof e->account, l->value, l, err);
	if (e != NULL && strcmp(l->key, "token") == 0)
		return take(e->token, sizeof e->token, l->value, l, err);
	return 0;
}

/* Nobody else may read, or have written, a file with secrets in it. */
static int check_private(int fd, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_set(err, status_from_errno(errno), "cannot look at %s: %s", path,
		                 strerror(errno));
	if (st.st_uid != geteuid()) {
		error_set(err, STATUS_PERMISSION_DENIED, "%s belongs to another user", path);
		return error_hint(err, "Remove it and log in again.");
	}
	if ((st.st_mode & 077) != 0) {
		error_set(err, STATUS_PERMISSION_DENIED,
		          "%s can be read by others (mode %03o), so its tokens are not used", path,
		          st.st_mode & 0777);
		return error_hint(err, "Close it   chmod 600 %s", path);
	}
	return 0;
}

static int read_file(struct credentials *c, struct error *err)
{
	FILE *f = fopen(c->path, "re");
	int rc;

	if (f == NULL)
		return errno == ENOENT ? 0
		                       : error_set(err, status_from_errno(errno), "cannot read %s: %s",
		                                   c->path, strerror(errno));
	rc = check_private(fileno(f), c->path, err);
	if (rc == 0)
		rc = ini_read(f, c->path, on_line, c, err);
	fclose(f);
	return rc;
}

bool credentials_path(char *path, unsigned long n)
{
	char directory[400];

	return config_directory(directory, sizeof directory) &&
	       (unsigned long)snprintf(path, n, "%s/credentials", directory) < n;
}

/* NULL = err says why. A file that is not there is an empty one. */
static struct credentials *load(struct error *err)
{
	struct credentials *c = xcalloc(1, sizeof *c);

	if (!credentials_path(c->path, sizeof c->path)) {
		error_set(err, STATUS_FAILED_PRECONDITION,
		          "neither HOME nor XDG_CONFIG_HOME says where credentials are");
		free(c);
		return NULL;
	}
	if (read_file(c, err) != 0) {
		release(c);
		return NULL;
	}
	return c;
}

static void write_entries(const struct credentials *c, FILE *f)
{
	fprintf(f, "# Written by hivemind login. Each token is as good as the password: keep this file to "
	           "yourself.\n");
	if (c->current[0] != '\0')
		fprintf(f, "default = %s\n", c->current);
	for (const struct entry *e = c->entries; e < c->entries + c->count; e++)
		fprintf(f, "\n[%s]\naccount = %s\ntoken = %s\n", e->pool, e->account, e->token);
}

static int make_directories(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return errno;
		*slash = '/';
	}
	return 0;
}

static int write_new(const struct credentials *c, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	int failed;

	if (f == NULL)
		return errno;
	fchmod(fd, 0600);
	write_entries(c, f);
	failed = fflush(f) != 0 || fsync(fd) != 0;
	return fclose(f) != 0 || failed ? EIO : 0;
}

static int store(struct credentials *c, struct error *err)
{
	char path[460];
	int rc = make_directories(c->path);

	snprintf(path, sizeof path, "%s.new", c->path);
	if (rc == 0)
		rc = write_new(c, path);
	if (rc == 0 && rename(path, c->path) != 0)
		rc = errno;
	if (rc != 0)
		return error_set(err, status_from_errno(rc), "cannot write %s: %s", c->path, strerror(rc));
	return 0;
}

int credentials_save(const struct endpoint *pool, const char *token, const char *account, struct error *err)
{
	struct credentials *c = load(err);
	struct entry *e;
	char text[400];
	int rc;

	if (c == NULL)
		return err->status;
	endpoint_text(pool, text, sizeof text);
	e = find(c, text);
	if (e == NULL && c->count == POOLS_MAX) {
		release(c);
		return error_set(err, STATUS_RESOURCE_EXHAUSTED, "there are credentials for %d pools already",
		                 POOLS_MAX);
	}
	if (e == NULL)
		e = &c->entries[c->count++];
	text_copy(e->pool, sizeof e->pool, text);
	text_copy(e->account, sizeof e->account, account);
	text_copy(e->token, sizeof e->token, token);
	text_copy(c->current, sizeof c->current, text);
	rc = store(c, err);
	release(c);
	return rc;
}

int credentials_forget(const struct endpoint *pool, struct error *err)
{
	struct credentials *c = load(err);
	struct entry *e;
	char text[400];
	int rc;

	if (c == NULL)
		return err->status;
	e = find(c, endpoint_text(pool, text, sizeof text));
	if (e == NULL) {
		rc = error_set(err, STATUS_NOT_FOUND, "there is no login for %s", text);
	} else {
		*e = c->entries[--c->count];
		rc = store(c, err);
	}
	release(c);
	return rc;
}

int credentials_find(const struct endpoint *pool, char *token, struct error *err)
{
	struct credentials *c = load(err);
	struct entry *e;
	char text[400];
	int rc = 0;

	if (c == NULL)
		return err->status;
	e = find(c, endpoint_text(pool, text, sizeof text));
	if (e == NULL || e->token[0] == '\0')
		rc = error_set(err, STATUS_NOT_FOUND, "there is no login for %s", text);
	else
		text_copy(token, TOKEN_SIZE, e->token);
	release(c);
	return rc;
}

int credentials_default(struct endpoint *pool, struct error *err)
{
	struct credentials *c = load(err);
	int rc;

	if (c == NULL)
		return err->status;
	if (c->current[0] != '\0')
		rc = endpoint_parse(pool, c->current, err);
	else
		rc = error_set(err, STATUS_NOT_FOUND, "there was no login yet");
	release(c);
	return rc;
}

int read_secret(const char *path, char *secret, unsigned long n, struct error *err)
{
	bool from_stdin = strcmp(path, "-") == 0;
	int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = 0;

	if (fd < 0)
		return error_set(err, status_from_errno(errno), "cannot read %s: %s", path, strerror(errno));
	while (used < n - 1 && (got = read(fd, secret + used, n - 1 - used)) > 0)
		used += (size_t)got;
	secret[used] = '\0';
	if (!from_stdin)
		close(fd);
	if (got < 0)
		return error_set(err, status_from_errno(errno), "cannot read %s: %s", path, strerror(errno));
	if (used == n - 1 && memchr(secret, '\n', used) == NULL)
		return error_set(err, STATUS_INVALID_ARGUMENT, "the first line of %s is too long", path);
	secret[strcspn(secret, "\r\n")] = '\0';
	return 0;
}

int token_from_environment(char *token, struct error *err)
{
	const char *given = getenv("HIVEMIND_TOKEN"), *path = getenv("HIVEMIND_TOKEN_FILE");

	if (given != NULL && given[0] != '\0') {
		text_copy(token, TOKEN_SIZE, given);
		wipe((char *)given, strlen(given)); /* also from /proc/PID/environ */
		unsetenv("HIVEMIND_TOKEN");
		return 0;
	}
	if (path != NULL && path[0] != '\0')
		return read_secret(path, token, TOKEN_SIZE, err);
	return error_set(err, STATUS_NOT_FOUND, "the environment gives no token");
}
