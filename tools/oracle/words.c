/* The words of a line, the names that a script defines, and how places are printed. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "driver.h"

#define SLOT_START 0x100000000000UL
#define SLOT_BYTES 0x40000000UL
#define SLOTS_MAX 256
#define REGIONS_MAX 256
#define WORDS_MAX 24
#define TOP_BYTES (1UL << 40)
#define HEAP_BYTES (1UL << 34)

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

int line_number;

static char *words[WORDS_MAX];
static int word_count, word_next;
static struct { char name[NAME_BYTES]; unsigned long address; } regions[REGIONS_MAX];
static int region_count;
static char slots[SLOTS_MAX][NAME_BYTES];
static unsigned long slot_count;

void fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fprintf(stderr, "oracle: line %d: ", line_number);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
	exit(2);
}

int split_line(char *line)
{
	char *word;

	line[strcspn(line, "#\n")] = 0;
	word_count = word_next = 0;
	for (word = strtok(line, " \t\r"); word; word = strtok(NULL, " \t\r")) {
		if (word_count == WORDS_MAX)
			fail("too many words");
		words[word_count++] = word;
	}
	return word_count;
}

int has_more(void) { return word_next < word_count; }

char *next_word(void)
{
	if (!has_more())
		fail("the line ends too early");
	return words[word_next++];
}

long next_number(void)
{
	char *word = next_word(), *end;
	long value = strtol(word, &end, 0);

	if (end == word || *end)
		fail("'%s' is not a number", word);
	return value;
}

int accept_word(const char *word)
{
	if (!has_more() || strcmp(words[word_next], word))
		return 0;
	word_next++;
	return 1;
}

void expect_end(void)
{
	if (has_more())
		fail("unexpected '%s'", words[word_next]);
}

unsigned long region_address(const char *name)
{
	int i;

	for (i = 0; i < region_count; i++)
		if (!strcmp(regions[i].name, name))
			return regions[i].address;
	fail("no region '%s'", name);
}

void define_region(const char *name, unsigned long address)
{
	int i;

	for (i = 0; i < region_count; i++)
		if (!strcmp(regions[i].name, name))
			fail("region '%s' exists", name);
	if (region_count == REGIONS_MAX)
		fail("too many regions");
	snprintf(regions[region_count].name, NAME_BYTES, "%s", name);
	regions[region_count++].address = address;
}

unsigned long next_place(void)
{
	unsigned long start = region_address(next_word());

	return start + (unsigned long)next_number() * PAGE_BYTES;
}

unsigned long next_slot(const char *owner)
{
	if (slot_count == SLOTS_MAX)
		fail("too many slots");
	snprintf(slots[slot_count], NAME_BYTES, "%s", owner);
	return SLOT_START + slot_count++ * SLOT_BYTES;
}

const char *place_name(unsigned long address)
{
	static char text[64];
	unsigned long slot;

	if (address > SLOT_START - SLOT_BYTES / 2 && address < SLOT_START + slot_count * SLOT_BYTES) {
		slot = (address - SLOT_START + SLOT_BYTES / 2) / SLOT_BYTES;
		snprintf(text, sizeof text, "%s%+ld", slot < slot_count ? slots[slot] : "",
			 ((long)address - (long)(SLOT_START + slot * SLOT_BYTES)) / (long)PAGE_BYTES);
	} else if (address >= heap && address <= heap + HEAP_BYTES)
		snprintf(text, sizeof text, "heap+%lu", (address - heap) / PAGE_BYTES);
	else if (address < fence && address > fence - TOP_BYTES)
		snprintf(text, sizeof text, "top-%lu", (fence - address) / PAGE_BYTES);
	else
		snprintf(text, sizeof text, "?%lx", address);
	return text;
}

int is_shown(unsigned long start, unsigned long end)
{
	return (end > SLOT_START - SLOT_BYTES / 2 && start < SLOT_START + SLOTS_MAX * SLOT_BYTES) ||
	       (start >= heap && start < heap + HEAP_BYTES) ||
	       (end <= fence && start > fence - TOP_BYTES);
}

int next_protection(void)
{
	const char *word = next_word(), *letter;
	int protection = 0;

	if (!strcmp(word, "none"))
		return PROT_NONE;
	for (letter = word; *letter; letter++) {
		if (*letter == 'r')
			protection |= PROT_READ;
		else if (*letter == 'w')
			protection |= PROT_WRITE;
		else if (*letter == 'x')
			protection |= PROT_EXEC;
		else
			fail("'%s' is no protection", word);
	}
	return protection;
}

int next_advice(void)
{
	static const struct { const char *word; int advice; } known[] = {
		{ "normal", MADV_NORMAL }, { "random", MADV_RANDOM }, { "sequential", MADV_SEQUENTIAL },
		{ "willneed", MADV_WILLNEED }, { "dontneed", MADV_DONTNEED }, { "free", MADV_FREE },
		{ "remove", MADV_REMOVE }, { "dontfork", MADV_DONTFORK }, { "dofork", MADV_DOFORK },
		{ "mergeable", MADV_MERGEABLE }, { "unmergeable", MADV_UNMERGEABLE },
		{ "hugepage", MADV_HUGEPAGE }, { "nohugepage", MADV_NOHUGEPAGE },
		{ "dontdump", MADV_DONTDUMP }, { "dodump", MADV_DODUMP },
		{ "wipeonfork", MADV_WIPEONFORK }, { "keeponfork", MADV_KEEPONFORK },
		{ "cold", MADV_COLD }, { "pageout", MADV_PAGEOUT },
		{ "populate_read", MADV_POPULATE_READ }, { "populate_write", MADV_POPULATE_WRITE },
		{ "dontneed_locked", MADV_DONTNEED_LOCKED }, { "collapse", MADV_COLLAPSE },
	};
	const char *word = next_word();
	size_t i;

	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(known[i].word, word))
			return known[i].advice;
	fail("unknown advice '%s'", word);
}
