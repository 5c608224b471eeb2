/* roles/admission.h - who may make an account, so that taking the gift many times is not worth it.
 *
 *   open      anyone who has done the proof of work (Accounts.Challenge); the gift pays for tasks only
 *   invite    whoever has a code that an administrator has made, once each; the gift is ordinary CPT
 *   approve   the same, and each code is for one name
 *   closed    nobody
 *
 * Names in --admin are reserved: they can be registered from the pool's own machine, or with an invitation
 * for the name, which the operator prints with `hivemind pool --print-invitation NAME`.
 *
 * Challenges and invitations are texts signed with a key in the data directory, so nothing of them is stored;
 * that an invitation is used once is the call_id of its registration (store_register). Networks (/24, /56)
 * have a limit a day, and each account of a network doubles the work for the next; loopback has none. */
#ifndef ROLES_ADMISSION_H
#define ROLES_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/id.h"
#include "proto/limits.h"
#include "ui/options.h"

#define ADMISSION_TEXT_MAX 160 /* of a challenge or a code */
#define WORK_BITS_DEFAULT 20
#define WORK_BITS_MAX 40

enum admission_mode { ADMISSION_OPEN, ADMISSION_INVITE, ADMISSION_APPROVE, ADMISSION_CLOSED };

struct admission {
	enum admission_mode mode;
	int64_t gift_mcpt;
	unsigned work_bits;
	struct texts admins;
	char key[SHA256_HEX_SIZE];
	struct network *networks; /* that have registered today */
	int64_t day;
	uint32_t today;           /* accounts */
};

/* mode by its name; key_path is read, or made with a fresh key. INVALID_ARGUMENT: no such mode. */
int admission_open(struct admission *a, const char *mode, const char *key_path, struct error *err);
void admission_close(struct admission *a);
const char *admission_mode_name(const struct admission *a);
bool admission_is_admin(const struct admission *a, const char *name);

/* What someone at this address has to do for this name. Returns the bits. */
unsigned admission_challenge(struct admission *a, const char *name, const char *peer, int64_t now_ms,
			     char text[ADMISSION_TEXT_MAX]);
/* name "" = for anybody. */
void admission_invite(const struct admission *a, const char *name, int64_t expires_ms,
		      char code[ADMISSION_TEXT_MAX]);

struct application {
	const char *name, *peer;
	const char *challenge, *invitation; /* "" = none */
	uint64_t nonce;
};

/* May it register? 0; PERMISSION_DENIED, FAILED_PRECONDITION (the work), RESOURCE_EXHAUSTED (its network).
 * With an invitation that it needs, call_id becomes the one that this code has, else "". */
int admission_check(struct admission *a, const struct application *p, int64_t now_ms,
		    char call_id[CALL_ID_MAX + 1], struct error *err);
/* It has registered. */
void admission_count(struct admission *a, const char *peer, int64_t now_ms);

/* The client's part: the first number whose hash has that many zero bits. Blocks for 2^bits hashes. */
uint64_t work_do(const char *challenge, unsigned bits);
bool work_is_done(const char *challenge, uint64_t nonce, unsigned bits);

/* "203.0.113.0/24" of "203.0.113.9:4711": what counts as one network. false = this machine. */
bool network_of(const char *peer, char network[64]);

#endif
