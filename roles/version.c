/* roles/version.c - hivemind version: which hivemind this is, and the libraries it stands on. */
#include <cjson/cJSON.h>
#include <curl/curlver.h>
#include <hiredis/hiredis.h>
#include <mbedtls/version.h>
#include <nghttp2/nghttp2.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <uv.h>
#include <zlib.h>

#include "roles/roles.h"
#include "ui/json.h"
#include "ui/options.h"
#include "ui/term.h"

static const struct verb_help help = {
    .usage = "hivemind version [options]",
    .summary = "Which hivemind this is; with --json also the libraries it stands on. Say it when you report "
               "something.",
    .examples = "hivemind version\n"
		"hivemind version --json",
};

#define TEXT_OF(x) #x
#define DIGITS(x) TEXT_OF(x)

static void libraries_json(struct json *j)
{
	char mbedtls[16] = "";

	mbedtls_version_get_string(mbedtls);
	json_object(j, "libraries");
	json_text(j, "libuv", uv_version_string());
	json_text(j, "nghttp2", nghttp2_version(0)->version_str);
	json_text(j, "protobuf-c", protobuf_c_version());
	json_text(j, "hiredis", DIGITS(HIREDIS_MAJOR) "." DIGITS(HIREDIS_MINOR) "." DIGITS(HIREDIS_PATCH));
	json_text(j, "libcurl", LIBCURL_VERSION);
	json_text(j, "mbedtls", mbedtls);
	json_text(j, "cjson", cJSON_Version());
	json_text(j, "zlib", zlibVersion());
	json_end(j);
}

static void print_json(void)
{
	struct utsname machine;
	struct buf out = {0};
	struct json j;

	uname(&machine);
	json_document(&j, &out);
	json_text(&j, "version", HIVEMIND_VERSION);
	json_text(&j, "machine", machine.machine);
	json_text(&j, "kernel", machine.release);
	libraries_json(&j);
	json_end(&j);
	printf("%s\n", buf_text(&out));
	buf_release(&out);
}

int version_main(int argc, char **argv)
{
	struct globals globals;
	struct error err = {0};
	const char *args[1];
	int count, rc = options_parse(argc, argv, NULL, &help, &globals, args, 0, &count, &err);

	if (rc == OPTIONS_HELPED)
		return 0;
	if (rc != 0)
		return term_error(&err, globals.json);
	if (globals.json)
		print_json();
	else
		printf("hivemind %s\n", HIVEMIND_VERSION);
	return 0;
}
