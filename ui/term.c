#define _GNU_SOURCE /* strcasestr() */
#include "ui/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "proto/status.h"
#include "ui/json.h"

bool term_is_tty(FILE *f)
{
	return isatty(fileno(f)) != 0;
}

static bool env_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0';
}

static bool is_dumb(void)
{
	const char *term = getenv("TERM");

	return term == NULL || strcmp(term, "dumb") == 0;
}

static bool env_forces(const char *name)
{
	return env_set(name) && strcmp(getenv(name), "0") != 0;
}

bool term_has_color(FILE *f)
{
	if (env_set("NO_COLOR"))
		return false;
	if (env_forces("FORCE_COLOR") || env_forces("CLICOLOR_FORCE"))
		return true;
	return term_has_animation(f);
}

bool term_has_animation(FILE *f)
{
	return term_is_tty(f) && !is_dumb();
}

int term_width(FILE *f)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");

	if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return columns != NULL && atoi(columns) > 0 ? atoi(columns) : 80;
}

bool term_is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (int i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && value[0] != '\0')
			return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
	}
	return false;
}

void term_styled(FILE *f, enum style style, const char *text)
{
	static const char *const codes[] = {
		[STYLE_BOLD] = "1", [STYLE_DIM] = "2",  [STYLE_GREEN] = "32",
		[STYLE_YELLOW] = "33", [STYLE_RED] = "31", [STYLE_CYAN] = "36",
	};

	if (style == STYLE_NONE || !term_has_color(f))
		fputs(text, f);
	else
		fprintf(f, "\x1b[%sm%s\x1b[0m", codes[style], text);
}

/* --- how an error is told ---------------------------------------------------------------------- */

static void error_json(const struct error *err)
{
	struct buf out = {0};
	struct json j;

	json_init(&j, &out);
	json_object(&j, NULL);
	json_int(&j, "v", 1);
	json_object(&j, "error");
	json_text(&j, "code", status_name(err->status));
	json_text(&j, "text", err->text);
	json_text(&j, "hint", err->hint[0] != '\0' ? err->hint : NULL);
	json_end(&j);
	json_end(&j);
	fprintf(stderr, "%s\n", buf_text(&out));
	buf_release(&out);
}

static void print_indented(const char *text)
{
	struct buf safe = {0};
	const char *line, *rest;

	term_safe(&safe, text, strlen(text), true);
	for (line = buf_text(&safe); *line != '\0'; line = rest) {
		size_t n = strcspn(line, "\n");

		fprintf(stderr, "  %.*s\n", (int)n, line);
		rest = line + n + (line[n] == '\n');
	}
	buf_release(&safe);
}

int term_error(const struct error *err, bool json)
{
	struct buf safe = {0};

	if (json) {
		error_json(err);
		return status_exit_code(err->status);
	}
	term_safe(&safe, err->text[0] != '\0' ? err->text : status_name(err->status),
		  strlen(err->text[0] != '\0' ? err->text : status_name(err->status)), false);
	term_styled(stderr, STYLE_RED, "hivemind:");
	fprintf(stderr, " %s\n", buf_text(&safe));
	if (err->hint[0] != '\0')
		print_indented(err->hint);
	if (err->status == STATUS_INTERNAL || err->status == STATUS_UNKNOWN)
		fputs("  This should not happen. Please report it with what you typed and `hivemind version "
		      "--json`.\n",
		      stderr);
	buf_release(&safe);
	return status_exit_code(err->status);
}
