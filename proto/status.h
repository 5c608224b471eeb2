/* proto/status.h - the one error vocabulary, from Docker's socket to the screen.
 *
 * What can fail returns int: 0, or one of these. The numbers are gRPC's own (grpc/doc/statuscodes.md),
 * so they cross the wire unchanged. Words are added with struct error (proto/error.h).
 *
 * To add a meaning: do not. Choose the nearest of the sixteen and say the rest in words. */
#ifndef PROTO_STATUS_H
#define PROTO_STATUS_H

/*        code                      no  name                   exit  */
#define STATUSES(X) \
	X(STATUS_OK,                  0, "OK",                  0) \
	X(STATUS_CANCELLED,           1, "CANCELLED",           1) \
	X(STATUS_UNKNOWN,             2, "UNKNOWN",            70) \
	X(STATUS_INVALID_ARGUMENT,    3, "INVALID_ARGUMENT",    2) \
	X(STATUS_DEADLINE_EXCEEDED,   4, "DEADLINE_EXCEEDED",   7) \
	X(STATUS_NOT_FOUND,           5, "NOT_FOUND",           3) \
	X(STATUS_ALREADY_EXISTS,      6, "ALREADY_EXISTS",      8) \
	X(STATUS_PERMISSION_DENIED,   7, "PERMISSION_DENIED",   4) \
	X(STATUS_RESOURCE_EXHAUSTED,  8, "RESOURCE_EXHAUSTED",  5) \
	X(STATUS_FAILED_PRECONDITION, 9, "FAILED_PRECONDITION", 8) \
	X(STATUS_ABORTED,            10, "ABORTED",             8) \
	X(STATUS_OUT_OF_RANGE,       11, "OUT_OF_RANGE",        2) \
	X(STATUS_UNIMPLEMENTED,      12, "UNIMPLEMENTED",       2) \
	X(STATUS_INTERNAL,           13, "INTERNAL",           70) \
	X(STATUS_UNAVAILABLE,        14, "UNAVAILABLE",         6) \
	X(STATUS_DATA_LOSS,          15, "DATA_LOSS",          70) \
	X(STATUS_UNAUTHENTICATED,    16, "UNAUTHENTICATED",     4)

enum status {
#define STATUS_ENUM(code, number, name, exit) code = number,
	STATUSES(STATUS_ENUM)
#undef STATUS_ENUM
};

/* Exit codes of the command line where no status is at hand (hivemind.1, EXIT STATUS). */
enum {
	EXIT_TASK_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_POOL = 6,
	EXIT_WRONG_STATE = 8,
	EXIT_BUG = 70,
};

/* "NOT_FOUND"; "UNKNOWN" for a number that is none of these. */
const char *status_name(int status);

/* What the command line exits with when this is the outcome. */
int status_exit_code(int status);

/* The status that an HTTP answer (Docker's, a proxy's) means; 0 for 2xx and 304. */
int status_from_http(int http);

/* The status that a system call's errno means. */
int status_from_errno(int err);

#endif
