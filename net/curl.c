/* net/curl.c - open libcurl and find what we call of it. */
#include "net/curl.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "net/log.h"
#include "proto/status.h"

struct curl curl;

#define FIND(type, name, arguments) \
	if ((*(void **)&curl.name = dlsym(curl.library, "curl_" #name)) == NULL) { \
		log_error("libcurl lacks curl_" #name); \
		exit(EXIT_BUG); \
	}

void curl_open(void)
{
	if (curl.library != NULL)
		return;
	curl.library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	if (curl.library == NULL) {
		log_error("libcurl is missing: install libcurl4 reason=\"%s\"", dlerror());
		exit(EXIT_BUG);
	}
	CURL_FUNCTIONS(FIND)
	curl.global_init(CURL_GLOBAL_NOTHING);
}
