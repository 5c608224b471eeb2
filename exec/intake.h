/* exec/intake.h - a tar on its way in: checked, hashed and, when it comes from elsewhere than a file, kept in
 * a temporary one. What a bundle must know of itself is noted as it passes. Part of exec/bundle.h. */
#ifndef EXEC_INTAKE_H
#define EXEC_INTAKE_H

#include "exec/bundle.h"
#include "exec/tar.h"
#include "net/buf.h"
#include "net/sha256.h"

struct intake {
	struct bundle *bundle;
	const char *name; /* of what is read, for words */
	int to;           /* temporary file; -1 = the bundle is read where it lies */
	struct tar_reader *reader;
	struct sha256 sha256;
	struct buf manifest; /* text of hivemind.json */
	bool in_manifest, has_run_sh, has_main_py;
	void (*progress)(void *user, uint64_t bytes);
	void *user;
	uint64_t read; /* bytes of the source, for progress */
};

void intake_init(struct intake *in, struct bundle *b, const char *name);
int intake_keep(struct intake *in,
		struct error *err); /* what comes goes into a temporary file, which becomes the bundle's */
int intake_put(struct intake *in, const void *data, size_t n, struct error *err);
int intake_end(struct intake *in, struct error *err);
void intake_release(struct intake *in);

/* Say that n more bytes of the source were read. */
void intake_progress(struct intake *in, size_t n);

/* Pack the open directory into it, sorted; .git and what .hivemindignore names is left out (bundle_tree.c).
 */
int intake_directory(struct intake *in, int fd, struct error *err);

#endif
