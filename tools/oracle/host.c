/* Swap space on a zram device, memory cgroups (v1), settings of huge pages: changes of the host that end with the script. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "driver.h"

#define ZRAM_SETTINGS "/sys/block/zram0/"
#define ZRAM_DEVICE "/dev/zram0"
#define GROUPS "/sys/fs/cgroup/memory"
#define HUGE_PAGES "/sys/kernel/mm/transparent_hugepage/"
#define SETTINGS_MAX 32

static char groups[CHANNELS][96];
static int group_count, has_swap;
static struct { char path[160], value[64]; } settings[SETTINGS_MAX];
static int setting_count;

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t length = (ssize_t)strlen(text), written = -1;

	if (fd >= 0) {
		written = write(fd, text, (size_t)length);
		close(fd);
	}
	return written == length;
}

void turn_swap_on(void)
{
	static unsigned char header[PAGE_BYTES];
	uint32_t facts[2];
	long mib = next_number();
	char text[32];
	int fd;

	expect_end();
	snprintf(text, sizeof text, "%ldM", mib);
	if (!put(ZRAM_SETTINGS "disksize", text))
		fail("swapon: zram0 is absent or in use");
	facts[0] = 1;                           /* version */
	facts[1] = (uint32_t)(mib * 256 - 1);   /* last page */
	memcpy(header + 1024, facts, sizeof facts);
	memcpy(header + PAGE_BYTES - 10, "SWAPSPACE2", 10);
	fd = open(ZRAM_DEVICE, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, header, sizeof header, 0) != (ssize_t)sizeof header || fsync(fd))
		fail("swapon: %s", strerror(errno));
	close(fd);
	if (syscall(SYS_swapon, ZRAM_DEVICE, 0)) {
		put(ZRAM_SETTINGS "reset", "1");
		fail("swapon: %s", strerror(errno));
	}
	has_swap = 1;
	print_file_result("swapon", 0);
}

void limit_memory(struct process *p)
{
	char path[160], text[32];
	long pages = next_number();
	char *group = groups[group_count];

	expect_end();
	snprintf(group, sizeof groups[0], GROUPS "/oracle-%d-%d", getpid(), group_count);
	if (mkdir(group, 0755))
		fail("%s: %s", group, strerror(errno));
	group_count++;
	snprintf(path, sizeof path, "%s/memory.limit_in_bytes", group);
	snprintf(text, sizeof text, "%lu", (unsigned long)pages * PAGE_BYTES);
	if (!put(path, text))
		fail("%s: %s", path, strerror(errno));
	snprintf(path, sizeof path, "%s/cgroup.procs", group);
	snprintf(text, sizeof text, "%d", p->pid);
	if (!put(path, text))
		fail("%s: %s", path, strerror(errno));
	print_start(p, "memlimit");
	printf(",\"r\":\"ok\"");
	print_end();
}

/* The value that holds: the word in brackets, or all there is. */
static int get(const char *path, char *value, size_t bytes)
{
	char text[256], *word = text, *end;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return 0;
	text[length] = 0;
	if ((end = strchr(text, ']'))) {
		word = strchr(text, '[') + 1;
		*end = 0;
	}
	word[strcspn(word, "\n")] = 0;
	if (strlen(word) >= bytes)
		return 0;
	strcpy(value, word);
	return 1;
}

void set_huge_pages(void)
{
	char *file = next_word(), *value = next_word();

	expect_end();
	if (setting_count == SETTINGS_MAX)
		fail("too many settings");
	snprintf(settings[setting_count].path, sizeof settings[0].path, HUGE_PAGES "%s", file);
	if (!get(settings[setting_count].path, settings[setting_count].value, sizeof settings[0].value)) {
		errno = ENOENT;
		print_file_result("thpset", 1);
		return;
	}
	setting_count++;
	print_file_result("thpset", !put(settings[setting_count - 1].path, value));
}

void undo_host_changes(void)
{
	int i, attempt;

	while (setting_count > 0) {
		setting_count--;
		put(settings[setting_count].path, settings[setting_count].value);
	}

	for (i = 0; i < group_count; i++)
		for (attempt = 0; attempt < 50 && rmdir(groups[i]) && errno == EBUSY; attempt++)
			usleep(10000);
	if (has_swap) {
		syscall(SYS_swapoff, ZRAM_DEVICE);
		put(ZRAM_SETTINGS "reset", "1");
	}
}
