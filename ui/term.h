/* ui/term.h - the terminal: is there one, has it colours, how wide is it, questions, and how an error is
 * told.
 *
 * Colour and animation only on a terminal, without NO_COLOR, TERM not dumb; never the only carrier of
 * meaning. Text of strangers (names, logs) goes through term_safe(): no escapes reach the terminal. */
#ifndef UI_TERM_H
#define UI_TERM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "net/buf.h"
#include "proto/error.h"
#include "ui/progress.h"
#include "ui/table.h"
#include "ui/text.h"

bool term_is_tty(FILE *f);
bool term_has_color(FILE *f);     /* FORCE_COLOR or CLICOLOR_FORCE turn it on for what is no terminal */
bool term_has_animation(FILE *f); /* a terminal that is not dumb */
int term_width(FILE *f);          /* columns; 80 when unknown */
bool term_is_utf8(void);          /* by LC_ALL, LC_CTYPE, LANG */

/* Write text in a style when f has colour. */
void term_styled(FILE *f, enum style style, const char *text);

/* Ask on the terminal (/dev/tty, so that standard input may be something else). false = no terminal or end of
 * input. secret: without echo. */
bool ask_line(const char *question, char *answer, size_t n, bool secret);

/* "question [y/N] "; otherwise: the answer of someone who just presses Enter, or of no terminal. */
bool ask_yes(const char *question, bool otherwise);

/* "hivemind: TEXT", then the hint indented (each of its lines), to stderr; with json
 * {"v":1,"error":{"code":"NOT_FOUND","text":...,"hint":...}}. Returns the exit code of err->status. */
int term_error(const struct error *err, bool json);

#endif
