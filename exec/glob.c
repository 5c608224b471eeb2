/* exec/glob.c - a pattern is a row of tokens; which of them could come next is a set, moved on with each
 * character. */
#include "exec/glob.h"

#include <stddef.h>
#include <string.h>

#include "proto/limits.h"

enum token_kind { LITERAL, ONE, CLASS, STAR, ANYTHING, DIRECTORIES };

struct token {
	enum token_kind kind;
	char c;            /* LITERAL */
	const char *class; /* after the bracket, up to the one that closes it */
	size_t class_n;
};

struct glob {
	struct token tokens[GLOB_MAX + 1];
	size_t count;
	bool now[GLOB_MAX + 2],
		next[GLOB_MAX + 2]; /* now[i]: token i could be next; now[count]: it matches */
};

/* The bracket that closes the class opened before p, or NULL: then the bracket is a plain character. */
static const char *class_end(const char *p)
{
	if (*p == '!' || *p == '^')
		p++;
	return *p != '\0' ? strchr(p + 1, ']') : NULL;
}

static const char *read_token(struct token *t, const char *p)
{
	const char *end;

	if (p[0] == '*' && p[1] == '*') {
		t->kind = p[2] == '/' ? DIRECTORIES : ANYTHING;
		return p + (p[2] == '/' ? 3 : 2);
	}
	if (*p == '*' || *p == '?') {
		t->kind = *p == '*' ? STAR : ONE;
		return p + 1;
	}
	if (*p == '[' && (end = class_end(p + 1)) != NULL) {
		*t = (struct token){CLASS, 0, p + 1, (size_t)(end - p - 1)};
		return end + 1;
	}
	if (*p == '\\' && p[1] != '\0')
		p++;
	*t = (struct token){LITERAL, *p, NULL, 0};
	return p + 1;
}

static bool class_has(const struct token *t, char c)
{
	const unsigned char *p = (const unsigned char *)t->class, *end = p + t->class_n;
	unsigned char u = (unsigned char)c;
	bool negated = *p == '!' || *p == '^', found = false;

	for (p += negated; p < end; p++) {
		if (p + 2 < end && p[1] == '-') {
			found |= u >= p[0] && u <= p[2];
			p += 2;
		} else {
			found |= u == *p;
		}
	}
	return found != negated;
}

/* Token i could be next; what can stand for nothing lets the one after it be next too. */
static void add(const struct glob *g, bool *set, size_t i)
{
	set[i] = true;
	while (i < g->count && g->tokens[i].kind >= STAR)
		set[++i] = true;
}

static void step(struct glob *g, char c)
{
	memset(g->next, 0, sizeof g->next);
	for (size_t i = 0; i < g->count; i++) {
		const struct token *t = &g->tokens[i];

		if (!g->now[i])
			continue;
		if ((t->kind == LITERAL && t->c == c) || (t->kind == ONE && c != '/') ||
		    (t->kind == CLASS && c != '/' && class_has(t, c)))
			add(g, g->next, i + 1);
		else if (t->kind == ANYTHING || (t->kind == STAR && c != '/'))
			add(g, g->next, i);
		else if (t->kind == DIRECTORIES)
			g->next[i] = true;
		if (t->kind == DIRECTORIES && c == '/')
			add(g, g->next, i + 1);
	}
	memcpy(g->now, g->next, sizeof g->now);
}

static void run(struct glob *g, const char *pattern, const char *path)
{
	memset(g, 0, sizeof *g);
	while (*pattern != '\0' && g->count <= GLOB_MAX)
		pattern = read_token(&g->tokens[g->count++], pattern);
	add(g, g->now, 0);
	for (; *path != '\0'; path++)
		step(g, *path);
}

bool glob_match(const char *pattern, const char *path)
{
	struct glob g;

	run(&g, pattern, path);
	return g.now[g.count];
}

bool glob_reaches(const char *pattern, const char *directory)
{
	struct glob g;

	run(&g, pattern, directory);
	step(&g, '/');
	for (size_t i = 0; i < g.count; i++) {
		if (g.now[i])
			return true;
	}
	return false;
}
