/* net/metrics.c owns: the numbers and how they are written. A metric's cells are made when it is first
 * used; of a histogram each label value has its buckets, then the count, then the sum. */
#include "net/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/memory.h"

#define BOUNDS_MAX 16
#define WORD_MAX 80

enum kind { COUNTER, GAUGE, HISTOGRAM };

static const char *const kind_names[] = {"counter", "gauge", "histogram"};

static const struct row {
	const char *name;
	enum kind kind;
	unsigned roles;
	const char *label[2], *words[2];
	const char *bounds, *help;
} rows[] = {
#define METRIC_ROW(id, name, kind, roles, label0, words0, label1, words1, bounds, help) \
	{name, kind, roles, {label0, label1}, {words0, words1}, bounds, help},
	METRICS(METRIC_ROW)
#undef METRIC_ROW
};

static struct metric {
	char **words[2];
	size_t n[2];           /* values of each label; 1 where there is none */
	double bounds[BOUNDS_MAX];
	size_t bound_count;
	double *cells;         /* NULL = not used yet */
	char *own[2];          /* the name and the value of the label of metrics_label(); NULL = none */
} metrics[METRIC_COUNT];

/* --- the closed sets ----------------------------------------------------------------------------- */

static void split_words(struct metric *m, int label, const char *words)
{
	char *copy = xstrdup(words), *rest = copy, *word;

	while ((word = strsep(&rest, "|")) != NULL) {
		m->words[label] = xrealloc(m->words[label], (m->n[label] + 1) * sizeof *m->words[label]);
		m->words[label][m->n[label]++] = xstrdup(word);
	}
	free(copy);
}

void metrics_words(enum metric_id id, int label, const char *const *words, size_t n)
{
	struct metric *m = &metrics[id];

	if (m->n[label] > 0)
		return;
	m->words[label] = xcalloc(n, sizeof *m->words[label]);
	for (size_t i = 0; i < n; i++)
		m->words[label][i] = xstrdup(words[i]);
	m->n[label] = n;
}

void metrics_label(enum metric_id id, const char *name, const char *value)
{
	struct metric *m = &metrics[id];

	if (m->own[0] != NULL)
		return;
	m->own[0] = xstrdup(name);
	m->own[1] = xstrdup(value);
}

static size_t cells_each(const struct metric *m)
{
	return m->bound_count > 0 ? m->bound_count + 2 : 1;
}

/* NULL: its words are not known yet. */
static struct metric *used(enum metric_id id)
{
	struct metric *m = &metrics[id];
	const struct row *row = &rows[id];
	const char *at = row->bounds;
	char *end;

	if (m->cells != NULL)
		return m;
	for (int i = 0; i < 2; i++) {
		if (m->n[i] > 0)
			continue;
		if (row->label[i] != NULL && row->words[i][0] == '\0')
			return NULL;
		if (row->label[i] != NULL)
			split_words(m, i, row->words[i]);
		else
			m->n[i] = 1;
	}
	for (; m->bound_count < BOUNDS_MAX; at = end) {
		double bound = strtod(at, &end);

		if (end == at)
			break;
		m->bounds[m->bound_count++] = bound;
	}
	m->cells = xcalloc(m->n[0] * m->n[1] * cells_each(m), sizeof *m->cells);
	return m;
}

size_t metrics_word(enum metric_id id, int label, const char *word)
{
	const struct metric *m = used(id);
	size_t i = 0;

	while (m != NULL && i < m->n[label] && strcmp(m->words[label][i], word) != 0)
		i++;
	return m != NULL ? i : 0;
}

/* --- counting ------------------------------------------------------------------------------------ */

static double *cell(enum metric_id id, size_t a, size_t b)
{
	struct metric *m = used(id);

	return m == NULL || a >= m->n[0] || b >= m->n[1] ? NULL
		: &m->cells[(a * m->n[1] + b) * cells_each(m)];
}

void metrics_add(enum metric_id id, size_t a, size_t b, double by)
{
	double *c = cell(id, a, b);

	if (c != NULL)
		*c += by;
}

void metrics_set(enum metric_id id, size_t a, size_t b, double value)
{
	double *c = cell(id, a, b);

	if (c != NULL)
		*c = value;
}

double metrics_get(enum metric_id id, size_t a, size_t b)
{
	const double *c = cell(id, a, b);

	return c != NULL ? *c : 0;
}

void metrics_observe(enum metric_id id, size_t a, double seconds)
{
	double *c = cell(id, a, 0);
	const struct metric *m = &metrics[id];
	size_t i = 0;

	if (c == NULL || !(seconds >= 0))
		return;
	while (i < m->bound_count && seconds > m->bounds[i])
		i++;
	if (i < m->bound_count)
		c[i]++;
	c[m->bound_count]++;
	c[m->bound_count + 1] += seconds;
}

/* --- of the process itself ----------------------------------------------------------------------- */

static double count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	double n = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n - 3; /* "." and "..", and the directory itself */
}

static double started_at(void)
{
	static double at;
	unsigned long long ticks = 0;
	char text[2048] = "", *name_end;
	FILE *file;

	if (at > 0)
		return at;
	file = fopen("/proc/self/stat", "re");
	if (file == NULL)
		return 0;
	if (fgets(text, sizeof text, file) != NULL && (name_end = strrchr(text, ')')) != NULL)
		sscanf(name_end + 1,
		       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		       &ticks);
	fclose(file);
	at = (double)clock_wall_ms() / 1000 - (double)clock_ms() / 1000 + (double)ticks / (double)sysconf(_SC_CLK_TCK);
	return at;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void look_at_process(void)
{
	unsigned long long virtual_pages = 0, resident_pages = 0;
	struct rlimit files = {0};
	struct rusage use = {0};
	FILE *file = fopen("/proc/self/statm", "re");
	double page = (double)sysconf(_SC_PAGESIZE);

	if (file != NULL && fscanf(file, "%llu %llu", &virtual_pages, &resident_pages) != 2)
		resident_pages = 0;
	if (file != NULL)
		fclose(file);
	getrusage(RUSAGE_SELF, &use);
	getrlimit(RLIMIT_NOFILE, &files);
	metrics_set(METRIC_CPU_SECONDS, 0, 0, seconds_of(use.ru_utime) + seconds_of(use.ru_stime));
	metrics_set(METRIC_RESIDENT_MEMORY, 0, 0, (double)resident_pages * page);
	metrics_set(METRIC_VIRTUAL_MEMORY, 0, 0, (double)virtual_pages * page);
	metrics_set(METRIC_OPEN_FDS, 0, 0, count_fds());
	metrics_set(METRIC_MAX_FDS, 0, 0, (double)files.rlim_cur);
	metrics_set(METRIC_START_TIME, 0, 0, started_at());
}

/* --- writing ------------------------------------------------------------------------------------- */

static void write_number(struct buf *out, double x)
{
	if (isinf(x))
		buf_printf(out, x > 0 ? "+Inf" : "-Inf");
	else if (fabs(x) < 1e15 && x == (double)(int64_t)x)
		buf_printf(out, "%" PRId64, (int64_t)x);
	else
		buf_printf(out, "%.12g", x);
}

static void write_word(struct buf *out, const char *word)
{
	for (; *word != '\0'; word++)
		if (*word == '\\' || *word == '"')
			buf_printf(out, "\\%c", *word);
		else if (*word == '\n')
			buf_printf(out, "\\n");
		else
			buf_append(out, word, 1);
}

static void write_label(struct buf *out, const char *name, const char *word)
{
	buf_printf(out, "%s%s=\"", out->data[out->n - 1] == '{' ? "" : ",", name);
	write_word(out, word);
	buf_printf(out, "\"");
}

/* name_suffix{label="word",...,le="bound"} value */
static void write_sample(struct buf *out, enum metric_id id, const char *suffix, const size_t at[2],
			 const double *le, double value)
{
	const struct row *row = &rows[id];
	const struct metric *m = &metrics[id];
	bool labelled = row->label[0] != NULL || m->own[0] != NULL || le != NULL;

	buf_printf(out, "%s%s%s", row->name, suffix, labelled ? "{" : "");
	for (int i = 0; i < 2 && row->label[i] != NULL; i++)
		write_label(out, row->label[i], m->words[i][at[i]]);
	if (m->own[0] != NULL)
		write_label(out, m->own[0], m->own[1]);
	if (le != NULL) {
		buf_printf(out, "%sle=\"", out->data[out->n - 1] == '{' ? "" : ",");
		write_number(out, *le);
		buf_printf(out, "\"");
	}
	buf_printf(out, "%s ", labelled ? "}" : "");
	write_number(out, value);
	buf_printf(out, "\n");
}

static void write_histogram(struct buf *out, enum metric_id id, const size_t at[2], const double *c)
{
	const struct metric *m = &metrics[id];
	const double infinite = INFINITY;
	double below = 0;

	for (size_t i = 0; i < m->bound_count; i++) {
		below += c[i];
		write_sample(out, id, "_bucket", at, &m->bounds[i], below);
	}
	write_sample(out, id, "_bucket", at, &infinite, c[m->bound_count]);
	write_sample(out, id, "_sum", at, NULL, c[m->bound_count + 1]);
	write_sample(out, id, "_count", at, NULL, c[m->bound_count]);
}

static void write_metric(struct buf *out, enum metric_id id)
{
	const struct row *row = &rows[id];
	const struct metric *m = used(id);
	size_t at[2];

	if (m == NULL)
		return;
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
		   kind_names[row->kind]);
	for (at[0] = 0; at[0] < m->n[0]; at[0]++)
		for (at[1] = 0; at[1] < m->n[1]; at[1]++) {
			const double *c = cell(id, at[0], at[1]);
			bool open = row->label[0] != NULL && row->words[0][0] == '\0';

			if (row->kind != HISTOGRAM && (*c != 0 || (row->label[1] == NULL && !open)))
				write_sample(out, id, "", at, NULL, *c);
			else if (row->kind == HISTOGRAM && (c[m->bound_count] > 0 || !open))
				write_histogram(out, id, at, c);
		}
}

void metrics_write(enum metrics_role role, struct buf *out)
{
	look_at_process();
	for (int id = 0; id < METRIC_COUNT; id++)
		if (rows[id].roles & (unsigned)role)
			write_metric(out, (enum metric_id)id);
}

void metrics_forget(void)
{
	for (int id = 0; id < METRIC_COUNT; id++) {
		struct metric *m = &metrics[id];

		for (int i = 0; i < 2; i++) {
			for (size_t k = 0; m->words[i] != NULL && k < m->n[i]; k++)
				free(m->words[i][k]);
			free(m->words[i]);
		}
		free(m->own[0]);
		free(m->own[1]);
		free(m->cells);
		*m = (struct metric){0};
	}
}
