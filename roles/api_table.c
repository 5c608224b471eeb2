#include "roles/api_table.h"

#include "net/memory.h"

int api_check_request(const struct api_row *row, struct http_request *r, cJSON **body)
{
	struct error err = {0};

	*body = NULL;
	if (api_check_query(row, r, &err) == 0 && row->body != NULL)
		api_check_body(row, (const char *)r->body, r->body_n, body, &err);
	if (err.status != 0)
		api_problem(r, &err);
	return err.status;
}

static void serve(struct http_request *r)
{
	const struct api_row *row = r->route->doc;
	cJSON *body;

	if (api_check_request(row, r, &body) != 0)
		return;
	row->serve(r, body);
	cJSON_Delete(body);
}

struct http_route *api_table_routes(const struct api_table *t, http_handler *run)
{
	struct http_route *routes = xcalloc(t->count, sizeof *routes);

	for (size_t i = 0; i < t->count; i++) {
		const struct api_row *row = &t->rows[i];

		routes[i] = (struct http_route){
			.method = row->method, .path = row->path,
			.handler = row->handler != NULL ? row->handler : row->serve != NULL ? serve : run,
			.flags = row->flags, .takes = row->takes, .body_max = row->body_max, .doc = row};
	}
	return routes;
}
