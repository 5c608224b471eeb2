#include "roles/weak_password.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "proto/limits.h"

/* In lower case. Short ones too: with digits behind them they are long enough, and as common. */
static const char *const common[] = {
    "1q2w3e4r", "1q2w3e4r5t", "1qaz2wsx", "a1b2c3d4", "aa123456", "abc123", "abcd1234", "access", "admin",
    "admin123", "administrator", "alexander", "alexandra", "amanda", "andrew", "angel", "angels", "anthony",
    "apple", "april", "arsenal", "asdf", "asdfgh", "asdfghjk", "ashley", "august", "autumn", "azerty",
    "babygirl", "bailey", "banana", "barcelona", "baseball", "basketball", "batman", "beautiful", "benjamin",
    "bienvenue", "blessed", "blink182", "brother", "buster", "butterfly", "caroline", "catherine",
    "changeit", "changeme", "charlie", "cheese", "chelsea", "cherry", "chicken", "chocolate", "christ",
    "christian", "christopher", "cisco", "coffee", "computer", "contrasena", "contraseña", "cookie",
    "correcthorsebatterystaple", "corvette", "cowboys", "crystal", "daniel", "database", "debian",
    "december", "default", "demo", "diamond", "docker", "dragon", "eagles", "elizabeth", "facebook",
    "family", "father", "february", "ferrari", "flower", "football", "forever", "fortnite", "freedom",
    "friday", "friends", "gabriel", "gandalf", "garfield", "george", "ginger", "golden", "goodbye", "google",
    "guest", "hannah", "harley", "heaven", "hello", "hellohello", "helloworld", "hivemind", "hockey",
    "hunter", "hunter2", "iloveu", "iloveyou", "internet", "january", "jennifer", "jessica", "jesus",
    "jesuschrist", "johnny", "jonathan", "jordan", "joseph", "joshua", "july", "june", "killer", "lakers",
    "letmein", "linkedin", "linux", "liverpool", "login", "lovelove", "lovely", "loveme", "maggie",
    "manager", "manchester", "march", "martin", "master", "matrix", "matthew", "maverick", "mercedes",
    "merlin", "michael", "michelle", "mickey", "microsoft", "minecraft", "minnie", "monday", "monkey",
    "motdepasse", "mother", "mustang", "mysql", "naruto", "nathaniel", "nicole", "ninja", "nintendo",
    "november", "october", "oracle", "orange", "p@ssw0rd", "p@ssword", "pa55w0rd", "pa55word", "parola",
    "passw0rd", "password", "passwort", "patrick", "peanut", "pepper", "phoenix", "pikachu", "playstation",
    "pokemon", "porsche", "postgres", "pretty", "princess", "pumpkin", "purple", "q1w2e3r4", "qazwsx",
    "qazwsxedc", "qwerty", "qwertz", "rainbow", "ranger", "realmadrid", "redis", "richard", "robert",
    "rockyou", "root", "salasana", "samantha", "samsung", "saturday", "scooby", "scorpion", "sebastian",
    "secret", "senha", "september", "server", "shadow", "silver", "sister", "snoopy", "snowball", "soccer",
    "spiderman", "spring", "startrek", "starwars", "steelers", "stephanie", "steven", "strawberry", "summer",
    "sunday", "sunshine", "superman", "sweetheart", "test", "tester", "testing", "thomas", "thursday",
    "tigger", "tinkerbell", "toor", "topsecret", "trustno1", "tuesday", "twitter", "ubuntu", "victoria",
    "volunteer", "wachtwoord", "warrior", "wednesday", "welcome", "whatever", "william", "willkommen",
    "windows", "winter", "wizard", "worker", "xbox360", "yankees", "youtube", "zaq12wsx", "zxcvbn",
    "zxcvbnm",
};

static const char *const runs[] = {
	"abcdefghijklmnopqrstuvwxyz", "01234567890123456789",       "qwertyuiopasdfghjklzxcvbnm",
	"qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn", "1q2w3e4r5t6z7u8i9o0p",
	"1q2w3e4r5t6y7u8i9o0p",
};

static void lower(char *to, const char *from)
{
	size_t n = 0;

	for (; from[n] != '\0' && n < PASSWORD_MAX; n++)
		to[n] = (char)tolower((unsigned char)from[n]);
	to[n] = '\0';
}

/* The word, with nothing but digits and marks behind it. */
static bool begins_and_ends(const char *text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(text, word, n) != 0)
		return false;
	for (text += n; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text) && !ispunct((unsigned char)*text))
			return false;
	}
	return true;
}

static bool twice(const char *text, const char *word)
{
	size_t n = strlen(word);

	return strncmp(text, word, n) == 0 && begins_and_ends(text + n, word);
}

static bool is_run(const char *text)
{
	char back[PASSWORD_MAX + 1] = "";
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		back[i] = text[n - 1 - i];
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
		if (strstr(runs[i], text) != NULL || strstr(runs[i], back) != NULL)
			return true;
	}
	return false;
}

/* Of how many different characters? */
static unsigned kinds(const char *text)
{
	bool seen[256] = {false};
	unsigned n = 0;

	for (; *text != '\0'; text++) {
		n += !seen[(unsigned char)*text];
		seen[(unsigned char)*text] = true;
	}
	return n;
}

const char *password_weakness(const char *password, const char *account_name)
{
	char text[PASSWORD_MAX + 1];

	lower(text, password);
	if (begins_and_ends(text, account_name) || twice(text, account_name))
		return "is the name of the account";
	if (kinds(text) <= 2)
		return "is one or two characters again and again";
	if (is_run(text) || strspn(text, "0123456789") == strlen(text))
		return "is a run of the keyboard, or only digits";
	for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
		if (begins_and_ends(text, common[i]) || twice(text, common[i]))
			return "is one of the commonest there are";
	}
	return NULL;
}
