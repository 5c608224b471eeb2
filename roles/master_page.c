#include "roles/master_page.h"

HTTP_FILE_EMBED(master_html);
HTTP_FILE_EMBED(base_css);
HTTP_FILE_EMBED(master_js);
HTTP_FILE_EMBED(live_hub_js);
HTTP_FILE_EMBED(hash_js);
HTTP_FILE_EMBED(en_json);
HTTP_FILE_EMBED(zh_TW_json);

#define SCRIPT "text/javascript; charset=utf-8"

size_t master_page(const struct http_file **files)
{
	static const struct http_file page[] = {
		HTTP_FILE("/", "text/html; charset=utf-8", master_html),
		HTTP_FILE("/base.css", "text/css; charset=utf-8", base_css),
		HTTP_FILE("/master.js", SCRIPT, master_js),
		HTTP_FILE("/live-hub.js", SCRIPT, live_hub_js),
		HTTP_FILE("/hash.js", SCRIPT, hash_js),
		HTTP_FILE("/lang/en.json", "application/json", en_json),
		HTTP_FILE("/lang/zh-TW.json", "application/json", zh_TW_json),
	};

	*files = page;
	return sizeof page / sizeof page[0];
}
