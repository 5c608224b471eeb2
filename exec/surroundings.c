#include "exec/surroundings.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool read_word(const char *path, char *word, size_t n)
{
	FILE *file = fopen(path, "re");
	bool ok = file != NULL && fgets(word, (int)n, file) != NULL;

	if (file != NULL)
		fclose(file);
	if (ok)
		word[strcspn(word, "\n")] = '\0';
	return ok;
}

static void look_at_power(struct surroundings *s, const char *root)
{
	char path[400], word[32];
	bool discharges = false;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof path, "%s/sys/class/power_supply", root);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/sys/class/power_supply/%.64s/type", root, entry->d_name);
		if (!read_word(path, word, sizeof word) || strcmp(word, "Battery") != 0)
			continue;
		snprintf(path, sizeof path, "%s/sys/class/power_supply/%.64s/scope", root, entry->d_name);
		if (read_word(path, word, sizeof word) && strcmp(word, "Device") == 0)
			continue; /* of a mouse */
		s->has_battery = true;
		snprintf(path, sizeof path, "%s/sys/class/power_supply/%.64s/status", root, entry->d_name);
		discharges |= read_word(path, word, sizeof word) && strcmp(word, "Discharging") == 0;
	}
	if (dir != NULL)
		closedir(dir);
	s->on_mains = !discharges;
}

/* Terminals tell when they were read last: when somebody typed. */
static void look_at_terminals(struct surroundings *s, const char *root, const char *where,
			      const char *prefix, int64_t now_s)
{
	char path[400];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof path, "%s%s", root, where);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		size_t n = strlen(prefix);

		if (strncmp(entry->d_name, prefix, n) != 0 || !isdigit((unsigned char)entry->d_name[n]))
			continue;
		snprintf(path, sizeof path, "%s%s/%.64s", root, where, entry->d_name);
		if (stat(path, &st) == 0 && now_s - (int64_t)st.st_atim.tv_sec < s->typed_s)
			s->typed_s = now_s - (int64_t)st.st_atim.tv_sec;
	}
	if (dir != NULL)
		closedir(dir);
}

static double load_of_minute(const char *root)
{
	char path[400];
	double load = 0;
	FILE *file;

	snprintf(path, sizeof path, "%s/proc/loadavg", root);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%lf", &load) != 1)
		load = 0;
	fclose(file);
	return load;
}

void surroundings_look(struct surroundings *s, const char *root, double cores, double ours, int64_t now_s)
{
	*s = (struct surroundings){.typed_s = INT64_MAX};
	look_at_power(s, root);
	look_at_terminals(s, root, "/dev/pts", "", now_s);
	look_at_terminals(s, root, "/dev", "tty", now_s);
	s->load = load_of_minute(root) - ours;
	if (s->load < 0)
		s->load = 0;
	s->in_use = s->typed_s < SURROUNDINGS_IDLE_S || s->load > cores / 4;
}
