/* ui/series.h - what some values were, for plots: each second of an hour, each minute of a day, each hour
 * of a month, each day of 53 weeks.
 *
 * A fixed size whatever happens: 24 KiB for each value. They lie in a file that is mapped, so a
 * process that is started again goes on with them; after a loss of power the last seconds may be missing.
 * A time at which nobody measured has no value. The clock is the wall's, since people read the plots; when
 * it goes back, what is ahead of it is forgotten. */
#ifndef UI_SERIES_H
#define UI_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/limits.h"

#define SERIES_MAX 16 /* values in one file */
#define SERIES_NAME_SIZE 24

enum series_step { SERIES_SECONDS, SERIES_MINUTES, SERIES_HOURS, SERIES_DAYS, SERIES_STEPS };
#define SERIES_DAYS_MAX 371

/* What stands for a step in which a value was put several times. */
enum series_kind {
	SERIES_MEAN, /* of a second: the last */
	SERIES_LAST, /* of what only grows, like a total */
	SERIES_SUM,  /* of what is put as it happens, like a count */
};

struct series_value {
	const char *name; /* shorter than SERIES_NAME_SIZE */
	enum series_kind kind;
};

struct series_file;

struct series {
	struct series_file *file; /* mapped; NULL = is not open */
	const struct series_value *values;
	size_t size, count;
	int fd;                   /* -1 = none: in memory only */
	int64_t zone_ms;          /* days begin so much before those of UTC; the owner's to set */
};

/* values: in the order in which they are put; lent for as long as s is open. path NULL: nothing is kept. A
 * file that has other values, or is none of ours, is begun anew.
 *   the status of what could not be done with the file; then s is as with path NULL */
int series_open(struct series *s, const char *path, const struct series_value *values, size_t count,
		struct error *err);
void series_close(struct series *s);

/* For who writes them into a file itself: all of it, as the file of series_open() has it, valid until the
 * next change. */
const void *series_image(const struct series *s, size_t *size);
size_t series_image_max(void);
/* Read such an image back: each value of a name that s has too. False = it is none; nothing is changed. */
bool series_take(struct series *s, const void *image, size_t size);

/* These are the values now; NAN = not known. */
void series_put(struct series *s, int64_t wall_ms, const float *values);

/* Which value is this? -1 = none. */
int series_find(const struct series *s, const char *name);
const char *series_name(const struct series *s, int at);

/* One value each step: at most SERIES_POINTS_MAX into values, oldest
 * first, NAN where there is none. Begins with the first one that is there, not before from_ms. Returns how
 * many; *first_ms is the time of the first. */
size_t series_read(const struct series *s, int at, enum series_step step, int64_t from_ms, float *values,
		   int64_t *first_ms);

int64_t series_step_ms(enum series_step step);
enum series_step series_step_of(int64_t seconds); /* SERIES_STEPS = there is none of so many */

#endif
