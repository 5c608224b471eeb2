#include "roles/attempt_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/buf.h"
#include "proto/limits.h"

static void print(struct attempt_log *l, const char *text)
{
	attempt_log_add(l, LOG_OUT, text, strlen(text), 1);
}

/* Everything that can be sent now, with "|" between pieces. */
static const char *sent(struct attempt_log *l, struct buf *out)
{
	const struct log_piece *p;

	out->n = 0;
	while ((p = attempt_log_next(l)) != NULL)
		buf_printf(out, "%s%d@%d:%.*s", out->n > 0 ? "|" : "", p->stream, (int)p->offset, (int)p->n, p->data);
	return buf_text(out);
}

static void pieces_carry_their_offset(void **state)
{
	struct attempt_log l = {0};
	struct buf out = {0};

	(void)state;
	print(&l, "one");
	attempt_log_add(&l, LOG_ERR, "two", 3, 1);
	print(&l, "x");
	assert_string_equal(sent(&l, &out), "1@0:one|2@3:two|1@6:x");
	print(&l, "y");
	assert_string_equal(sent(&l, &out), "1@7:y");
	assert_null(attempt_log_next(&l));
	attempt_log_release(&l);
	buf_release(&out);
}

static void small_prints_are_gathered_while_they_wait(void **state)
{
	struct attempt_log l = {0};
	struct buf out = {0};

	(void)state;
	print(&l, "a");
	print(&l, "b");
	print(&l, "c");
	assert_string_equal(sent(&l, &out), "1@0:abc");
	attempt_log_release(&l);
	buf_release(&out);
}

static void what_was_not_acknowledged_is_sent_again_on_a_new_link(void **state)
{
	struct attempt_log l = {0};
	struct buf out = {0};

	(void)state;
	print(&l, "one");
	sent(&l, &out);
	attempt_log_mark(&l, 7);
	print(&l, "two");
	sent(&l, &out);
	attempt_log_mark(&l, 8); /* 7 is not answered yet: it stays the mark */
	attempt_log_acknowledged(&l, 7);
	print(&l, "three");
	attempt_log_rewind(&l);
	assert_string_equal(sent(&l, &out), "1@3:two|1@6:three");
	attempt_log_rewind(&l);
	assert_string_equal(sent(&l, &out), "1@3:two|1@6:three");
	attempt_log_mark(&l, 1); /* numbers begin anew with the link */
	attempt_log_acknowledged(&l, 1);
	assert_null(l.pieces);
	attempt_log_rewind(&l);
	assert_null(attempt_log_next(&l));
	print(&l, "four");
	assert_string_equal(sent(&l, &out), "1@11:four");
	attempt_log_release(&l);
	buf_release(&out);
}

static void a_heartbeat_acknowledges_nothing_that_came_after_it(void **state)
{
	struct attempt_log l = {0};
	struct buf out = {0};

	(void)state;
	attempt_log_mark(&l, 1);
	print(&l, "late");
	sent(&l, &out);
	attempt_log_acknowledged(&l, 1);
	attempt_log_rewind(&l);
	assert_string_equal(sent(&l, &out), "1@0:late");
	attempt_log_release(&l);
	buf_release(&out);
}

/* Print n bytes of one letter in calls of `step`. */
static void flood(struct attempt_log *l, size_t n, size_t step, char letter)
{
	char *text = malloc(step);

	memset(text, letter, step);
	for (; n >= step; n -= step)
		attempt_log_add(l, LOG_OUT, text, step, 1);
	free(text);
}

static void of_a_flood_the_beginning_and_the_end_are_kept(void **state)
{
	struct attempt_log l = {0};
	const struct log_piece *p;
	uint64_t head = 0, tail = 0, offset = 0;
	bool remark = false;
	char last = 0;

	(void)state;
	flood(&l, LOG_HEAD_MAX, 10000, 'h');
	flood(&l, 64 * MiB, 30000, 'm');
	flood(&l, 2 * MiB, 70000, 't');
	assert_true(l.memory < LOG_HEAD_MAX + MiB);
	assert_true(l.tail_memory < 2 * LOG_TAIL_MAX);
	attempt_log_end(&l, 2);
	while ((p = attempt_log_next(&l)) != NULL) {
		assert_int_equal(p->offset, offset);
		offset += p->n;
		remark |= p->stream == LOG_REMARK;
		*(remark ? &tail : &head) += p->n;
		last = (char)p->data[p->n - 1];
	}
	assert_true(remark);
	assert_int_equal(head, LOG_HEAD_MAX);
	assert_true(tail > LOG_TAIL_MAX * 9 / 10 && tail < 2 * LOG_TAIL_MAX);
	assert_int_equal(last, 't');
	attempt_log_release(&l);
}

static void single_bytes_on_both_streams_cannot_grow_it(void **state)
{
	struct attempt_log l = {0};

	(void)state;
	for (int i = 0; i < 2 * 1000 * 1000; i++)
		attempt_log_add(&l, 1 + i % 2, "x", 1, 1);
	assert_true(l.memory < 3 * LOG_HEAD_MAX);
	assert_true(l.tail_memory < 2 * LOG_TAIL_MAX);
	attempt_log_release(&l);
}

static void a_short_output_has_no_remark(void **state)
{
	struct attempt_log l = {0};
	struct buf out = {0};

	(void)state;
	print(&l, "all");
	attempt_log_end(&l, 2);
	attempt_log_end(&l, 2);
	assert_string_equal(sent(&l, &out), "1@0:all");
	attempt_log_release(&l);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_carry_their_offset),
		cmocka_unit_test(small_prints_are_gathered_while_they_wait),
		cmocka_unit_test(what_was_not_acknowledged_is_sent_again_on_a_new_link),
		cmocka_unit_test(a_heartbeat_acknowledges_nothing_that_came_after_it),
		cmocka_unit_test(of_a_flood_the_beginning_and_the_end_are_kept),
		cmocka_unit_test(single_bytes_on_both_streams_cannot_grow_it),
		cmocka_unit_test(a_short_output_has_no_remark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
