/* ui/term.h - what people see in a terminal: tables, colour, one progress line, safe text, questions.
 *
 * Colour and animation only on a terminal, without NO_COLOR, TERM not dumb; never the only carrier of meaning.
 * Text of strangers (names, logs) goes through term_safe(): no escapes reach the terminal. */
#ifndef UI_TERM_H
#define UI_TERM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "net/buf.h"
#include "proto/error.h"

bool term_is_tty(FILE *f);
bool term_has_color(FILE *f);
int term_width(FILE *f); /* columns; 80 when unknown */
bool term_is_utf8(void);

enum style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_GREEN, STYLE_YELLOW, STYLE_RED, STYLE_CYAN };

/* Write text in a style when f has colour. */
void term_styled(FILE *f, enum style style, const char *text);

/* Append text made harmless: C0, C1, DEL and invalid UTF-8 become visible; newlines and tabs stay when keep_lines. */
void term_safe(struct buf *out, const void *text, size_t n, bool keep_lines);

/* Columns a UTF-8 text takes (wide characters count two). */
int term_columns(const char *text);

/* A table: header, then rows of cells (safe text, copied), written at once with columns aligned. */
struct table;
struct table *table_new(const char *const *headers, int columns);
void table_row(struct table *t, const char *const *cells);
void table_style(struct table *t, int column, enum style style); /* of the last row's cell */
void table_print(struct table *t, FILE *f);
void table_free(struct table *t);

/* One line of progress on stderr: drawn over itself on a terminal (10 a second at most), one plain line per change of text at most
 * every 10 s elsewhere, nothing with --json or -q. */
struct progress {
	bool on, tty, drawn;
	int64_t last_ms, start_ms;
	char label[120];
};
void progress_start(struct progress *p, const char *label, bool quiet);
void progress_bytes(struct progress *p, uint64_t done, uint64_t total);
void progress_text(struct progress *p, const char *text);
void progress_end(struct progress *p, const char *last); /* NULL = take the line away */

/* "3.2 MiB", "1m40s", "18s" for people; buf of 24 bytes. */
const char *format_bytes(uint64_t bytes, char *buf);
const char *format_ms(int64_t ms, char *buf);

/* Ask on the terminal. false = no terminal or end of input. secret: without echo. */
bool ask_line(const char *question, char *answer, size_t n, bool secret);
bool ask_yes(const char *question, bool otherwise);

/* "hivemind: TEXT", then the hint indented, to stderr; with json: {"v":1,"error":{code,text,hint}} to stderr. Returns the exit code of err->status. */
int term_error(const struct error *err, bool json);

#endif
