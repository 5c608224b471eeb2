/* test/fuzz/typed.c - what people type: sizes, durations, amounts, ids, scopes; a text made visible stays so.
 */
#include "proto/typed.h"

#include "exec/visible.h"
#include "net/utf8.h"
#include "proto/cpt.h"
#include "proto/id.h"
#include "proto/rpc.h"
#include "test/fuzz/fuzz.h"

static void fuzz_amount(const char *text)
{
	char again[CPT_TEXT_SIZE];
	int64_t amount, amount_again;

	if (cpt_parse(text, &amount, NULL) != 0)
		return;
	must(cpt_valid(amount));
	must(cpt_parse(cpt_text(again, amount), &amount_again, NULL) == 0 && amount == amount_again);
	cpt_grouped(again, amount);
}

static void fuzz_visible(const char *text, size_t n)
{
	char shown[60];

	text_visible(shown, sizeof shown, text, n);
	must(is_shown(shown, sizeof shown) && text_is_visible(shown) && utf8_valid(shown, strlen(shown)));
	if (strlen(text) == n && n + 4 < sizeof shown)
		must(text_is_visible(text) == (strcmp(text, shown) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const words[] = {"follow", "timeout", "json", NULL};
	char *text = text_of(data, n), cut[9], list[64];
	unsigned scopes = scopes_from_text(text);

	must(parse_size(text) >= -1 && parse_duration_ms(text) >= -1 && parse_duration(text) >= -1);
	must(!task_id_valid(text) || id_prefix_valid(text));
	must(scopes_from_text(scopes_to_text(scopes, list, sizeof list)) == scopes);
	nearest_word(text, words);
	fuzz_amount(text);
	fuzz_visible(text, n);
	text_copy(cut, sizeof cut, text);
	must(!utf8_valid(text, strlen(text)) || utf8_valid(cut, strlen(cut)));
	free(text);
	return 0;
}
