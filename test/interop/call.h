/* test/interop/call.h - one call that a case waits for: start it, wait() for more, look at what came. */
#ifndef TEST_INTEROP_CALL_H
#define TEST_INTEROP_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "net/grpc_client.h"
#include "test/interop/interop.h"

struct interop_call {
	struct grpc_call call;
	int messages;       /* that came */
	size_t size, total; /* of the last one's payload, or what StreamingInputCall added up; of all */
	bool done;
	struct error error; /* once done */
	char initial[128], trailing[128]; /* the echoed fields, once done */
	size_t trailing_n;
};

/* A case failed: say why and end the process. */
void fail_case(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#define expect(condition, ...) \
	do { \
		if (!(condition)) \
			fail_case(__VA_ARGS__); \
	} while (0)

/* Bytes for payloads, all zero. */
extern uint8_t interop_zeros[];

void call_start(struct interop_call *c, enum interop_method method);
void call_unary(struct interop_call *c, enum interop_method method, const ProtobufCMessage *in);

/* Run the loop until that many messages have come, or the end. False: it is over. */
bool call_wait_messages(struct interop_call *c, int count);
/* Run the loop until the end. */
void call_wait_done(struct interop_call *c);
void wait_ms(uint64_t ms);

/* UnaryCall of these sizes. */
void unary_start(struct interop_call *c, size_t size, int32_t response_size);
/* StreamingInputCall and the duplex calls: one message. */
void input_send(struct interop_call *c, size_t size);
void output_send(struct interop_call *c, size_t size, int32_t response_size);

void expect_status(const struct interop_call *c, int status);

/* Open the channel; wait for everything to be closed. */
struct interop_target {
	const char *host, *ca; /* ca: a file; NULL = clear text */
	int port;
};
void interop_open(const struct interop_target *to);
void interop_close(void);

#endif
