/* ui/table.h - rows of cells, written at once with columns aligned. */
#ifndef UI_TABLE_H
#define UI_TABLE_H

#include <stdio.h>

enum style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_GREEN, STYLE_YELLOW, STYLE_RED, STYLE_CYAN };

struct table;

/* The first row are the headers (borrowed). At most TABLE_COLUMNS_MAX columns. */
#define TABLE_COLUMNS_MAX 16
struct table *table_new(const char *const *headers, int columns);
void table_row(struct table *t, const char *const *cells);       /* copied, made safe; NULL or "" = "-" */
void table_style(struct table *t, int column, enum style style); /* of the last row's cell */
void table_print(struct table *t, FILE *f);
void table_free(struct table *t);

#endif
