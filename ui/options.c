/* ui/options.c - the command line read by a verb's table, then the environment, then the configuration files
 * (ui/config.h).
 *
 * What came first wins: a row that has its value is marked in `given` and left alone by what follows. */
#include "ui/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/status.h"
#include "proto/typed.h"
#include "ui/config.h"
#include "ui/option_value.h"
#include "ui/term.h"

#define ROWS_MAX 64

struct parser {
	struct option rows[ROWS_MAX + 1]; /* the verb's, then the global ones; ends without a name */
	int count, verb_count;
	uint64_t given;                   /* bit i: rows[i] has its value */
	bool command;                     /* the first word ends the options */
	const char **args;
	int max_args, *arg_count;
	struct error *err;
};

static void add_globals(struct parser *p, struct globals *g)
{
	const struct option rows[] = {
	    {"pool", 0, OPTION_TEXT, &g->pool, "HOST[:PORT]", "which pool", "HIVEMIND_POOL", 0, 0},
	    {"json", 0, OPTION_FLAG, &g->json, NULL, "write JSON (fields are only ever added)", NULL, 0, 0},
	    {"quiet", 'q', OPTION_FLAG, &g->quiet, NULL, "say less: only ids, no progress", NULL, 0, 0},
	    {"timeout", 0, OPTION_DURATION, &g->timeout_ms, "TIME", "give up after this long (exit 7)", NULL,
	     0, 0},
	    {"no-color", 0, OPTION_FLAG, &g->no_color, NULL, "no colours", NULL, 0, 0},
	    {"no-input", 0, OPTION_FLAG, &g->no_input, NULL, "never ask anything", NULL, 0, 0},
	    {"help", 'h', OPTION_FLAG, &g->help, NULL, "this help", NULL, 0, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0] && p->count < ROWS_MAX; i++)
		p->rows[p->count++] = rows[i];
}

static void add_rows(struct parser *p, const struct option *options)
{
	for (; options != NULL && options->name != NULL && p->count < ROWS_MAX; options++)
		if (options->kind == OPTION_COMMAND)
			p->command = true;
		else
			p->rows[p->count++] = *options;
	p->verb_count = p->count;
}

static struct option *find_name(struct parser *p, const char *name, size_t n)
{
	for (int i = 0; i < p->count; i++)
		if (strlen(p->rows[i].name) == n && memcmp(p->rows[i].name, name, n) == 0)
			return &p->rows[i];
	return NULL;
}

static struct option *find_letter(struct parser *p, char letter)
{
	for (int i = 0; i < p->count; i++)
		if (p->rows[i].letter == letter)
			return &p->rows[i];
	return NULL;
}

static int unknown_option(struct parser *p, const char *verb, const char *typed, size_t n)
{
	const char *names[ROWS_MAX + 1], *near;
	char name[64];

	for (int i = 0; i < p->count; i++)
		names[i] = p->rows[i].name;
	names[p->count] = NULL;
	snprintf(name, sizeof name, "%.*s", (int)n, typed);
	error_set(p->err, STATUS_INVALID_ARGUMENT, "%s has no option %s%s", verb, n > 1 ? "--" : "-", name);
	near = nearest_word(name, names);
	if (near != NULL)
		return error_hint(p->err, "Did you mean   --%s\nAll options    hivemind %s --help", near,
		                  verb);
	return error_hint(p->err, "All options    hivemind %s --help", verb);
}

static int no_value(struct parser *p, const struct option *o, const char *verb)
{
	error_set(p->err, STATUS_INVALID_ARGUMENT, "--%s needs a value: %s", o->name, o->value);
	return error_hint(p->err, "All options    hivemind %s --help", verb);
}

static int set_row(struct parser *p, struct option *o, const char *text)
{
	char given[80];

	snprintf(given, sizeof given, "--%s", o->name);
	p->given |= (uint64_t)1 << (o - p->rows);
	return option_set(o, text, given, p->err);
}

/* "--name", "--name=value", "--name value"; *i moves past a value. */
static int read_long(struct parser *p, int argc, char **argv, int *i)
{
	const char *typed = argv[*i] + 2;
	const char *equals = strchr(typed, '=');
	size_t n = equals != NULL ? (size_t)(equals - typed) : strlen(typed);
	struct option *o = find_name(p, typed, n);

	if (o == NULL)
		return unknown_option(p, argv[0], typed, n);
	if (equals != NULL)
		return set_row(p, o, equals + 1);
	if (o->kind == OPTION_FLAG)
		return set_row(p, o, "true");
	if (*i + 1 >= argc)
		return no_value(p, o, argv[0]);
	return set_row(p, o, argv[++*i]);
}

/* "-f", "-fq", "-o DIR", "-oDIR". */
static int read_short(struct parser *p, int argc, char **argv, int *i)
{
	for (const char *c = argv[*i] + 1; *c != '\0'; c++) {
		struct option *o = find_letter(p, *c);
		int rc;

		if (o == NULL)
			return unknown_option(p, argv[0], c, 1);
		if (o->kind != OPTION_FLAG) {
			if (c[1] == '\0' && *i + 1 >= argc)
				return no_value(p, o, argv[0]);
			return set_row(p, o, c[1] != '\0' ? c + 1 : argv[++*i]);
		}
		rc = set_row(p, o, "true");
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int add_arg(struct parser *p, const char *verb, const char *word)
{
	if (*p->arg_count >= p->max_args) {
		error_set(p->err, STATUS_INVALID_ARGUMENT, "\"%.64s\" is one word too many", word);
		return error_hint(p->err, "What it takes  hivemind %s --help", verb);
	}
	p->args[(*p->arg_count)++] = word;
	return 0;
}

static int read_words(struct parser *p, int argc, char **argv)
{
	bool options_end = false;
	int rc = 0;

	for (int i = 1; i < argc && rc == 0; i++) {
		if (options_end || argv[i][0] != '-' || argv[i][1] == '\0') {
			rc = add_arg(p, argv[0], argv[i]);
			options_end = options_end || p->command;
		} else if (strcmp(argv[i], "--") == 0) {
			options_end = true;
		} else if (argv[i][1] == '-') {
			rc = read_long(p, argc, argv, &i);
		} else {
			rc = read_short(p, argc, argv, &i);
		}
	}
	return rc;
}

static int read_environment(struct parser *p)
{
	int rc = 0;

	for (int i = 0; i < p->count && rc == 0; i++) {
		const char *text = p->rows[i].env != NULL ? getenv(p->rows[i].env) : NULL;

		if (text == NULL || text[0] == '\0' || p->given >> i & 1)
			continue;
		p->given |= (uint64_t)1 << i;
		rc = option_set(&p->rows[i], option_keep(text), p->rows[i].env, p->err);
	}
	return rc;
}

/* --- --help ------------------------------------------------------------------------------------ */

static void print_row(const struct option *o)
{
	char left[64];
	int n = 0;

	if (o->letter != 0)
		n = snprintf(left, sizeof left, "-%c, --%s", o->letter, o->name);
	else
		n = snprintf(left, sizeof left, "    --%s", o->name);
	if (o->value != NULL && n > 0 && (size_t)n < sizeof left)
		snprintf(left + n, sizeof left - (size_t)n, " %s", o->value);
	printf("  %-28s %s%s%s%s\n", left, o->help, o->env != NULL ? " [" : "", o->env != NULL ? o->env : "",
	       o->env != NULL ? "]" : "");
}

static void print_heading(const char *text)
{
	fputc('\n', stdout);
	term_styled(stdout, STYLE_BOLD, text);
	fputc('\n', stdout);
}

static void print_examples(const char *line)
{
	print_heading("Examples");
	for (line += strspn(line, " \n"); *line != '\0'; line += strspn(line, " \n")) {
		size_t n = strcspn(line, "\n");

		printf("  %.*s\n", (int)n, line);
		line += n;
	}
}

static void print_help(const struct option *options, const struct verb_help *help)
{
	struct parser p = {0};
	struct globals globals;

	add_rows(&p, options);
	add_globals(&p, &globals);
	printf("Usage: %s\n\n%s\n", help->usage, help->summary);
	if (p.verb_count > 0)
		print_heading("Options");
	for (int i = 0; i < p.count; i++) {
		if (i == p.verb_count)
			print_heading("Options of every command");
		print_row(&p.rows[i]);
	}
	print_examples(help->examples);
}

/* --- the whole ---------------------------------------------------------------------------------- */

static bool asks_for_help(int argc, char **argv, const struct parser *p)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
		if (p->command && argv[i][0] != '-')
			return false;
	}
	return false;
}

int options_parse(int argc, char **argv, const struct option *options, const struct verb_help *help,
                  struct globals *globals, const char **args, int max_args, int *arg_count, struct error *err)
{
	struct parser p = {.args = args, .max_args = max_args, .arg_count = arg_count, .err = err};
	int rc;

	*globals = (struct globals){0};
	*arg_count = 0;
	add_rows(&p, options);
	add_globals(&p, globals);
	if (asks_for_help(argc, argv, &p)) { /* wherever it stands, whatever else is wrong */
		print_help(options, help);
		return OPTIONS_HELPED;
	}
	rc = read_words(&p, argc, argv);
	if (rc == 0 && *arg_count == 0 && help->missing != NULL) {
		error_set(err, STATUS_INVALID_ARGUMENT, "%s", help->missing);
		rc = error_hint(err, "What it takes  hivemind %s --help", argv[0]);
	}
	if (rc == 0)
		rc = read_environment(&p);
	if (rc == 0)
		rc = config_apply(argv[0], p.rows, p.verb_count, p.count, p.given, err);
	if (globals->no_color)
		setenv("NO_COLOR", "1", 1);
	return rc;
}
