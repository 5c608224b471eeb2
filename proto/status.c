#include "proto/status.h"

#include <errno.h>
#include <stddef.h>

static const struct {
	const char *name;
	int exit_code;
} statuses[] = {
#define STATUS_ROW(code, number, name, exit) [code] = {name, exit},
	STATUSES(STATUS_ROW)
#undef STATUS_ROW
};

#define STATUS_COUNT ((int)(sizeof statuses / sizeof statuses[0]))

static int known(int status)
{
	return status >= 0 && status < STATUS_COUNT ? status : STATUS_UNKNOWN;
}

const char *status_name(int status)
{
	return statuses[known(status)].name;
}

int status_exit_code(int status)
{
	return statuses[known(status)].exit_code;
}

int status_from_http(int http)
{
	if ((http >= 200 && http < 300) || http == 304)
		return STATUS_OK;
	switch (http) {
	case 400: return STATUS_INVALID_ARGUMENT;
	case 401: return STATUS_UNAUTHENTICATED;
	case 403: return STATUS_PERMISSION_DENIED;
	case 404: return STATUS_NOT_FOUND;
	case 409: return STATUS_FAILED_PRECONDITION;
	case 413:
	case 429: return STATUS_RESOURCE_EXHAUSTED;
	case 500: return STATUS_INTERNAL;
	case 501: return STATUS_UNIMPLEMENTED;
	case 502:
	case 503: return STATUS_UNAVAILABLE;
	case 504: return STATUS_DEADLINE_EXCEEDED;
	default:  return STATUS_UNKNOWN;
	}
}

int status_from_errno(int err)
{
	switch (err) {
	case 0:            return STATUS_OK;
	case ENOENT:
	case ENOTDIR:      return STATUS_NOT_FOUND;
	case EEXIST:       return STATUS_ALREADY_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:        return STATUS_PERMISSION_DENIED;
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
	case ENOMEM:       return STATUS_RESOURCE_EXHAUSTED;
	case EINVAL:
	case ENAMETOOLONG: return STATUS_INVALID_ARGUMENT;
	case ETIMEDOUT:    return STATUS_DEADLINE_EXCEEDED;
	case ECANCELED:    return STATUS_CANCELLED;
	case ECONNREFUSED:
	case ECONNRESET:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EPIPE:        return STATUS_UNAVAILABLE;
	default:           return STATUS_INTERNAL;
	}
}
