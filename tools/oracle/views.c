/* What /proc shows of a process, read from outside, so that looking changes nothing. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "driver.h"

#define ENTRY_FRAME ((1ULL << 55) - 1)
#define ENTRY_ALONE (1ULL << 56)
#define ENTRY_FILE (1ULL << 61)
#define ENTRY_SWAP (1ULL << 62)
#define ENTRY_PRESENT (1ULL << 63)
#define FLAG_ZERO_PAGE 24

void read_pagemap(struct process *p, unsigned long address, long count, uint64_t *entries)
{
	size_t bytes = (size_t)count * sizeof *entries;
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/pagemap", p->pid);
	fd = open(path, O_RDONLY);
	memset(entries, 0, bytes);
	if (fd < 0 || pread(fd, entries, bytes, (off_t)(address / PAGE_BYTES * sizeof *entries)) != (ssize_t)bytes)
		fail("%s: %s", path, strerror(errno));
	close(fd);
}

static uint64_t of_frame(const char *path, uint64_t entry)
{
	uint64_t value = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, &value, sizeof value, (off_t)((entry & ENTRY_FRAME) * sizeof value)) != (ssize_t)sizeof value)
		fail("%s: %s (it needs root)", path, strerror(errno));
	close(fd);
	return value;
}

static int is_zero_page(uint64_t entry)
{
	return (entry & ENTRY_PRESENT) && (of_frame("/proc/kpageflags", entry) >> FLAG_ZERO_PAGE & 1);
}

const char *frame_change(uint64_t before, uint64_t after)
{
	if (!(after & ENTRY_PRESENT))
		return "none";
	if (is_zero_page(after))
		return "zero";
	return (before & ENTRY_PRESENT) && (before & ENTRY_FRAME) == (after & ENTRY_FRAME) ? "same" : "new";
}

static char letter_of(uint64_t entry)
{
	if (entry & ENTRY_SWAP)
		return 's';
	if (!(entry & ENTRY_PRESENT))
		return '.';
	if (is_zero_page(entry))
		return 'z';
	if (entry & ENTRY_FILE)
		return entry & ENTRY_ALONE ? 'F' : 'f';
	return entry & ENTRY_ALONE ? 'A' : 'a';
}

void show_pagemap(struct process *p)
{
	static uint64_t entries[PAGES_MAX];
	unsigned long address = next_place();
	long count = next_number(), i;

	expect_end();
	if (count < 1 || count > PAGES_MAX)
		fail("pagemap: bad length");
	quiesce();
	read_pagemap(p, address, count, entries);
	print_start(p, "pagemap");
	printf(",\"at\":\"%s\",\"map\":\"", place_name(address));
	for (i = 0; i < count; i++)
		putchar(letter_of(entries[i]));
	putchar('"');
	print_end();
}

void show_frames(struct process *p)
{
	static uint64_t entries[PAGES_MAX], labelled[PAGES_MAX];
	unsigned long address = next_place();
	long count = next_number(), i;
	struct process *shown[CHANNELS];
	int shown_count = 0, label_count = 0, k, label;

	while (has_more() && shown_count < CHANNELS)
		shown[shown_count++] = find_process(next_word());
	expect_end();
	if (!shown_count)
		shown[shown_count++] = p;
	if (count < 1 || count * shown_count > PAGES_MAX)
		fail("frames: bad length");
	quiesce();
	print_start(p, "frames");
	printf(",\"at\":\"%s\"", place_name(address));
	for (k = 0; k < shown_count; k++) {
		read_pagemap(shown[k], address, count, entries);
		printf(",\"%s\":\"", shown[k]->name);
		for (i = 0; i < count; i++) {
			const char *gap = i ? " " : "";

			if (entries[i] & ENTRY_SWAP)
				printf("%ss", gap);
			else if (!(entries[i] & ENTRY_PRESENT))
				printf("%s-", gap);
			else if (is_zero_page(entries[i]))
				printf("%sz", gap);
			else {
				for (label = 0; label < label_count; label++)
					if (labelled[label] == (entries[i] & ENTRY_FRAME))
						break;
				if (label == label_count)
					labelled[label_count++] = entries[i] & ENTRY_FRAME;
				printf("%sf%d", gap, label);
			}
		}
		putchar('"');
	}
	printf(",\"maps\":\"");
	for (label = 0; label < label_count; label++)
		printf("%s%lu", label ? " " : "", (unsigned long)of_frame("/proc/kpagecount", labelled[label]));
	putchar('"');
	print_end();
}

struct area {
	unsigned long start, end, offset, inode;
	unsigned major, minor;
	char permissions[8], flags[256];
	long rss, anonymous, shared_clean, shared_dirty, private_clean, private_dirty;
	long referenced, lazy, swap, huge, pss, locked;
};

static void print_source(const struct area *a)
{
	int i;

	for (i = 0; i < file_count; i++)
		if (files[i].inode == a->inode && files[i].major == a->major && files[i].minor == a->minor)
			break;
	if (!a->inode)
		printf("anon");
	else
		printf("%s+%lu", i < file_count ? files[i].name : "shm", a->offset / PAGE_BYTES);
}

static void print_area(struct process *p, const struct area *a)
{
	static const char *const shown[] = { "gd", "lo", "lf", "sr", "rr", "dc", "wf", "ac", "nr", "hg", "nh", "mg" };
	const char *gap = "";
	char pattern[8];
	size_t i;

	print_start(p, "vma");
	printf(",\"at\":\"%s\",\"n\":%lu,\"prot\":\"%.4s\",\"src\":\"", place_name(a->start), (a->end - a->start) / PAGE_BYTES, a->permissions);
	print_source(a);
	printf("\",\"rss\":%ld,\"anon\":%ld,\"shc\":%ld,\"shd\":%ld,\"prc\":%ld,\"prd\":%ld", a->rss / 4, a->anonymous / 4,
	       a->shared_clean / 4, a->shared_dirty / 4, a->private_clean / 4, a->private_dirty / 4);
	printf(",\"ref\":%ld,\"lazy\":%ld,\"swap\":%ld,\"thp\":%ld,\"pss\":%ld,\"lock\":%ld,\"fl\":\"", a->referenced / 4, a->lazy / 4,
	       a->swap / 4, a->huge / 4, a->pss, a->locked);
	for (i = 0; i < sizeof shown / sizeof *shown; i++) {
		snprintf(pattern, sizeof pattern, " %s ", shown[i]);
		if (strstr(a->flags, pattern)) {
			printf("%s%s", gap, shown[i]);
			gap = " ";
		}
	}
	putchar('"');
	print_end();
}

static void note(struct area *a, const char *key, long value)
{
	static const struct { const char *key; size_t place; } known[] = {
		{ "Rss:", offsetof(struct area, rss) }, { "Pss:", offsetof(struct area, pss) },
		{ "Shared_Clean:", offsetof(struct area, shared_clean) }, { "Shared_Dirty:", offsetof(struct area, shared_dirty) },
		{ "Private_Clean:", offsetof(struct area, private_clean) }, { "Private_Dirty:", offsetof(struct area, private_dirty) },
		{ "Referenced:", offsetof(struct area, referenced) }, { "Anonymous:", offsetof(struct area, anonymous) },
		{ "LazyFree:", offsetof(struct area, lazy) }, { "Swap:", offsetof(struct area, swap) },
		{ "AnonHugePages:", offsetof(struct area, huge) }, { "Locked:", offsetof(struct area, locked) },
	};
	size_t i;

	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(known[i].key, key))
			memcpy((char *)a + known[i].place, &value, sizeof value);
}

void show_areas(struct process *p)
{
	struct area a = { 0 }, next;
	char path[64], line[1024], key[64];
	long value, areas = 0, pages = 0, rss = 0, anonymous = 0;
	int is_wanted = 0;
	FILE *smaps;

	expect_end();
	quiesce();
	snprintf(path, sizeof path, "/proc/%d/smaps", p->pid);
	smaps = fopen(path, "r");
	if (!smaps)
		fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof line, smaps)) {
		memset(&next, 0, sizeof next);
		if (sscanf(line, "%lx-%lx %7s %lx %x:%x %lu", &next.start, &next.end, next.permissions, &next.offset, &next.major,
			   &next.minor, &next.inode) == 7) {
			a = next;
			is_wanted = is_shown(a.start, a.end);
		} else if (is_wanted && !strncmp(line, "VmFlags:", 8)) {
			line[strcspn(line, "\n")] = 0;
			snprintf(a.flags, sizeof a.flags, "%.250s ", line + 8);
			print_area(p, &a);
			areas++;
			pages += (long)((a.end - a.start) / PAGE_BYTES);
			rss += a.rss / 4;
			anonymous += a.anonymous / 4;
		} else if (is_wanted && sscanf(line, "%63s %ld", key, &value) == 2)
			note(&a, key, value);
	}
	fclose(smaps);
	print_start(p, "obs");
	printf(",\"vmas\":%ld,\"size\":%ld,\"rss\":%ld,\"anon\":%ld", areas, pages, rss, anonymous);
	print_end();
}
