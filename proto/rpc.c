#include "proto/rpc.h"

#include <stdio.h>
#include <string.h>

const struct rpc_method rpc_methods[RPC_COUNT] = {
#define RPC_ROW(id, service, method, request, reply, in, out, scope) \
	[id] = {"/hivemind.v1." #service "/" #method, &pb__##request##__descriptor, \
		&pb__##reply##__descriptor, in, out, scope},
	RPCS(RPC_ROW)
#undef RPC_ROW
};

static const struct {
	unsigned scope;
	const char *name;
} scopes[] = {
	{SCOPE_SUBMIT, "submit"}, {SCOPE_READ, "read"},   {SCOPE_WORKER, "worker"},
	{SCOPE_SPEND, "spend"},   {SCOPE_ADMIN, "admin"},
};

#define SCOPE_COUNT (sizeof scopes / sizeof scopes[0])

const char *scopes_to_text(unsigned set, char *buf, unsigned long n)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < SCOPE_COUNT && used < n; i++)
		if (set & scopes[i].scope)
			used += (size_t)snprintf(buf + used, n - used, "%s%s", used > 0 ? " " : "",
						 scopes[i].name);
	return buf;
}

static unsigned scope_named(const char *name, size_t length)
{
	for (size_t i = 0; i < SCOPE_COUNT; i++)
		if (strlen(scopes[i].name) == length && memcmp(scopes[i].name, name, length) == 0)
			return scopes[i].scope;
	return 0;
}

unsigned scopes_from_text(const char *text)
{
	unsigned set = 0;

	for (text += strspn(text, " ,"); *text != '\0'; text += strspn(text, " ,")) {
		size_t length = strcspn(text, " ,");
		unsigned scope = scope_named(text, length);

		if (scope == 0)
			return 0;
		set |= scope;
		text += length;
	}
	return set;
}
