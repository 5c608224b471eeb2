/* roles/api_result.h - bytes of a task's result to a browser, and the table of
 * contents of the tar that it is. */
#ifndef ROLES_API_RESULT_H
#define ROLES_API_RESULT_H

#include "roles/api.h"

#define RESULT_INDEXES_MAX 16

struct result_file {
	const char *path;  /* in the arena of its index */
	uint64_t size, at; /* where its bytes lie in the tar */
	bool executable;
};

/* What is in one result: made by one pass over it, kept for the next request. */
struct result_index {
	char sha256[SHA256_HEX_SIZE];
	struct result_file *files; /* in the order of the tar */
	size_t count, room;
	struct arena arena;
	int uses;                  /* requests that read in it, and the list */
	struct result_index *prev, *next;
};

/* Ask for the task of the path; then() comes when it has a result. */
void api_with_result(struct api *a, void (*then)(struct api *a, const Pb__Task *task));

/* Answer with bytes of the result, from `from` on, n of them: the head is on its way (http_begin). */
void api_send_result(struct api *a, const char *task, uint64_t from, uint64_t n);

/* None is in use. */
void result_indexes_free(struct result_index *list);

#endif
