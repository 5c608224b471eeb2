/* proto/cpt.h - amounts of money: whole milli-CPT in an int64_t,
 * decimal text with up to three decimals outside.
 *
 * The supply is 10^15 units, which a double holds exactly, so Lua,
 * JSON and JavaScript agree. Never a float. */
#ifndef PROTO_CPT_H
#define PROTO_CPT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

#define CPT 1000ll                       /* milli-CPT in one CPT */
#define CPT_SUPPLY 1000000000000000ll    /* all there ever is, in milli-CPT */
#define CPT_GIFT (150 * CPT)             /* to each new account, once */
#define CPT_TEXT_SIZE 32

/* "12", "12.5", "0.001" to milli-CPT. INVALID_ARGUMENT: no number of at most three
 * decimals, negative, or more than the supply. */
int cpt_parse(const char *text, int64_t *mcpt, struct error *err);

/* "12.5": for JSON and machines. Returns text. Any int64_t. */
const char *cpt_text(char text[CPT_TEXT_SIZE], int64_t mcpt);

/* "1,234,567.5": for people. Returns text. */
const char *cpt_grouped(char text[CPT_TEXT_SIZE], int64_t mcpt);

/* May it be moved: 0 or more and not above the supply. */
bool cpt_valid(int64_t mcpt);

#endif
