#include "ui/ini.h"

#include <stdbool.h>
#include <string.h>

#include "net/memory.h"
#include "proto/status.h"

#define LINE_SIZE 2048

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	for (n = strlen(text); n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL; n--)
		;
	text[n] = '\0';
	return text;
}

/* Split text in place into what l points to; section is the array that l->section stays valid in. */
static int split(struct ini_line *l, char *text, char *section, size_t size, struct error *err)
{
	size_t n = strlen(text);
	char *equals = strchr(text, '=');

	if (text[0] == '[') {
		if (n < 3 || text[n - 1] != ']')
			return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%d: a section is written [name]",
			                 l->path, l->line);
		if (n - 2 >= size)
			return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%d: the section's name is too long",
			                 l->path, l->line);
		text[n - 1] = '\0';
		memcpy(section, text + 1, n - 1);
		l->key = l->value = NULL;
		return 0;
	}
	if (equals == NULL)
		return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%d: a line is written key = value",
		                 l->path, l->line);
	*equals = '\0';
	l->key = trim(text);
	l->value = trim(equals + 1);
	return 0;
}

/* The next line into text. false: there is none. *fault: what is wrong with it, NULL = nothing. A line that
 * is too long must not go on as the next one. */
static bool read_line(FILE *f, char text[LINE_SIZE], const char **fault)
{
	size_t n = 0;
	int c;

	*fault = NULL;
	while (*fault == NULL && (c = getc(f)) != EOF && c != '\n') {
		if (c == '\0')
			*fault = "there is a zero byte in the line";
		else if (n + 1 == LINE_SIZE)
			*fault = "the line is too long";
		else
			text[n++] = (char)c;
	}
	text[n] = '\0';
	return *fault != NULL || c != EOF || n > 0;
}

int ini_read(FILE *f, const char *path,
             int (*on_line)(void *user, const struct ini_line *line, struct error *err), void *user,
             struct error *err)
{
	char text[LINE_SIZE], section[400] = "";
	struct ini_line l = {.path = path, .section = section};
	const char *fault;
	int rc = 0;

	while (rc == 0 && read_line(f, text, &fault)) {
		char *trimmed = trim(text);

		l.line++;
		if (fault != NULL)
			rc = error_set(err, STATUS_INVALID_ARGUMENT, "%s:%d: %s", path, l.line, fault);
		if (rc != 0 || trimmed[0] == '\0' || trimmed[0] == '#')
			continue;
		rc = split(&l, trimmed, section, sizeof section, err);
		if (rc == 0)
			rc = on_line(user, &l, err);
	}
	wipe(text, sizeof text); /* there may have been a secret in it */
	return rc;
}
