/* test/interop/interop_client.c - the standard gRPC interop cases with our client. Exit status 0: it passed.
 *
 *     interop_client --server_host=H --server_port=P --test_case=NAME [--use_tls --ca FILE]
 *
 * Compression: our client neither compresses nor says that it accepts it. So the server_compressed cases pass
 * with an answer that is not compressed, or with UNIMPLEMENTED and the name of what is accepted when a server
 * compresses all the same; and the client_compressed cases are the probe alone, that a server which was told
 * to expect compression refuses what is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/status.h"
#include "test/interop/call.h"

#define LARGE_REQUEST 271828
#define LARGE_RESPONSE 314159

static const int32_t request_sizes[] = {27182, 8, 1828, 45904};
static const int32_t response_sizes[] = {31415, 9, 2653, 58979};

#define SIZES 4

/* --- calls that succeed --------------------------------------------------------------------------- */

static void empty_unary(void)
{
	Testing__Empty in = TESTING__EMPTY__INIT;
	struct interop_call c = {0};

	call_unary(&c, EMPTY_CALL, &in.base);
	call_wait_done(&c);
	expect_status(&c, 0);
	expect(c.messages == 1, "%d messages", c.messages);
}

static void expect_large(struct interop_call *c)
{
	call_wait_done(c);
	expect_status(c, 0);
	expect(c->size == LARGE_RESPONSE, "%zu bytes came", c->size);
}

static void large_unary(void)
{
	struct interop_call c = {0};

	unary_start(&c, LARGE_REQUEST, LARGE_RESPONSE);
	expect_large(&c);
}

static void client_streaming(void)
{
	struct interop_call c = {0};

	call_start(&c, STREAMING_INPUT_CALL);
	for (int i = 0; i < SIZES; i++)
		input_send(&c, (size_t)request_sizes[i]);
	grpc_call_half_close(&c.call);
	call_wait_done(&c);
	expect_status(&c, 0);
	expect(c.size == 74922, "the server counted %zu bytes", c.size);
}

static void expect_answers(struct interop_call *c)
{
	call_wait_done(c);
	expect_status(c, 0);
	expect(c->messages == SIZES, "%d answers", c->messages);
	expect(c->total == 31415 + 9 + 2653 + 58979, "%zu bytes", c->total);
	expect(c->size == (size_t)response_sizes[SIZES - 1], "the last has %zu bytes", c->size);
}

static void server_streaming(void)
{
	Testing__StreamingOutputCallRequest in = TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
	Testing__ResponseParameters wanted[SIZES], *list[SIZES];
	struct interop_call c = {0};

	for (int i = 0; i < SIZES; i++) {
		testing__response_parameters__init(&wanted[i]);
		wanted[i].size = response_sizes[i];
		list[i] = &wanted[i];
	}
	in.n_response_parameters = SIZES;
	in.response_parameters = list;
	call_unary(&c, STREAMING_OUTPUT_CALL, &in.base);
	expect_answers(&c);
}

static void ping_pong(void)
{
	struct interop_call c = {0};

	call_start(&c, FULL_DUPLEX_CALL);
	for (int i = 0; i < SIZES; i++) {
		output_send(&c, (size_t)request_sizes[i], response_sizes[i]);
		expect(call_wait_messages(&c, i + 1), "no answer: %s", c.error.text);
		expect(c.size == (size_t)response_sizes[i], "answer %d has %zu bytes", i, c.size);
	}
	grpc_call_half_close(&c.call);
	call_wait_done(&c);
	expect_status(&c, 0);
	expect(c.messages == SIZES, "%d answers", c.messages);
}

static void half_duplex(void)
{
	struct interop_call c = {0};

	call_start(&c, HALF_DUPLEX_CALL);
	for (int i = 0; i < SIZES; i++)
		output_send(&c, (size_t)request_sizes[i], response_sizes[i]);
	grpc_call_half_close(&c.call);
	expect_answers(&c);
}

static void empty_stream(void)
{
	struct interop_call c = {0};

	call_start(&c, FULL_DUPLEX_CALL);
	grpc_call_half_close(&c.call);
	call_wait_done(&c);
	expect_status(&c, 0);
	expect(c.messages == 0, "%d messages", c.messages);
}

/* --- calls that are ended early -------------------------------------------------------------------- */

static void timeout_on_sleeping_server(void)
{
	struct interop_call c = {.call.timeout_ms = 1};

	call_start(&c, FULL_DUPLEX_CALL);
	output_send(&c, 27182, 31415);
	call_wait_done(&c);
	expect_status(&c, STATUS_DEADLINE_EXCEEDED);
}

static void cancel_after_begin(void)
{
	struct interop_call c = {0};

	call_start(&c, STREAMING_INPUT_CALL);
	grpc_call_cancel(&c.call);
	call_wait_done(&c);
	expect_status(&c, STATUS_CANCELLED);
}

static void cancel_after_first_response(void)
{
	struct interop_call c = {0};

	call_start(&c, FULL_DUPLEX_CALL);
	output_send(&c, 27182, 31415);
	expect(call_wait_messages(&c, 1), "no answer: %s", c.error.text);
	grpc_call_cancel(&c.call);
	call_wait_done(&c);
	expect_status(&c, STATUS_CANCELLED);
	expect(c.messages == 1, "%d answers", c.messages);
}

/* --- what comes with a call: fields, statuses -------------------------------------------------------- */

static void expect_echo(struct interop_call *c)
{
	call_wait_done(c);
	expect_status(c, 0);
	expect(strcmp(c->initial, "test_initial_metadata_value") == 0, "initial metadata \"%s\"", c->initial);
	expect(c->trailing_n == 3 && memcmp(c->trailing, "\xab\xab\xab", 3) == 0, "%zu bytes of trailing metadata",
	       c->trailing_n);
}

static void custom_metadata(void)
{
	struct metadata trailing = {ECHO_TRAILING, "\xab\xab\xab", 3, METADATA_INITIAL, NULL};
	struct metadata fields = {ECHO_INITIAL, "test_initial_metadata_value", 27, METADATA_INITIAL, &trailing};
	struct interop_call c = {.call.metadata = &fields};

	unary_start(&c, LARGE_REQUEST, LARGE_RESPONSE);
	expect_echo(&c);
	call_start(&c, FULL_DUPLEX_CALL);
	output_send(&c, LARGE_REQUEST, LARGE_RESPONSE);
	grpc_call_half_close(&c.call);
	expect_echo(&c);
}

static void expect_words(struct interop_call *c, const char *words)
{
	call_wait_done(c);
	expect_status(c, STATUS_UNKNOWN);
	expect(strcmp(c->error.text, words) == 0, "the words are \"%s\"", c->error.text);
}

static void status_in_words(const char *words, bool stream_too)
{
	Testing__SimpleRequest one = TESTING__SIMPLE_REQUEST__INIT;
	Testing__StreamingOutputCallRequest many = TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
	Testing__EchoStatus status = TESTING__ECHO_STATUS__INIT;
	struct interop_call c = {0};

	status.code = STATUS_UNKNOWN;
	status.message = (char *)words;
	one.response_status = many.response_status = &status;
	call_unary(&c, UNARY_CALL, &one.base);
	expect_words(&c, words);
	if (!stream_too)
		return;
	call_start(&c, FULL_DUPLEX_CALL);
	grpc_call_send(&c.call, &many.base);
	grpc_call_half_close(&c.call);
	expect_words(&c, words);
}

static void status_code_and_message(void)
{
	status_in_words("test status message", true);
}

static void special_status_message(void)
{
	status_in_words("\t\ntest with whitespace\r\n"
	                "and Unicode BMP \xe2\x98\xba and non-BMP \xf0\x9f\x98\x88\t\n",
	                false);
}

static void expect_unimplemented(enum interop_method method)
{
	Testing__Empty in = TESTING__EMPTY__INIT;
	struct interop_call c = {0};

	call_unary(&c, method, &in.base);
	call_wait_done(&c);
	expect_status(&c, STATUS_UNIMPLEMENTED);
}

static void unimplemented_method(void)
{
	expect_unimplemented(UNIMPLEMENTED_CALL);
}

static void unimplemented_service(void)
{
	expect_unimplemented(UNIMPLEMENTED_SERVICE);
}

/* --- compression -------------------------------------------------------------------------------------- */

static Testing__BoolValue yes = {PROTOBUF_C_MESSAGE_INIT(&testing__bool_value__descriptor), 1};

static void client_compressed_unary(void)
{
	Testing__SimpleRequest in = TESTING__SIMPLE_REQUEST__INIT;
	struct interop_call c = {0};

	in.expect_compressed = &yes;
	in.response_size = LARGE_RESPONSE;
	call_unary(&c, UNARY_CALL, &in.base);
	call_wait_done(&c);
	expect_status(&c, STATUS_INVALID_ARGUMENT);
	large_unary();
}

static void client_compressed_streaming(void)
{
	Testing__StreamingInputCallRequest in = TESTING__STREAMING_INPUT_CALL_REQUEST__INIT;
	struct interop_call c = {0};

	in.expect_compressed = &yes;
	call_start(&c, STREAMING_INPUT_CALL);
	grpc_call_send(&c.call, &in.base);
	grpc_call_half_close(&c.call);
	call_wait_done(&c);
	expect_status(&c, STATUS_INVALID_ARGUMENT);
	client_streaming();
}

static void expect_large_or_refusal(struct interop_call *c)
{
	call_wait_done(c);
	if (c->error.status == 0)
		expect_large(c);
	else
		expect_status(c, STATUS_UNIMPLEMENTED);
	expect(c->error.status == 0 || strstr(c->error.text, "identity") != NULL, "it says %s", c->error.text);
	large_unary();
}

static void server_compressed_unary(void)
{
	Testing__SimpleRequest in = TESTING__SIMPLE_REQUEST__INIT;
	struct interop_call c = {0};

	in.response_compressed = &yes;
	in.response_size = LARGE_RESPONSE;
	call_unary(&c, UNARY_CALL, &in.base);
	expect_large_or_refusal(&c);
}

static void server_compressed_streaming(void)
{
	Testing__StreamingOutputCallRequest in = TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
	Testing__ResponseParameters wanted = TESTING__RESPONSE_PARAMETERS__INIT, *list = &wanted;
	struct interop_call c = {0};

	wanted.compressed = &yes;
	wanted.size = LARGE_RESPONSE;
	in.n_response_parameters = 1;
	in.response_parameters = &list;
	call_unary(&c, STREAMING_OUTPUT_CALL, &in.base);
	expect_large_or_refusal(&c);
}

/* --- against a server that misbehaves on the HTTP/2 level (http2_server.py) ------------------- */

static void goaway(void)
{
	large_unary();
	wait_ms(1000); /* the server says GOAWAY meanwhile */
	large_unary();
}

static void expect_failure(void)
{
	struct interop_call c = {0};

	unary_start(&c, LARGE_REQUEST, LARGE_RESPONSE);
	call_wait_done(&c);
	expect(c.error.status != 0, "the call succeeded");
	expect(c.messages == 0, "half an answer was delivered");
	expect(c.error.text[0] != '\0', "it failed without a word");
}

static void max_streams(void)
{
	struct interop_call c[15];

	memset(c, 0, sizeof c);
	large_unary();
	for (int i = 0; i < 15; i++)
		unary_start(&c[i], LARGE_REQUEST, LARGE_RESPONSE);
	for (int i = 0; i < 15; i++)
		expect_large(&c[i]);
}

/* --- the program ------------------------------------------------------------------------------ */

#define CASE(name) {#name, name}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	CASE(empty_unary),
	CASE(large_unary),
	CASE(client_streaming),
	CASE(server_streaming),
	CASE(ping_pong),
	CASE(half_duplex),
	CASE(empty_stream),
	CASE(timeout_on_sleeping_server),
	CASE(cancel_after_begin),
	CASE(cancel_after_first_response),
	CASE(custom_metadata),
	CASE(status_code_and_message),
	CASE(special_status_message),
	CASE(unimplemented_method),
	CASE(unimplemented_service),
	CASE(client_compressed_unary),
	CASE(client_compressed_streaming),
	CASE(server_compressed_unary),
	CASE(server_compressed_streaming),
	CASE(goaway),
	{"rst_after_header", expect_failure},
	{"rst_during_data", expect_failure},
	{"rst_after_data", expect_failure},
	{"ping", large_unary},
	CASE(max_streams),
	{"data_frame_padding", large_unary},
	{"no_df_padding_sanity", large_unary},
};

#define CASES (sizeof cases / sizeof cases[0])

static void usage(void)
{
	fputs("usage: interop_client --server_host=H --server_port=P --test_case=NAME [--use_tls --ca FILE]\ncases:",
	      stderr);
	for (size_t i = 0; i < CASES; i++)
		fprintf(stderr, " %s", cases[i].name);
	fputs("\n", stderr);
	exit(EXIT_USAGE);
}

/* The value of --name=value or --name value; NULL = it is another option. */
static const char *value_of(char ***argv, const char *name)
{
	const char *arg = (*argv)[0];
	size_t n = strlen(name);

	if (strncmp(arg, name, n) != 0)
		return NULL;
	if (arg[n] == '=')
		return arg + n + 1;
	return arg[n] == '\0' && (*argv)[1] != NULL ? *++*argv : NULL;
}

static void (*find_case(const char *name))(void)
{
	for (size_t i = 0; i < CASES; i++)
		if (name != NULL && strcmp(cases[i].name, name) == 0)
			return cases[i].run;
	usage();
	return NULL;
}

int main(int argc, char **argv)
{
	struct interop_target to = {"127.0.0.1", NULL, 0};
	const char *name = NULL, *value;
	bool tls = false;
	void (*run)(void);

	(void)argc;
	while (*++argv != NULL) {
		if ((value = value_of(&argv, "--server_host")) != NULL)
			to.host = value;
		else if ((value = value_of(&argv, "--server_port")) != NULL)
			to.port = atoi(value);
		else if ((value = value_of(&argv, "--test_case")) != NULL)
			name = value;
		else if ((value = value_of(&argv, "--ca")) != NULL)
			to.ca = value;
		else if (strcmp(*argv, "--use_tls") == 0)
			tls = true;
		else
			usage();
	}
	run = find_case(name);
	if (tls != (to.ca != NULL))
		usage();
	interop_open(&to);
	run();
	interop_close();
	return 0;
}
