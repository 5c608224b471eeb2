/* ui/options.h - the options of a verb as rows: one table makes the parser, --help and the completions.
 *
 * A row writes into the verb's own struct: .to is a pointer. Flags may stand before or after arguments;
 * "--" ends them; "--name=value" and "--name value" and "-n value" all work. The global options
 * (--pool, --json, -q, --no-color, --no-input, --timeout, -h) are known to every verb.
 * A wrong option is INVALID_ARGUMENT with the nearest known one ("did you mean --follow?").
 *
 * What is not typed comes from the row's environment variable, else from the configuration files
 * (hivemind.conf.5): HIVEMIND_CONFIG, or $XDG_CONFIG_HOME/hivemind/hivemind.conf, then
 * /etc/hivemind/hivemind.conf. Section [client] there gives the global options to every client verb, [pool]
 * and [worker] (and [dev]) give the verb of that name its own ones. */
#ifndef UI_OPTIONS_H
#define UI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

enum option_kind {
	OPTION_FLAG,     /* bool *to */
	OPTION_TEXT,     /* const char **to; points into argv */
	OPTION_TEXTS,    /* struct texts *to; may be repeated */
	OPTION_INT,      /* int64_t *to, from min to max */
	OPTION_SIZE,     /* int64_t *to, bytes: 512MiB */
	OPTION_DURATION, /* int64_t *to, milliseconds: 90s 5m 2h */
	OPTION_COMMAND,  /* a mark, named "": the first word ends the options, a command of its own follows */
};

struct texts { const char **at; int n; }; /* lives as long as the process */

struct option {
	const char *name;    /* "follow" */
	char letter;         /* 'f'; 0 = none */
	enum option_kind kind;
	void *to;
	const char *value;   /* name of the value in the help: "DIR"; NULL for flags */
	const char *help;    /* one line */
	const char *env;     /* environment variable that gives it when it is not typed; NULL = none */
	int64_t min, max;    /* OPTION_INT */
};

struct verb_help {
	const char *usage;    /* "hivemind submit [options] TASK.TAR | DIR | -" */
	const char *summary;  /* what it does, a paragraph */
	const char *examples; /* lines, each a command; shown at the end of --help */
	const char *missing;  /* what to say when no word was given; NULL = none is needed */
};

/* The options every verb knows; filled in by options_parse(). */
struct globals {
	const char *pool;      /* --pool HOST[:PORT], HIVEMIND_POOL */
	bool json, quiet, no_color, no_input, help; /* no_color also sets NO_COLOR, which ui/term.h reads */
	int64_t timeout_ms;    /* 0 = none */
};

/* Read argv[1..]. The words that are no options are left in args (at most max_args; more is an error).
 * `options` ends with a row without name. --help prints and returns OPTIONS_HELPED. */
enum { OPTIONS_HELPED = -1 };
int options_parse(int argc, char **argv, const struct option *options, const struct verb_help *help,
                  struct globals *globals, const char **args, int max_args, int *arg_count,
                  struct error *err);

#endif
