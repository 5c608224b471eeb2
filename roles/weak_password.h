/* roles/weak_password.h - passwords that are tried first by whoever tries: refused when an account is made.
 *
 * The commonest ones of PASSWORD_MIN characters and more, whatever their case and with digits or marks
 * behind; the name of the account, alone or twice or with such behind; one or two characters again and again;
 * runs of the alphabet, of the digits or of the keyboard. A list of a few hundred and some rules, not a
 * dictionary: behind the throttle nobody has more than a hundred tries. */
#ifndef ROLES_WEAK_PASSWORD_H
#define ROLES_WEAK_PASSWORD_H

/* What is wrong with it, as words that go on "this password ..."; NULL = nothing that we know. */
const char *password_weakness(const char *password, const char *account_name);

#endif
