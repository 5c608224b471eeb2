/* test/fuzz/glob.c - a pattern and a path, with a zero byte between: it ends, and what matches lies in a
 * directory that the pattern reaches. */
#include "exec/glob.h"

#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = text_of(data, n), *slash;
	const char *path = text + strlen(text) + 1;

	if (path <= text + n) {
		char *directory = text_of(path, strlen(path));

		if (glob_match(text, path) && (slash = strrchr(directory, '/')) != NULL &&
		    slash > directory && slash[1] != '\0') {
			*slash = '\0';
			must(glob_reaches(text, directory));
		}
		free(directory);
	}
	free(text);
	return 0;
}
