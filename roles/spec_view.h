/* roles/spec_view.h - what a task asks for, as JSON: of a bundle that is checked, of a task that is looked
 * at. */
#ifndef ROLES_SPEC_VIEW_H
#define ROLES_SPEC_VIEW_H

#include "ui/json.h"

#include "hivemind.pb-c.h"

/* As the member `key` of the object that is open in j; null for NULL. */
void spec_json(struct json *j, const char *key, const Pb__TaskSpec *spec);

/* What became of a submission: fields of the object that is open in j. files of the
 * bundle: -1 = not known. */
void submitted_json(struct json *j, const Pb__TaskSpec *spec, const char *sha256, uint64_t size,
		    int64_t files, const Pb__SubmitReply *reply);

#endif
