/* test/fuzz/replay.c - feed files to one fuzz target, one after the other, without libFuzzer: the regressions
 * of `make test`.
 *
 * Usage: build/san/test/fuzz/TARGET FILE... A fault ends the program as the sanitizer or must() does; the
 * last line before it names the file. */
#include "test/fuzz/fuzz.h"

#define INPUT_MAX ((size_t)8 << 20)

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *buffer = xmalloc(INPUT_MAX), *data;
	size_t n;

	if (f == NULL) {
		perror(path);
		free(buffer);
		return 1;
	}
	fprintf(stderr, "%s\n", path);
	n = fread(buffer, 1, INPUT_MAX, f);
	fclose(f);
	data = bytes_of(buffer, n); /* of its own size, so that a read beyond it is seen */
	free(buffer);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed += replay(argv[i]);
	return failed > 0;
}
