/* exec/visible.h - hostile text (a name in an archive) made fit to stand in a sentence. */
#ifndef EXEC_VISIBLE_H
#define EXEC_VISIBLE_H

#include <stdbool.h>
#include <stddef.h>

/* Write the n bytes of text as printable UTF-8: controls, what is no UTF-8 and the marks that turn the
 * writing direction become \xNN. Longer than size: the end is cut and "..." stands for it. size is at
 * least 8. */
void text_visible(char *out, size_t size, const char *text, size_t n);

/* Would text_visible() leave it as it is? */
bool text_is_visible(const char *text);

#endif
