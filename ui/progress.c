#include "ui/progress.h"

#include <stdio.h>
#include <string.h>

#include "net/clock.h"
#include "proto/error.h"
#include "ui/term.h"

#define FIRST_MS 250
#define FRAME_MS 100
#define PLAIN_MS 10000
#define LABEL_COLUMNS 12
#define BAR_COLUMNS 24

void progress_start(struct progress *p, const char *label, bool quiet)
{
	*p = (struct progress){.on = !quiet, .tty = term_has_animation(stderr), .start_ms = clock_ms()};
	text_copy(p->label, sizeof p->label, label);
}

static bool due(struct progress *p)
{
	int64_t now = clock_ms();
	int64_t wait = !p->tty ? PLAIN_MS : p->drawn ? FRAME_MS : FIRST_MS;

	if (!p->on || now - (p->last_ms > 0 ? p->last_ms : p->start_ms) < wait)
		return false;
	p->last_ms = now;
	return true;
}

/* Write `text`, and blanks after it to the end of the line: no wrapping, which could not be drawn over. */
static void draw(struct progress *p, const char *text)
{
	struct buf line = {0};
	int columns;

	buf_printf(&line, "%-*s %s", LABEL_COLUMNS, p->label, text);
	columns = term_columns(buf_text(&line));
	if (columns < term_width(stderr))
		fprintf(stderr, "\r%s\x1b[K", buf_text(&line));
	else
		fprintf(stderr, "\r%.*s\x1b[K", term_width(stderr) - 1, p->label);
	fflush(stderr);
	buf_release(&line);
	p->drawn = true;
}

static void write_plain(struct progress *p, const char *text)
{
	char now[32];

	if (strcmp(text, p->text) == 0)
		return;
	text_copy(p->text, sizeof p->text, text);
	fprintf(stderr, "%s %s %s\n", format_time(clock_wall_ms(), now), p->label, text);
}

static void show(struct progress *p, const char *text)
{
	if (p->tty)
		draw(p, text);
	else
		write_plain(p, text);
}

/* Full cells, and one of eight eighths where the terminal knows them. */
static void append_bar(struct buf *out, uint64_t done, uint64_t total)
{
	int eighths = (int)((double)done / (double)total * BAR_COLUMNS * 8);

	for (int i = 0; i < BAR_COLUMNS; i++, eighths -= 8) {
		int part = eighths > 8 ? 8 : eighths > 0 ? eighths : 0;
		char block[4] = {'\xe2', '\x96', (char)(0x90 - part), '\0'};

		if (part == 0)
			buf_append(out, " ", 1);
		else
			buf_printf(out, "%s", term_is_utf8() ? block : "#");
	}
	buf_printf(out, "  ");
}

void progress_bytes(struct progress *p, uint64_t done, uint64_t total)
{
	struct buf line = {0};
	char a[24], b[24];
	int64_t ms = clock_ms() - p->start_ms;

	if (!p->moved || done < p->first) {
		p->first = done;
		p->moved = true;
	}
	if (!due(p))
		return;
	if (total > 0 && done <= total && p->tty)
		append_bar(&line, done, total);
	buf_printf(&line, "%s", format_bytes(done, a));
	if (total > 0)
		buf_printf(&line, " of %s", format_bytes(total, b));
	if (ms > 0 && done > p->first)
		buf_printf(&line, "  %s/s",
		           format_bytes((uint64_t)((double)(done - p->first) / (double)ms * 1000), a));
	show(p, buf_text(&line));
	buf_release(&line);
}

void progress_text(struct progress *p, const char *text)
{
	struct buf line = {0};

	if (!due(p))
		return;
	term_safe(&line, text, strlen(text), false);
	show(p, buf_text(&line));
	buf_release(&line);
}

void progress_end(struct progress *p, const char *last)
{
	if (!p->on)
		return;
	if (p->drawn)
		fputs("\r\x1b[K", stderr);
	if (last != NULL)
		fprintf(stderr, "%-*s %s\n", LABEL_COLUMNS, p->label, last);
	fflush(stderr);
	p->on = p->drawn = false;
}
