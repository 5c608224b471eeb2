/* test/interop/interop.h - what both programs know of grpc.testing: its methods as
 * rows, its fields' names. */
#ifndef TEST_INTEROP_H
#define TEST_INTEROP_H

#include "grpc_testing.pb-c.h"
#include "proto/rpc.h"

#define ECHO_INITIAL "x-grpc-test-echo-initial"
#define ECHO_TRAILING "x-grpc-test-echo-trailing-bin"

/* The ones above INTEROP_SERVED nobody serves. */
enum interop_method {
	EMPTY_CALL,
	UNARY_CALL,
	STREAMING_OUTPUT_CALL,
	STREAMING_INPUT_CALL,
	FULL_DUPLEX_CALL,
	HALF_DUPLEX_CALL,
	INTEROP_SERVED,
	UNIMPLEMENTED_CALL = INTEROP_SERVED,
	UNIMPLEMENTED_SERVICE,
	INTEROP_METHODS,
};

#define TEST_METHOD(name, request, reply, in, out) \
	{"/grpc.testing." name, &testing__##request##__descriptor, &testing__##reply##__descriptor, in, out, 0}

static const struct rpc_method interop_methods[INTEROP_METHODS] = {
	[EMPTY_CALL] = TEST_METHOD("TestService/EmptyCall", empty, empty, IN_ONE, OUT_ONE),
	[UNARY_CALL] = TEST_METHOD("TestService/UnaryCall", simple_request, simple_response, IN_ONE, OUT_ONE),
	[STREAMING_OUTPUT_CALL] = TEST_METHOD("TestService/StreamingOutputCall", streaming_output_call_request,
	                                      streaming_output_call_response, IN_ONE, OUT_MANY),
	[STREAMING_INPUT_CALL] = TEST_METHOD("TestService/StreamingInputCall", streaming_input_call_request,
	                                     streaming_input_call_response, IN_MANY, OUT_ONE),
	[FULL_DUPLEX_CALL] = TEST_METHOD("TestService/FullDuplexCall", streaming_output_call_request,
	                                 streaming_output_call_response, IN_MANY, OUT_MANY),
	[HALF_DUPLEX_CALL] = TEST_METHOD("TestService/HalfDuplexCall", streaming_output_call_request,
	                                 streaming_output_call_response, IN_MANY, OUT_MANY),
	[UNIMPLEMENTED_CALL] = TEST_METHOD("TestService/UnimplementedCall", empty, empty, IN_ONE, OUT_ONE),
	[UNIMPLEMENTED_SERVICE] = TEST_METHOD("UnimplementedService/UnimplementedCall", empty, empty, IN_ONE, OUT_ONE),
};

#endif
