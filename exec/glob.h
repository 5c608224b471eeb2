/* exec/glob.h - patterns of names: `*` and `?` within one part of a path, `[a-z]` `[!a-z]` one character of
 * it, `**` any number of parts ("out/" and two stars is all below out; two stars before "/x" is x at any
 * depth), `\` takes away what the next character means. Time grows with pattern times path, whatever the
 * pattern. */
#ifndef EXEC_GLOB_H
#define EXEC_GLOB_H

#include <stdbool.h>

bool glob_match(const char *pattern, const char *path);

/* Could it match something below this directory? */
bool glob_reaches(const char *pattern, const char *directory);

#endif
