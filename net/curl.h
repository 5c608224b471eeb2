/* net/curl.h - libcurl, opened when it is first needed and not linked: with its own libraries it costs 8 MB
 * and 4 ms, which only a process that speaks to an engine should pay.
 *
 * After curl_open() curl.NAME is curl_NAME of the library; without a libcurl, or with one that lacks a
 * function, the process says so and ends. Only net/fetch.c includes this. */
#ifndef NET_CURL_H
#define NET_CURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define CURL_FUNCTIONS(X) \
	X(CURLcode, global_init, (long)) \
	X(CURL *, easy_init, (void)) \
	X(void, easy_cleanup, (CURL *)) \
	X(CURLcode, easy_setopt, (CURL *, CURLoption, ...)) \
	X(CURLcode, easy_getinfo, (CURL *, CURLINFO, ...)) \
	X(CURLcode, easy_pause, (CURL *, int)) \
	X(const char *, easy_strerror, (CURLcode)) \
	X(struct curl_slist *, slist_append, (struct curl_slist *, const char *)) \
	X(void, slist_free_all, (struct curl_slist *)) \
	X(CURLM *, multi_init, (void)) \
	X(CURLMcode, multi_cleanup, (CURLM *)) \
	X(CURLMcode, multi_setopt, (CURLM *, CURLMoption, ...)) \
	X(CURLMcode, multi_add_handle, (CURLM *, CURL *)) \
	X(CURLMcode, multi_remove_handle, (CURLM *, CURL *)) \
	X(CURLMcode, multi_assign, (CURLM *, curl_socket_t, void *)) \
	X(CURLMcode, multi_socket_action, (CURLM *, curl_socket_t, int, int *)) \
	X(CURLMsg *, multi_info_read, (CURLM *, int *))

#define CURL_DECLARE(type, name, arguments) type(*name) arguments;
struct curl {
	void *library;
	CURL_FUNCTIONS(CURL_DECLARE)
};

extern struct curl curl;

void curl_open(void);

#endif
