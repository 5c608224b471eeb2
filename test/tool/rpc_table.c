/* test/tool/rpc_table.c - prints the rows of proto/rpc.h and proto/standard.h as JSON, a line each, for tests
 * that must know every RPC. */
#include <stdio.h>

#include "proto/rpc.h"
#include "proto/standard.h"

static void print(const struct rpc_method *m)
{
	char scopes[64];

	printf("{\"path\":\"%s\",\"streams_in\":%s,\"streams_out\":%s,\"scopes\":\"%s\",\"local\":%s}\n", m->path,
	       m->streams_in ? "true" : "false", m->streams_out ? "true" : "false",
	       scopes_to_text(m->scope, scopes, sizeof scopes), m->scope & SCOPE_LOCAL ? "true" : "false");
}

int main(void)
{
	for (int i = 0; i < RPC_COUNT; i++)
		print(&rpc_methods[i]);
	for (int i = 0; i < STANDARD_COUNT; i++)
		print(&standard_methods[i]);
	return 0;
}
