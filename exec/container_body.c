/* exec/container_body.c owns: the body of POST /containers/create.
 *
 * No network, no capability, no new privileges, our own system call list (exec/seccomp.json), a root
 * that cannot be written, a user of its own, limits on memory (= swap), CPU, processes, files and sizes,
 * and one directory of the host: the scratch of the attempt. MaskedPaths and ReadonlyPaths are left out
 * because naming them would replace the engine's own lists. Podman needs nofile and nproc named, else it
 * asks for more than it may have. */
#define _GNU_SOURCE /* vasprintf, memfd_create */
#include "exec/container_body.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net/embed.h"
#include "net/memory.h"

EMBED(seccomp_json);

static void add_text(cJSON *array, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_text(cJSON *array, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		abort();
	va_end(arguments);
	cJSON_AddItemToArray(array, cJSON_CreateString(text));
	free(text);
}

/* Numbers of more than 2^31 lose nothing: cJSON prints what a double holds, and the largest here is far
 * below 2^53. */
static void add_ulimit(cJSON *array, const char *name, uint64_t value)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "Name", name);
	cJSON_AddNumberToObject(item, "Soft", (double)value);
	cJSON_AddNumberToObject(item, "Hard", (double)value);
	cJSON_AddItemToArray(array, item);
}

static void add_ulimits(cJSON *host, const Pb__Resources *resources)
{
	cJSON *array = cJSON_AddArrayToObject(host, "Ulimits");

	add_ulimit(array, "nofile", FILES_MAX);
	add_ulimit(array, "nproc", PIDS_MAX);
	add_ulimit(array, "core", 0);
	if (resources->disk > 0)
		add_ulimit(array, "fsize", resources->disk);
}

static void add_limits(cJSON *host, const Pb__Resources *resources)
{
	cJSON_AddNumberToObject(host, "Memory", (double)resources->memory);
	cJSON_AddNumberToObject(host, "MemorySwap", (double)resources->memory);
	cJSON_AddNumberToObject(host, "NanoCpus", (double)resources->milli_cpus * 1e6);
	cJSON_AddNumberToObject(host, "CpuShares", 128);
	cJSON_AddNumberToObject(host, "PidsLimit", PIDS_MAX);
	cJSON_AddNumberToObject(host, "OomScoreAdj", 500);
	cJSON_AddNumberToObject(host, "ShmSize", SHM_SIZE_BYTES);
	add_ulimits(host, resources);
}

int container_seccomp_file(void)
{
	int fd = memfd_create("seccomp.json", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, embed_seccomp_json, embed_seccomp_json_size) != (ssize_t)embed_seccomp_json_size)
		abort();
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	return fd;
}

static void add_security(cJSON *host, const struct container_body *b)
{
	cJSON *options = cJSON_AddArrayToObject(host, "SecurityOpt");

	add_text(options, "no-new-privileges");
	if (b->seccomp_fd >= 0)
		add_text(options, "seccomp=/proc/%d/fd/%d", (int)getpid(), b->seccomp_fd);
	else
		add_text(options, "seccomp=%s", embed_seccomp_json);
	add_text(cJSON_AddArrayToObject(host, "CapDrop"), "ALL");
	cJSON_AddStringToObject(host, "NetworkMode", "none");
	cJSON_AddBoolToObject(host, "ReadonlyRootfs", true);
	cJSON_AddBoolToObject(host, "Privileged", false);
	cJSON_AddStringToObject(host, "IpcMode", "private");
	cJSON_AddStringToObject(host, "CgroupnsMode", "private");
}

/* What an image declares as a volume would be a writable place without a limit. */
static void add_mounts(cJSON *host, const struct container_body *b)
{
	cJSON *tmpfs = cJSON_AddObjectToObject(host, "Tmpfs");
	cJSON *mounts = cJSON_AddArrayToObject(host, "Mounts");

	cJSON_AddStringToObject(tmpfs, "/tmp", "rw,nosuid,nodev,noexec,size=" TMP_SIZE ",mode=1777");
	add_text(cJSON_AddArrayToObject(host, "Binds"), "%s:/work:rw,Z", b->work);
	for (size_t i = 0; i < b->volume_count; i++) {
		cJSON *mount = cJSON_CreateObject();
		cJSON *options = cJSON_AddObjectToObject(mount, "TmpfsOptions");

		cJSON_AddStringToObject(mount, "Type", "tmpfs");
		cJSON_AddStringToObject(mount, "Target", b->volumes[i]);
		cJSON_AddNumberToObject(options, "SizeBytes", 1 << 20);
		cJSON_AddNumberToObject(options, "Mode", 01777);
		cJSON_AddItemToArray(mounts, mount);
	}
}

static void add_gpus(cJSON *host, const char *gpus)
{
	cJSON *request, *ids, *sets;
	char *list, *id, *rest;

	if (gpus == NULL || gpus[0] == '\0')
		return;
	request = cJSON_CreateObject();
	ids = cJSON_AddArrayToObject(request, "DeviceIDs");
	sets = cJSON_AddArrayToObject(request, "Capabilities");
	rest = list = xstrdup(gpus);
	while ((id = strsep(&rest, ",")) != NULL)
		add_text(ids, "%s", id);
	free(list);
	cJSON_AddItemToArray(sets, cJSON_CreateStringArray((const char *[]){"gpu"}, 1));
	cJSON_AddItemToArray(cJSON_AddArrayToObject(host, "DeviceRequests"), request);
}

/* Output comes by attach. What the engine keeps besides is for a worker that was away: bounded, so that a
 * flood does not fill the disk, and written before the task goes on, so that nothing is left out. */
static void add_log(cJSON *host, const char *driver)
{
	cJSON *log = cJSON_AddObjectToObject(host, "LogConfig"), *config = cJSON_AddObjectToObject(log, "Config");
	bool in_two_files = strcmp(driver, "local") == 0;
	char size[24];

	cJSON_AddStringToObject(log, "Type", driver);
	snprintf(size, sizeof(size), "%lldk", CONTAINER_LOG_MAX / KiB / (in_two_files ? 2 : 1));
	cJSON_AddStringToObject(config, "max-size", size);
	if (!in_two_files)
		return;
	cJSON_AddStringToObject(config, "max-file", "2");
	cJSON_AddStringToObject(config, "compress", "false");
}

static cJSON *host_config(const struct container_body *b)
{
	cJSON *host = cJSON_CreateObject();

	add_log(host, b->log_driver);
	cJSON_AddBoolToObject(host, "AutoRemove", false);
	cJSON_AddBoolToObject(host, "Init", b->init);
	add_security(host, b);
	add_limits(host, b->spec->resources);
	add_mounts(host, b);
	add_gpus(host, b->gpus);
	return host;
}

static cJSON *environment(const struct container_body *b)
{
	cJSON *env = cJSON_CreateArray();

	add_text(env, "HOME=/work");
	for (size_t i = 0; i < b->spec->n_env; i++)
		add_text(env, "%s=%s", b->spec->env[i]->key, b->spec->env[i]->value);
	add_text(env, "HIVEMIND_TASK_ID=%s", b->task);
	add_text(env, "HIVEMIND_ATTEMPT=%u", b->epoch);
	return env;
}

static cJSON *labels(const struct container_body *b)
{
	cJSON *object = cJSON_CreateObject();
	char epoch[16];

	snprintf(epoch, sizeof(epoch), "%u", b->epoch);
	cJSON_AddStringToObject(object, "hivemind.worker", b->worker);
	cJSON_AddStringToObject(object, "hivemind.task", b->task);
	cJSON_AddStringToObject(object, "hivemind.epoch", epoch);
	return object;
}

/* The command is the entry point, whole: then the image's own entry point and command do not count on
 * either engine. */
static cJSON *command(const Pb__TaskSpec *spec)
{
	return cJSON_CreateStringArray((const char *const *)spec->command, (int)spec->n_command);
}

char *container_body_json(const struct container_body *b)
{
	cJSON *body = cJSON_CreateObject();
	char *text, user[32];

	snprintf(user, sizeof(user), "%u:%u", (unsigned)b->uid, (unsigned)b->uid);
	cJSON_AddStringToObject(body, "Image", b->image);
	cJSON_AddStringToObject(body, "User", user);
	cJSON_AddStringToObject(body, "WorkingDir", "/work");
	cJSON_AddItemToObject(body, "Entrypoint", command(b->spec));
	cJSON_AddItemToObject(body, "Cmd", cJSON_CreateArray());
	cJSON_AddItemToObject(body, "Env", environment(b));
	cJSON_AddItemToObject(body, "Labels", labels(b));
	add_text(cJSON_AddArrayToObject(cJSON_AddObjectToObject(body, "Healthcheck"), "Test"), "NONE");
	cJSON_AddBoolToObject(body, "Tty", false);
	cJSON_AddBoolToObject(body, "OpenStdin", false);
	cJSON_AddBoolToObject(body, "AttachStdin", false);
	cJSON_AddBoolToObject(body, "NetworkDisabled", true);
	cJSON_AddItemToObject(body, "HostConfig", host_config(b));
	text = cJSON_PrintUnformatted(body);
	cJSON_Delete(body);
	if (text == NULL)
		abort();
	return text;
}
