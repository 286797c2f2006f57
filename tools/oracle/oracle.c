/*
 * oracle [-d DIR] SCRIPT: runs a virtual-memory scenario on this machine's kernel
 * and prints what `mmsim scenario` prints for the same script on the engine.
 *
 * DIR (or ORACLE_DIR, or the current folder) takes the script's files. It needs
 * root and x86-64 or arm64 with 4 KiB pages. Exit status 2 for a script error.
 *
 * Build: cc -O1 -o oracle *.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "driver.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

char file_folder[256];

static void map(struct process *p, const char *operation)
{
	char *name = next_word();
	int is_anywhere = !strcmp(operation, "mmapany"), fd = -1, flags = 0, protection;
	unsigned long address = 0, count, offset = 0;
	struct answer *a;

	if (!strcmp(operation, "mmap")) {
		address = next_slot(name);
		flags = MAP_FIXED_NOREPLACE;
	} else if (!is_anywhere) {
		address = next_place();
		flags = strcmp(operation, "mmapat") ? MAP_FIXED_NOREPLACE : MAP_FIXED;
	}
	count = (unsigned long)next_number();
	protection = next_protection();
	if (accept_word("private"))
		flags |= MAP_PRIVATE;
	else if (accept_word("shared"))
		flags |= MAP_SHARED;
	else
		fail("private or shared expected");
	if (accept_word("anon"))
		flags |= MAP_ANONYMOUS;
	else if (accept_word("file")) {
		fd = find_file(next_word())->mapped;
		offset = (unsigned long)next_number() * PAGE_BYTES;
	} else
		fail("anon or file expected");
	while (has_more()) {
		if (accept_word("populate"))
			flags |= MAP_POPULATE;
		else if (accept_word("locked"))
			flags |= MAP_LOCKED;
		else if (accept_word("growsdown"))
			flags |= MAP_GROWSDOWN;
		else if (accept_word("noreserve"))
			flags |= MAP_NORESERVE;
		else
			expect_end();
	}
	a = ask(p, REQUEST_CALL, SYS_mmap, fd, 4,
		(unsigned long[6]){ address, count * PAGE_BYTES, (unsigned long)protection, (unsigned long)flags, -1UL, offset });
	if (has_cold_file || (a && a->major))
		settle();
	print_start(p, operation);
	print_result(a, 1);
	if (a && a->result != -1)
		address = (unsigned long)a->result;
	if (a && (!is_anywhere || a->result != -1)) {
		define_region(name, address);
		printf(",\"at\":\"%s\"", place_name(address));
	}
	print_end();
}

static void remap(struct process *p)
{
	unsigned long from = next_place(), to = 0, flags = 0;
	unsigned long old_bytes = (unsigned long)next_number() * PAGE_BYTES, new_bytes = (unsigned long)next_number() * PAGE_BYTES;
	const char *name = NULL;
	struct answer *a;

	if (accept_word("maymove")) {
		flags = MREMAP_MAYMOVE;
		name = has_more() ? next_word() : NULL;
	} else if (accept_word("fixed")) {
		flags = MREMAP_MAYMOVE | MREMAP_FIXED;
		to = next_place();
	} else if (accept_word("dontunmap")) {
		flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
		name = next_word();
	}
	expect_end();
	a = ask_call(p, SYS_mremap, from, old_bytes, new_bytes, flags, to);
	if (has_cold_file)
		settle();
	print_start(p, "mremap");
	print_result(a, 1);
	if (a && a->result != -1) {
		printf(",\"to\":\"%s\"", place_name((unsigned long)a->result));
		if (name)
			define_region(name, (unsigned long)a->result);
	}
	print_end();
}

static int call_on_range(struct process *p, const char *operation)
{
	static const struct { const char *word; long number; } known[] = {
		{ "munmap", SYS_munmap }, { "mprotect", SYS_mprotect }, { "madvise", SYS_madvise }, { "mlock", SYS_mlock },
		{ "mlockof", SYS_mlock2 }, { "munlock", SYS_munlock }, { "msync", SYS_msync },
	};
	unsigned long address, bytes, extra = 0;
	struct answer *a;
	size_t i;

	for (i = 0; i < sizeof known / sizeof *known && strcmp(known[i].word, operation); i++)
		;
	if (i == sizeof known / sizeof *known)
		return 0;
	address = next_place();
	bytes = (unsigned long)next_number() * PAGE_BYTES;
	if (known[i].number == SYS_mprotect)
		extra = (unsigned long)next_protection();
	else if (known[i].number == SYS_madvise)
		extra = (unsigned long)next_advice();
	else if (known[i].number == SYS_mlock2)
		extra = MLOCK_ONFAULT;
	else if (known[i].number == SYS_msync)
		extra = MS_SYNC;
	expect_end();
	a = ask_call(p, known[i].number, address, bytes, extra, 0, 0);
	if (has_cold_file || (a && a->major))
		settle();
	print_start(p, operation);
	print_result(a, 1);
	print_end();
	return 1;
}

static void move_break(struct process *p)
{
	unsigned long wanted = heap + (unsigned long)next_number() * PAGE_BYTES;
	struct answer *a;

	expect_end();
	a = ask_call(p, SYS_brk, wanted, 0, 0, 0, 0);
	if (a && (unsigned long)a->result != wanted) {  /* the call answers with the break, moved or not */
		a->result = -1;
		a->error = ENOMEM;
	}
	print_start(p, "brk");
	print_result(a, 1);
	print_end();
}

static void set_thp(struct process *p)
{
	unsigned long is_off = (unsigned long)accept_word("off");
	struct answer *a;

	if (!is_off && !accept_word("on"))
		fail("thp on or thp off expected");
	expect_end();
	a = ask_call(p, SYS_prctl, PR_SET_THP_DISABLE, is_off, 0, 0, 0);
	print_start(p, "thp");
	print_result(a, 1);
	print_end();
}

static struct answer *access_page(struct process *p, int is_write, unsigned long address, unsigned value, const char **change)
{
	uint64_t before, after = 0;
	struct answer *a;

	read_pagemap(p, address, 1, &before);
	a = ask(p, is_write ? REQUEST_STORE : REQUEST_LOAD, 0, -1, 0, (unsigned long[6]){ address, value });
	if (has_cold_file || (a && a->major))
		settle();
	if (a)
		read_pagemap(p, address, 1, &after);
	*change = frame_change(before, after);
	return a;
}

static void access_one(struct process *p, const char *operation)
{
	int is_write = operation[0] == 'w';
	unsigned long address = next_place();
	unsigned value = is_write ? (unsigned)next_number() & 255 : 0;
	const char *change;
	struct answer *a;

	expect_end();
	a = access_page(p, is_write, address, value, &change);
	print_start(p, operation);
	if (!a)
		print_result(a, 1);
	else if (a->result)
		printf(",\"r\":\"%s\",\"min\":%ld,\"maj\":%ld",
		       a->signal == SIGBUS ? "BUS" : a->code == SEGV_ACCERR ? "SEGV_ACCERR" : "SEGV_MAPERR", a->minor, a->major);
	else
		printf(",\"r\":\"ok\",\"v\":%u,\"min\":%ld,\"maj\":%ld", a->value, a->minor, a->major);
	printf(",\"fr\":\"%s\"", change);
	print_end();
}

static void access_many(struct process *p, const char *operation)
{
	int is_write = operation[0] == 'w';
	unsigned long address = next_place();
	long count = next_number(), i, done = 0, segv = 0, bus = 0, sum = 0, minor = 0, major = 0, fresh = 0, same = 0, zero = 0;
	unsigned value = is_write ? (unsigned)next_number() & 255 : 0;
	const char *change;
	struct answer *a;

	expect_end();
	for (i = 0; i < count; i++, address += PAGE_BYTES) {
		a = access_page(p, is_write, address, value, &change);
		if (!a)
			break;
		done += !a->result;
		bus += a->result && a->signal == SIGBUS;
		segv += a->result && a->signal != SIGBUS;
		sum += a->result ? 0 : (long)a->value;
		minor += a->minor;
		major += a->major;
		fresh += !strcmp(change, "new");
		same += !strcmp(change, "same");
		zero += !strcmp(change, "zero");
	}
	print_start(p, operation);
	if (i < count)
		print_result(NULL, 0);
	else
		printf(",\"ok\":%ld,\"segv\":%ld,\"bus\":%ld,\"sum\":%ld,\"min\":%ld,\"maj\":%ld,\"new\":%ld,\"same\":%ld,\"zero\":%ld",
		       done, segv, bus, sum, minor, major, fresh, same, zero);
	print_end();
}

static void make_child(struct process *p)
{
	char *name = next_word();
	struct process *child;
	struct answer *a;

	expect_end();
	child = new_process(name);
	a = ask(p, REQUEST_FORK, 0, -1, 0, (unsigned long[6]){ (unsigned long)child->channel });
	if (a && child->is_live)
		touch_own_memory(child);
	touch_own_memory(p);
	print_start(p, "fork");
	printf(",\"child\":\"%s\",\"r\":\"%s\"", name, child->is_live ? "ok" : "failed");
	print_end();
}

static void show_resident(struct process *p)
{
	unsigned long address = next_place(), count = (unsigned long)next_number();
	struct answer *a;

	expect_end();
	if (count < 1 || count > PAGES_MAX)
		fail("mincore: bad length");
	a = ask(p, REQUEST_RESIDENT, 0, -1, 0, (unsigned long[6]){ address, count * PAGE_BYTES });
	print_start(p, "mincore");
	print_result(a, 0);
	if (a && a->result == 0) {
		printf(",\"map\":");
		print_bits(a->resident, a->resident_count);
	}
	print_end();
}

static void show_tables(struct process *p)
{
	expect_end();
	touch_own_memory(p);
	print_start(p, "pt");
	printf(",\"pages\":%ld", table_pages(p) - own_table_pages());
	print_end();
}

static void end_process(struct process *p)
{
	struct process *ending = has_more() ? find_process(next_word()) : p;

	expect_end();
	send_exit(ending);
	print_start(ending, "exit");
	print_end();
}

static void run_operation(struct process *p, const char *operation)
{
	if (!strcmp(operation, "mmap") || !strcmp(operation, "mmapat") || !strcmp(operation, "mmapnr") || !strcmp(operation, "mmapany"))
		map(p, operation);
	else if (!strcmp(operation, "mremap"))
		remap(p);
	else if (!strcmp(operation, "brk"))
		move_break(p);
	else if (!strcmp(operation, "thp"))
		set_thp(p);
	else if (!strcmp(operation, "read") || !strcmp(operation, "write"))
		access_one(p, operation);
	else if (!strcmp(operation, "readn") || !strcmp(operation, "writen"))
		access_many(p, operation);
	else if (!strcmp(operation, "fork"))
		make_child(p);
	else if (!strcmp(operation, "exit"))
		end_process(p);
	else if (!strcmp(operation, "memlimit"))
		limit_memory(p);
	else if (!strcmp(operation, "obs"))
		show_areas(p);
	else if (!strcmp(operation, "pt"))
		show_tables(p);
	else if (!strcmp(operation, "pagemap"))
		show_pagemap(p);
	else if (!strcmp(operation, "frames"))
		show_frames(p);
	else if (!strcmp(operation, "mincore"))
		show_resident(p);
	else if (!call_on_range(p, operation))
		fail("unknown operation '%s'", operation);
}

static void run_line(char *line)
{
	struct process *p = NULL;
	char *word;
	size_t length;

	if (!split_line(line))
		return;
	word = next_word();
	length = strlen(word);
	if (word[length - 1] == ':') {
		word[length - 1] = 0;
		p = find_process(word);
		word = next_word();
	}
	if (p || !run_file_operation(word))
		run_operation(p ? p : find_process("main"), word);
	fflush(stdout);
}

static void use_one_cpu(void)
{
	cpu_set_t all, one;
	int last = 0, cpu;

	if (sched_getaffinity(0, sizeof all, &all))
		return;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all))
			last = cpu;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	sched_setaffinity(0, sizeof one, &one);
}

static void clean_up(void)
{
	end_all();
	undo_host_changes();
}

int main(int count, char **words)
{
	const char *folder = getenv("ORACLE_DIR");
	char line[1024];
	FILE *script;

	if (count == 2 && !strcmp(words[1], "--subject"))
		return run_subject();
	if (count == 4 && !strcmp(words[1], "-d")) {
		folder = words[2];
		words += 2;
		count -= 2;
	}
	script = count == 2 ? fopen(words[1], "r") : NULL;
	if (!script) {
		fprintf(stderr, count == 2 ? "oracle: %s: cannot be read\n" : "usage: oracle [-d DIR] SCRIPT\n", words[count == 2]);
		return 2;
	}
	snprintf(file_folder, sizeof file_folder, "%s", folder ? folder : ".");
	signal(SIGPIPE, SIG_IGN);
	use_one_cpu();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	atexit(clean_up);
	start_main();
	while (fgets(line, sizeof line, script)) {
		line_number++;
		run_line(line);
	}
	return 0;
}
