/* test/fuzz/manifest.c - hivemind.json: what is taken is a spec within its bounds that can travel as a
 * message, what is refused has words that may be shown. */
#include "exec/manifest.h"
#include "net/message.h"
#include "test/fuzz/fuzz.h"

static void check_spec(const Pb__TaskSpec *spec)
{
	struct arena arena = {0};
	struct buf b = {0};
	struct error e = {0};

	must(protobuf_c_message_check(&spec->base));
	must(message_write(&b, &spec->base) == 0);
	must(message_read(spec->base.descriptor, b.data + 5, b.n - 5, &arena, &e) != NULL);
	buf_release(&b);
	arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	Pb__TaskSpec spec = PB__TASK_SPEC__INIT;
	struct arena arena = {0};
	struct error e = {0};
	uint8_t *bytes = bytes_of(data, n);
	int status = manifest_parse(&spec, &arena, (const char *)bytes, n, "bundle", &e);

	must(status == e.status);
	if (status == 0)
		status = manifest_choose_command(&spec, true, false, &arena, &e);
	if (status == 0 && spec_check(&spec, &e) == 0)
		check_spec(&spec);
	must(is_shown(e.text, sizeof e.text));
	free(bytes);
	arena_release(&arena);
	return 0;
}
