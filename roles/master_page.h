/* roles/master_page.h - the files of the master's page (ui/page/), as the front serves them. */
#ifndef ROLES_MASTER_PAGE_H
#define ROLES_MASTER_PAGE_H

#include "ui/http.h"

/* Returns how many there are; they live as long as the program. */
size_t master_page(const struct http_file **files);

#endif
