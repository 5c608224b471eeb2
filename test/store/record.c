/* test/store/record.c - messages as hashes and back. */
#include "test/store/real.h"

#include "store/record.h"

enum { WORDS_MAX = 64 };

/* A reply as Redis would give it for what record_write() has put. */
struct words {
	redisReply reply, words[WORDS_MAX], *element[WORDS_MAX];
};

static void add(struct words *w, int type, const void *p, size_t n)
{
	redisReply *word = &w->words[w->reply.elements];

	assert_true(w->reply.elements < WORDS_MAX);
	*word = (redisReply){.type = type, .str = xmalloc(n + 1), .len = n};
	if (n > 0)
		memcpy(word->str, p, n);
	word->str[n] = '\0';
	w->element[w->reply.elements++] = word;
	w->reply.type = REDIS_REPLY_ARRAY;
	w->reply.element = w->element;
}

static void put(void *user, const char *name, const void *value, size_t n)
{
	add(user, REDIS_REPLY_STRING, name, strlen(name));
	add(user, REDIS_REPLY_STRING, value, n);
}

static void release(struct words *w)
{
	for (size_t i = 0; i < w->reply.elements; i++)
		free(w->words[i].str);
	*w = (struct words){.reply.type = REDIS_REPLY_ARRAY};
}

static void a_message_comes_back_as_it_was(void **state)
{
	Pb__Usage usage = PB__USAGE__INIT;
	Pb__Task task = PB__TASK__INIT, *read;
	struct words w = {0};
	struct arena arena = {0};

	(void)state;
	usage.peak_memory = UINT64_MAX;
	task.name = (char *)"a \"name\"";
	task.state = PB__TASK_STATE__RUNNING;
	task.epoch = UINT32_MAX;
	task.created_ms = INT64_MIN;
	task.exit_code = -1;
	task.result_size = UINT64_MAX;
	task.oom_killed = true;
	task.usage = &usage;
	record_write(&task.base, put, &w);
	assert_int_equal(w.reply.elements, 16); /* defaults are not written */
	add(&w, REDIS_REPLY_STRING, "seq", 3);
	add(&w, REDIS_REPLY_STRING, "7", 1); /* a name that the message does not have */
	read = record_read(&pb__task__descriptor, &w.reply, &arena);
	assert_non_null(read);
	assert_string_equal(read->name, "a \"name\"");
	assert_int_equal(read->state, PB__TASK_STATE__RUNNING);
	assert_true(read->epoch == UINT32_MAX && read->created_ms == INT64_MIN && read->exit_code == -1);
	assert_true(read->result_size == UINT64_MAX && read->oom_killed && !read->has_exit_code);
	assert_true(read->usage->peak_memory == UINT64_MAX);
	assert_string_equal(read->reason, "");
	assert_null(read->spec);
	arena_release(&arena);
	release(&w);
}

static void an_empty_hash_is_a_message_of_defaults(void **state)
{
	struct words w = {.reply.type = REDIS_REPLY_ARRAY};
	struct arena arena = {0};
	Pb__Task *task = record_read(&pb__task__descriptor, &w.reply, &arena);

	(void)state;
	assert_non_null(task);
	assert_string_equal(task->id, "");
	arena_release(&arena);
}

static void what_is_no_hash_is_refused(void **state)
{
	struct words w = {0};
	struct arena arena = {0};

	(void)state;
	add(&w, REDIS_REPLY_STRING, "name", 4);
	assert_null(record_read(&pb__task__descriptor, &w.reply, &arena)); /* a name without value */
	add(&w, REDIS_REPLY_NIL, "", 0);
	assert_null(record_read(&pb__task__descriptor, &w.reply, &arena));
	release(&w);
	put(&w, "usage", "\xff\xff\xff", 3);
	assert_null(
		record_read(&pb__task__descriptor, &w.reply, &arena)); /* a nested message that is broken */
	w.reply.type = REDIS_REPLY_STRING;
	assert_null(record_read(&pb__task__descriptor, &w.reply, &arena));
	arena_release(&arena);
	release(&w);
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {
		T(a_message_comes_back_as_it_was),
		T(an_empty_hash_is_a_message_of_defaults),
		T(what_is_no_hash_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
