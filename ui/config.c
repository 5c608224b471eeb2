#include "ui/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/status.h"
#include "proto/typed.h"
#include "ui/option_value.h"

#define SYSTEM_FILE "/etc/hivemind/hivemind.conf"
#define LINE_SIZE 2048

static const char *const sections[] = {"client", "pool", "worker", "dev", NULL};

struct reader {
	const char *path;
	int line;
	bool mine;            /* the section is the one of this verb */
	const char *section;  /* of this verb */
	struct option *rows;  /* which this section may set */
	int count, offset;    /* offset: of rows in the verb's table, for the bits */
	uint64_t given, here; /* given before; set by this file */
	struct error *err;
};

bool config_directory(char *path, unsigned long n)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (xdg != NULL && xdg[0] == '/')
		return (unsigned long)snprintf(path, n, "%s/hivemind", xdg) < n;
	if (home != NULL && home[0] == '/')
		return (unsigned long)snprintf(path, n, "%s/.config/hivemind", home) < n;
	return false;
}

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	for (n = strlen(text); n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL; n--)
		;
	text[n] = '\0';
	return text;
}

static int unknown(struct reader *r, const char *what, const char *typed, const char *const *words)
{
	const char *near = nearest_word(typed, words);

	error_set(r->err, STATUS_INVALID_ARGUMENT, "%s:%d: there is no %s \"%.64s\"", r->path, r->line, what, typed);
	if (near != NULL)
		return error_hint(r->err, "Did you mean   %s\nAll of them    man hivemind.conf", near);
	return error_hint(r->err, "All of them    man hivemind.conf");
}

static int read_section(struct reader *r, char *line)
{
	size_t n = strlen(line);

	if (n < 3 || line[n - 1] != ']')
		return error_set(r->err, STATUS_INVALID_ARGUMENT, "%s:%d: a section is written [client]", r->path, r->line);
	line[n - 1] = '\0';
	line++;
	r->mine = strcmp(line, r->section) == 0;
	for (int i = 0; sections[i] != NULL; i++)
		if (strcmp(sections[i], line) == 0)
			return 0;
	return unknown(r, "section", line, sections);
}

static int set_key(struct reader *r, const char *key, const char *value)
{
	const char *names[65];
	char given[300];

	for (int i = 0; i < r->count; i++) {
		uint64_t bit = (uint64_t)1 << (r->offset + i);

		names[i] = r->rows[i].name;
		if (strcmp(names[i], key) != 0)
			continue;
		if (r->given & bit)
			return 0;
		r->here |= bit;
		snprintf(given, sizeof given, "%s:%d: %s", r->path, r->line, key);
		return option_set(&r->rows[i], option_keep(value), given, r->err);
	}
	names[r->count] = NULL;
	return unknown(r, "key", key, names);
}

static int read_line(struct reader *r, char *line)
{
	char *equals, *value;

	line = trim(line);
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (line[0] == '[')
		return read_section(r, line);
	equals = strchr(line, '=');
	if (equals == NULL)
		return error_set(r->err, STATUS_INVALID_ARGUMENT, "%s:%d: a line is written key = value", r->path, r->line);
	*equals = '\0';
	value = trim(equals + 1);
	return r->mine ? set_key(r, trim(line), value) : 0;
}

/* A file that is not there is no error unless it was asked for. */
static int read_file(struct reader *r, const char *path, bool must_exist)
{
	FILE *f = fopen(path, "re");
	char line[LINE_SIZE];
	int rc = 0;

	if (f == NULL && errno == ENOENT && !must_exist)
		return 0;
	if (f == NULL)
		return error_set(r->err, status_from_errno(errno), "cannot read %s: %s", path, strerror(errno));
	r->path = path;
	r->line = 0;
	r->mine = false;
	while (rc == 0 && fgets(line, sizeof line, f) != NULL) {
		r->line++;
		if (strlen(line) == sizeof line - 1)
			rc = error_set(r->err, STATUS_INVALID_ARGUMENT, "%s:%d: the line is too long", path, r->line);
		else
			rc = read_line(r, line);
	}
	fclose(f);
	r->given |= r->here;
	return rc;
}

static int read_user_file(struct reader *r)
{
	const char *wanted = getenv("HIVEMIND_CONFIG");
	char directory[400], path[420];

	if (wanted != NULL && wanted[0] != '\0')
		return read_file(r, wanted, true);
	if (!config_directory(directory, sizeof directory))
		return 0;
	snprintf(path, sizeof path, "%s/hivemind.conf", directory);
	return read_file(r, path, false);
}

int config_apply(const char *verb, struct option *rows, int verb_count, int count, uint64_t given, struct error *err)
{
	struct reader r = {.given = given, .err = err, .section = "client"};
	int rc;

	r.rows = rows + verb_count;
	r.count = count - verb_count;
	r.offset = verb_count;
	for (int i = 1; sections[i] != NULL; i++)
		if (strcmp(verb, sections[i]) == 0) {
			r.section = sections[i];
			r.rows = rows;
			r.count = count;
			r.offset = 0;
		}
	rc = read_user_file(&r);
	return rc == 0 ? read_file(&r, SYSTEM_FILE, false) : rc;
}
