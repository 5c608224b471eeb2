/* proto/error.h - a status with its words.
 *
 * Words are added once, where most is known: what happened and why in `text` (one sentence, no
 * newline, no full stop), what to type next in `hint`. A function that takes a struct error sets
 * it exactly when it returns a status other than 0; callers hand it on and add nothing. */
#ifndef PROTO_ERROR_H
#define PROTO_ERROR_H

struct error {
	int status;     /* enum status; 0 = nothing is wrong */
	char text[400]; /* cut at the end of a character when longer */
	char hint[240]; /* "" = nothing helps */
};

/* Set status and text, clear the hint. Returns status, so that one can `return error_set(...)`.
 * e may be NULL. */
int error_set(struct error *e, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Say what to do next. Returns e->status. e may be NULL (returns STATUS_UNKNOWN). */
int error_hint(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Back to "nothing is wrong". */
void error_clear(struct error *e);

/* Copy src into dst (size n > 0), cut where a UTF-8 character ends. */
void text_copy(char *dst, unsigned long n, const char *src);

#endif
