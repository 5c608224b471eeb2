#include "net/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hivemind.pb-c.h"
#include "net/grpc.h"
#include "proto/limits.h"
#include "proto/status.h"

static struct arena arena;
static struct error e;

static const void *parse(const ProtobufCMessageDescriptor *type, const void *data, size_t n)
{
	memset(&e, 0, sizeof e);
	return message_read(type, data, n, &arena, &e);
}

#define CHUNK (&pb__download_chunk__descriptor) /* bytes data = 1, uint64 size = 2, string sha256 = 3 */
#define WORKER (&pb__worker_message__descriptor)
#define parse_text(type, text) parse(type, text, sizeof(text) - 1)

static void what_was_written_is_read(void **state)
{
	Pb__DownloadChunk out = PB__DOWNLOAD_CHUNK__INIT;
	const Pb__DownloadChunk *in;
	struct buf b = {0};

	(void)state;
	out.data = (ProtobufCBinaryData){3, (uint8_t *)"a\0b"};
	out.sha256 = (char *)"caf\xc3\xa9";
	assert_int_equal(message_write(&b, &out.base), 0);
	assert_int_equal(grpc_prefix_read(b.data).length, b.n - GRPC_PREFIX);
	in = parse(CHUNK, b.data + GRPC_PREFIX, b.n - GRPC_PREFIX);
	assert_non_null(in);
	assert_memory_equal(in->data.data, "a\0b", 3);
	assert_string_equal(in->sha256, "caf\xc3\xa9");
	buf_release(&b);
	arena_release(&arena);
}

static void nothing_is_a_message(void **state)
{
	(void)state;
	assert_non_null(parse_text(CHUNK, ""));
	arena_release(&arena);
}

static void strings_are_utf8_without_a_zero(void **state)
{
	static const char *const good[] = {
	    "\x1a\x01\x7f",         "\x1a\x02\xc2\x80",         "\x1a\x03\xe0\xa0\x80",
	    "\x1a\x03\xef\xbf\xbf", "\x1a\x04\xf0\x90\x80\x80", "\x1a\x04\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {"\x1a\x01\x80",
	                                  "\x1a\x01\xc3",
	                                  "\x1a\x02\xc0\x80",
	                                  "\x1a\x02\xc1\xbf",
	                                  "\x1a\x03\xe0\x80\x80",
	                                  "\x1a\x03\xed\xa0\x80",
	                                  "\x1a\x04\xf0\x80\x80\x80",
	                                  "\x1a\x04\xf4\x90\x80\x80",
	                                  "\x1a\x04\xf8\x88\x80\x80",
	                                  "\x1a\x02\xc3("};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_non_null(parse(CHUNK, good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_null(parse(CHUNK, bad[i], strlen(bad[i])));
		assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
	}
	assert_null(parse_text(CHUNK, "\x1a\x03"
	                              "a\0b"));
	assert_null(parse_text(CHUNK, "\x1a\x01\0"));
	arena_release(&arena);
}

static void broken_bytes_are_refused(void **state)
{
	(void)state;
	assert_null(parse_text(CHUNK, "\x0a"));
	assert_null(parse_text(CHUNK, "\x0a\x05"
	                              "abcd"));
	assert_null(parse_text(CHUNK, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	assert_null(parse_text(CHUNK, "\x10\x80"));
	assert_null(parse_text(CHUNK, "\x00\x00"));
	assert_null(parse_text(CHUNK, "\x0b\x0c"));
	assert_null(parse_text(CHUNK, "\x0d\x00\x00"));
	assert_null(parse_text(CHUNK, "\x09\x00\x00"));
	arena_release(&arena);
}

static void a_wrong_type_of_a_known_field_does_no_harm(void **state)
{
	(void)state;
	parse_text(CHUNK, "\x08\x01");     /* a number where bytes are */
	parse_text(CHUNK, "\x12\x01\x01"); /* bytes where a number is */
	arena_release(&arena);
}

static void unknown_fields_are_ignored(void **state)
{
	const Pb__DownloadChunk *in = parse_text(CHUNK, "\x10\x07\xfa\x07\x03\xff\xff\xff");

	(void)state;
	assert_non_null(in);
	assert_int_equal(in->size, 7);
	arena_release(&arena);
}

static void strings_of_inner_messages_are_checked_too(void **state)
{
	/* WorkerMessage.hello = 1 (a message); whatever its field 1 is, bytes ff are no text and no number */
	(void)state;
	assert_null(parse_text(WORKER, "\x0a\x03\x0a\x01\xff"));
	assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
	arena_release(&arena);
}

static void many_tiny_fields_do_not_take_all_memory(void **state)
{
	size_t n = (size_t)MESSAGE_MAX;
	uint8_t *bytes = malloc(n);

	(void)state;
	for (size_t i = 0; i + 1 < n; i += 2) {
		bytes[i] = 0x78; /* unknown field 15 */
		bytes[i + 1] = 0;
	}
	assert_null(parse(CHUNK, bytes, n));
	assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
	assert_true(arena.total <= (size_t)MESSAGE_MEMORY_MAX);
	arena_release(&arena);
	free(bytes);
}

static void a_message_too_large_is_not_written(void **state)
{
	Pb__DownloadChunk out = PB__DOWNLOAD_CHUNK__INIT;
	struct buf b = {0};

	(void)state;
	out.data.len = (size_t)MESSAGE_MAX;
	out.data.data = calloc(1, out.data.len);
	assert_int_equal(message_write(&b, &out.base), STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(b.n, 0);
	out.data.len -= 5;
	assert_int_equal(message_write(&b, &out.base), 0);
	free(out.data.data);
	buf_release(&b);
}

/* Every byte string near a valid one: nothing may crash, and what is read has valid strings. */
static void mutations_do_no_harm(void **state)
{
	static const uint8_t seed[] = "\x0a\x03"
				      "abc"
				      "\x10\x96\x01\x1a\x04"
				      "caf\xc3";
	uint8_t bytes[sizeof seed];

	(void)state;
	for (size_t at = 0; at < sizeof seed; at++) {
		for (int value = 0; value < 256; value++) {
			const Pb__DownloadChunk *in;

			memcpy(bytes, seed, sizeof seed);
			bytes[at] = (uint8_t)value;
			in = parse(CHUNK, bytes, sizeof bytes);
			assert_true(in != NULL || e.status != 0);
			parse(WORKER, bytes, sizeof bytes);
			arena_release(&arena);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_written_is_read),
	    cmocka_unit_test(nothing_is_a_message),
	    cmocka_unit_test(strings_are_utf8_without_a_zero),
	    cmocka_unit_test(broken_bytes_are_refused),
	    cmocka_unit_test(a_wrong_type_of_a_known_field_does_no_harm),
	    cmocka_unit_test(unknown_fields_are_ignored),
	    cmocka_unit_test(strings_of_inner_messages_are_checked_too),
	    cmocka_unit_test(many_tiny_fields_do_not_take_all_memory),
	    cmocka_unit_test(a_message_too_large_is_not_written),
	    cmocka_unit_test(mutations_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
