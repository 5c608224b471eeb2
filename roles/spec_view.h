/* roles/spec_view.h - what a task asks for, as JSON: of a bundle that is checked, of a task that is looked
 * at. */
#ifndef ROLES_SPEC_VIEW_H
#define ROLES_SPEC_VIEW_H

#include "ui/json.h"

#include "hivemind.pb-c.h"

/* As the member `key` of the object that is open in j; null for NULL. */
void spec_json(struct json *j, const char *key, const Pb__TaskSpec *spec);

#endif
