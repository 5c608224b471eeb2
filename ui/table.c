#include "ui/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"
#include "ui/term.h"

struct cell {
	char *text;
	enum style style;
};

struct table {
	int columns, rows, room;
	int width[TABLE_COLUMNS_MAX];
	struct cell *cells; /* columns of the headers, then columns of each row */
};

static char *safe_copy(const char *text)
{
	struct buf b = {0};

	if (text == NULL || text[0] == '\0')
		text = "-";
	term_safe(&b, text, strlen(text), false);
	return (char *)buf_text(&b);
}

static void add_row(struct table *t, const char *const *cells, enum style style)
{
	if (t->rows == t->room) {
		t->room = t->room > 0 ? t->room * 2 : 16;
		t->cells = xrealloc(t->cells, (size_t)t->room * (size_t)t->columns * sizeof t->cells[0]);
	}
	for (int i = 0; i < t->columns; i++) {
		struct cell *cell = &t->cells[t->rows * t->columns + i];
		int width;

		*cell = (struct cell){safe_copy(cells[i]), style};
		width = term_columns(cell->text);
		if (width > t->width[i])
			t->width[i] = width;
	}
	t->rows++;
}

struct table *table_new(const char *const *headers, int columns)
{
	struct table *t = xcalloc(1, sizeof *t);

	assert(columns > 0 && columns <= TABLE_COLUMNS_MAX);
	t->columns = columns;
	add_row(t, headers, STYLE_DIM);
	return t;
}

void table_row(struct table *t, const char *const *cells)
{
	add_row(t, cells, STYLE_NONE);
}

void table_style(struct table *t, int column, enum style style)
{
	t->cells[(t->rows - 1) * t->columns + column].style = style;
}

static void print_row(const struct table *t, int row, FILE *f)
{
	for (int i = 0; i < t->columns; i++) {
		const struct cell *cell = &t->cells[row * t->columns + i];

		term_styled(f, cell->style, cell->text);
		if (i + 1 < t->columns)
			fprintf(f, "%*s", t->width[i] - term_columns(cell->text) + 2, "");
	}
	fputc('\n', f);
}

void table_print(struct table *t, FILE *f)
{
	for (int row = 0; row < t->rows; row++)
		print_row(t, row, f);
}

void table_free(struct table *t)
{
	for (int i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}
