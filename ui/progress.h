/* ui/progress.h - one line of progress on stderr.
 *
 * On a terminal it is drawn over itself, after 250 ms, 10 times a second at most; elsewhere it is one plain
 * line per change of text, at most every 10 s. With `quiet` (--json, -q) there is none. */
#ifndef UI_PROGRESS_H
#define UI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on, tty, drawn, moved;
	int64_t last_ms, start_ms;
	uint64_t first;  /* bytes that were there already when it began: they do not count for the rate */
	char label[120];
	char text[160];  /* what was written last, elsewhere than on a terminal */
};

void progress_start(struct progress *p, const char *label, bool quiet);
void progress_bytes(struct progress *p, uint64_t done, uint64_t total); /* total 0 = unknown */
void progress_text(struct progress *p, const char *text);               /* made safe */

/* The last word on it: "Uploading  3.2 MiB  done". NULL = take the line away. */
void progress_end(struct progress *p, const char *last);

#endif
