#include "roles/task_find.h"

#include <string.h>

#include "proto/id.h"
#include "proto/status.h"

static const char *newest(struct client *c)
{
	Pb__ListTasksRequest request = PB__LIST_TASKS_REQUEST__INIT;
	Pb__ListTasksReply *reply;

	request.limit = 1;
	reply = client_call_again(c, RPC_LIST_TASKS, &request);
	if (reply == NULL)
		return NULL;
	if (reply->n_tasks > 0)
		return reply->tasks[0]->id;
	error_set(&c->error, STATUS_NOT_FOUND, "you have no tasks, so there is no last one");
	error_hint(&c->error, "Submit one   hivemind submit DIR");
	return NULL;
}

const char *task_id_of(struct client *c, const char *word)
{
	if (strcmp(word, "last") == 0)
		return newest(c);
	if (id_prefix_valid(word))
		return word;
	error_set(&c->error, STATUS_INVALID_ARGUMENT, "\"%.40s\" is not a task id", word);
	error_hint(&c->error,
	           "Type the first %d characters or more of one, or: last\nYour tasks   hivemind ps",
	           ID_PREFIX_MIN);
	return NULL;
}

Pb__Task *task_get(struct client *c, const char *word)
{
	Pb__GetTaskRequest request = PB__GET_TASK_REQUEST__INIT;
	const char *id = task_id_of(c, word);
	Pb__Task *task;

	if (id == NULL)
		return NULL;
	request.id = (char *)id;
	task = client_call_again(c, RPC_GET_TASK, &request);
	if (task == NULL && c->error.status == STATUS_NOT_FOUND && c->error.hint[0] == '\0')
		error_hint(&c->error, "Your tasks   hivemind ps -a");
	return task;
}
