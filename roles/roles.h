/* roles/roles.h - the commands of hivemind: one file, one X_main, one row in hivemind.c each.
 *
 * To add one: roles/NAME.c with NAME_main and its option table; its prototype here; its row in
 * hivemind.c; its section in man/hivemind.1. NAME_main returns the exit code (proto/status.h). */
#ifndef ROLES_ROLES_H
#define ROLES_ROLES_H

#define HIVEMIND_VERSION "0.1.0"
extern const char *hivemind_commit; /* of which it was built; main() says */

int pool_main(int argc, char **argv);
int worker_main(int argc, char **argv);
int worker_supervisor_main(int argc, char **argv); /* started by the worker alone */
#define SUPERVISOR_VERB "worker-supervisor"
int master_main(int argc, char **argv);
int dev_main(int argc, char **argv);
int demo_main(int argc, char **argv);

int register_main(int argc, char **argv);
int login_main(int argc, char **argv);
int logout_main(int argc, char **argv);
int whoami_main(int argc, char **argv);
int token_main(int argc, char **argv);

int init_main(int argc, char **argv);
int check_main(int argc, char **argv);
int submit_main(int argc, char **argv);
int run_main(int argc, char **argv);
int ps_main(int argc, char **argv);
int status_main(int argc, char **argv);
int logs_main(int argc, char **argv);
int wait_main(int argc, char **argv);
int get_main(int argc, char **argv);
int stop_main(int argc, char **argv);
int rm_main(int argc, char **argv);

int balance_main(int argc, char **argv);
int statement_main(int argc, char **argv);
int quote_main(int argc, char **argv);
int price_main(int argc, char **argv);
int transfer_main(int argc, char **argv);
int tip_main(int argc, char **argv);
int project_main(int argc, char **argv);
int earnings_main(int argc, char **argv);
int invite_main(int argc, char **argv);
int ledger_main(int argc, char **argv);

int workers_main(int argc, char **argv);
int info_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int version_main(int argc, char **argv);

#endif
