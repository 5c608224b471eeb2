/* Fields of the application: both ways, first and last, text and bytes; and what is none of its. */
#include "test/tool/world.h"

static const uint8_t bytes[] = {0, 1, 0xab, 0xff, 0};
static struct {
	size_t n;
	char text[64];
} seen;

static int echo_fields(struct rpc *rpc)
{
	const struct metadata *text = rpc_metadata(rpc, "x-text"), *raw = rpc_metadata(rpc, "x-raw-bin");
	struct metadata back;

	assert_null(rpc_metadata(rpc, "user-agent"));
	assert_null(rpc_metadata(rpc, "grpc-timeout"));
	assert_non_null(text);
	assert_non_null(raw);
	assert_int_equal(raw->n, sizeof bytes);
	assert_memory_equal(raw->value, bytes, sizeof bytes);
	back = *text;
	back.place = METADATA_INITIAL;
	assert_true(rpc_send_metadata(rpc, &back));
	back = *raw;
	back.place = METADATA_TRAILING;
	assert_true(rpc_send_metadata(rpc, &back));
	return 0;
}

static int refuse_with_fields(struct rpc *rpc)
{
	echo_fields(rpc);
	return error_set(&rpc->error, STATUS_ABORTED, "no");
}

static void on_fields_done(struct grpc_call *call, const struct error *e)
{
	const struct metadata *text = grpc_call_metadata(call, METADATA_INITIAL, "x-text");
	const struct metadata *raw = grpc_call_metadata(call, METADATA_TRAILING, "x-raw-bin");

	assert_non_null(text);
	assert_non_null(raw);
	assert_null(grpc_call_metadata(call, METADATA_TRAILING, "x-text"));
	assert_null(grpc_call_metadata(call, METADATA_INITIAL, "content-type"));
	text_copy(seen.text, sizeof seen.text, text->value);
	seen.n = raw->n;
	assert_memory_equal(raw->value, bytes, sizeof bytes);
	ask_done(call, e);
}

static void fields_there_and_back(int (*on_the_call)(struct rpc *rpc), int status)
{
	struct metadata raw = {"x-raw-bin", bytes, sizeof bytes, METADATA_INITIAL, NULL};
	struct metadata text = {"x-text", "a value", 7, METADATA_INITIAL, &raw};
	Item in = item("hello", 0, "");
	struct ask a;

	memset(&seen, 0, sizeof seen);
	open_world("127.0.0.1:0");
	w.on_call = on_the_call;
	ask_init(&a, ECHO_UNARY);
	a.call.timeout_ms = 10000;
	a.call.metadata = &text;
	a.call.on_done = on_fields_done;
	grpc_call_unary(w.channel, &a.call, &in.base);
	run_until(a.done);
	assert_status(&a, status);
	assert_string_equal(seen.text, "a value");
	assert_int_equal(seen.n, sizeof bytes);
	close_world();
}

static void fields_travel_both_ways(void **state)
{
	(void)state;
	fields_there_and_back(echo_fields, 0);
}

static void fields_come_with_a_refusal_too(void **state)
{
	(void)state;
	fields_there_and_back(refuse_with_fields, STATUS_ABORTED);
}

static void bytes_of_every_length_survive(void **state)
{
	struct arena a = {0};

	(void)state;
	for (size_t n = 0; n <= sizeof bytes; n++) {
		struct metadata one = {"x-bin", bytes, n, METADATA_INITIAL, NULL};
		struct metadata *out = NULL, *in = NULL;
		nghttp2_nv field[METADATA_SEND_MAX];

		assert_true(metadata_add(&out, &a, &one));
		assert_int_equal(metadata_fields(out, METADATA_INITIAL, &a, field), 1);
		metadata_keep(&in, &a, METADATA_INITIAL, "x-bin", 5, (char *)field->value, field->valuelen);
		assert_int_equal(in->n, n);
		assert_memory_equal(in->value, bytes, n);
	}
	arena_release(&a);
}

static void what_is_no_field_of_the_application_is_not_kept(void **state)
{
	static const char *const names[] = {":path", "te", "grpc-encoding", "authorization", "user-agent", ""};
	struct metadata *in = NULL;
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		metadata_keep(&in, &a, METADATA_INITIAL, names[i], strlen(names[i]), "x", 1);
	metadata_keep(&in, &a, METADATA_INITIAL, "x-bin", 5, "*not base64*", 12);
	assert_null(in);
	arena_release(&a);
}

static void what_may_not_be_sent_is_refused(void **state)
{
	struct metadata control = {"x-a", "a\nb", 3, METADATA_INITIAL, NULL};
	struct metadata ours = {"grpc-status", "0", 1, METADATA_TRAILING, NULL};
	struct metadata fine = {"x-a", "b", 1, METADATA_INITIAL, NULL};
	struct metadata *out = NULL;
	struct arena a = {0};

	(void)state;
	assert_false(metadata_add(&out, &a, &control));
	assert_false(metadata_add(&out, &a, &ours));
	for (int i = 0; i < METADATA_SEND_MAX; i++)
		assert_true(metadata_add(&out, &a, &fine));
	assert_false(metadata_add(&out, &a, &fine));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_travel_both_ways),
	    cmocka_unit_test(fields_come_with_a_refusal_too),
	    cmocka_unit_test(bytes_of_every_length_survive),
	    cmocka_unit_test(what_is_no_field_of_the_application_is_not_kept),
	    cmocka_unit_test(what_may_not_be_sent_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
