/* store/script.c - the Lua scripts that are built into the program, as Redis is given them.
 *
 * The first line of a script says its flags (#!lua); common.lua, which every script may use, goes
 * behind that line, then fence.lua in those that may write, and ledger.lua in those that
 * move money. Composed once, at the first use. */
#include <mbedtls/sha1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/embed.h"
#include "net/memory.h"
#include "store/call.h"

EMBED(common_lua);
EMBED(fence_lua);
EMBED(ledger_lua);
#define SCRIPT_EMBED(id, name) EMBED(name##_lua);
SCRIPTS(SCRIPT_EMBED)
#undef SCRIPT_EMBED

static const struct {
	const char *name, *text;
} sources[SCRIPT_COUNT] = {
#define SCRIPT_SOURCE(id, name) [id] = {#name, embed_##name##_lua},
	SCRIPTS(SCRIPT_SOURCE)
#undef SCRIPT_SOURCE
};

static struct {
	char *text, sha[41];
	size_t n;
} scripts[SCRIPT_COUNT];

static const char *after_first_line(const char *text)
{
	return strchr(text, '\n') + 1;
}

bool script_moves_money(int script)
{
	static const bool moves[SCRIPT_COUNT] = {
#define SCRIPT_MOVES(id, name) [id] = true,
		MONEY_SCRIPTS(SCRIPT_MOVES)
#undef SCRIPT_MOVES
	};

	return moves[script];
}

bool script_is_fenced(int script)
{
	static const bool leads[SCRIPT_COUNT] = {
#define SCRIPT_LEADS(id, name) [id] = true,
		LEADER_SCRIPTS(SCRIPT_LEADS)
#undef SCRIPT_LEADS
	};
	const char *text = sources[script].text, *reads = strstr(text, "no-writes");

	return !leads[script] && (reads == NULL || reads > after_first_line(text));
}

static void set_text(int script, char *text)
{
	unsigned char digest[20];

	free(scripts[script].text);
	scripts[script].text = text;
	scripts[script].n = strlen(text);
	mbedtls_sha1_ret((const unsigned char *)text, scripts[script].n, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(scripts[script].sha + 2 * i, 3, "%02x", digest[i]);
}

static void compose(int script)
{
	const char *source = sources[script].text, *rest = after_first_line(source);
	const char *fence = script_is_fenced(script) ? after_first_line(embed_fence_lua) : "";
	const char *ledger = script_moves_money(script) ? after_first_line(embed_ledger_lua) : "";

	set_text(script, xasprintf("%.*s%s%s%s%s", (int)(rest - source), source, after_first_line(embed_common_lua),
				   fence, ledger, rest));
}

int scripts_change_for_test(const char *from, const char *to)
{
	int changed = 0;

	for (int i = 0; i < SCRIPT_COUNT; i++) {
		const char *at;

		compose(i);
		at = from != NULL ? strstr(scripts[i].text, from) : NULL;
		if (at == NULL)
			continue;
		changed++;
		set_text(i, xasprintf("%.*s%s%s", (int)(at - scripts[i].text), scripts[i].text, to,
				      at + strlen(from)));
	}
	return changed;
}

const char *script_text(int script, size_t *n)
{
	if (scripts[script].text == NULL)
		compose(script);
	*n = scripts[script].n;
	return scripts[script].text;
}

const char *script_sha(int script)
{
	size_t n;

	script_text(script, &n);
	return scripts[script].sha;
}

const char *script_name(int script)
{
	return sources[script].name;
}
