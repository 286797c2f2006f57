/*
 * What Unicorn charges for address translation: an ARM64 guest at EL1 with its MMU on, over 1 GiB mapped in pages of 4 KiB, runs
 * a loop of loads. It keeps no statistics and models no TLB's size; the figure includes the loop's own instructions.
 *
 * Lines on standard input: "prepare WORKLOAD ACCESSES CLOCK" and "run WORKLOAD ACCESSES CLOCK"; each is answered by the nanoseconds
 * that it took, of wall time or (CLOCK is "cpu") of the thread's CPU time. Workloads: sequential, l1-mixed-64 (random in 64 pages), walk-1g (random over 1 GiB).
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unicorn/unicorn.h>

#define CODE 0x00200000ul
#define TABLES 0x10000000ul
#define TABLES_BYTES (4ul << 20)
#define DATA 0x40000000ul
#define DATA_BYTES (1ul << 30)
#define PAGE_FLAGS (0x3ul | (1ul << 10) | (3ul << 8)) /* a valid page, accessed, inner shareable, memory type 0 */
#define BLOCK_FLAGS (0x1ul | (1ul << 10) | (3ul << 8))

static uc_engine *uc;
static uint64_t tables[TABLES_BYTES / 8];
static uint32_t code[64];
static unsigned loop_sequential, loop_random, loop_end;

static void check(uc_err err, const char *what)
{
	if (err != UC_ERR_OK) {
		fprintf(stderr, "%s: %s\n", what, uc_strerror(err));
		exit(1);
	}
}

static void build_tables(void)
{
	uint64_t *l1 = tables, *low = tables + 512, *high = tables + 1024;
	l1[0] = (TABLES + 0x1000) | 3;
	l1[1] = (TABLES + 0x2000) | 3;
	low[CODE >> 21] = CODE | BLOCK_FLAGS;
	for (uint64_t i = 0; i < 512; i++) {
		uint64_t *pages = tables + 1536 + i * 512;
		high[i] = (TABLES + 0x3000 + i * 0x1000) | 3;
		for (uint64_t page = 0; page < 512; page++)
			pages[page] = (DATA + (i << 21) + (page << 12)) | PAGE_FLAGS;
	}
}

static void build_code(void)
{
	unsigned n = 0;
	code[n++] = 0xd5182000; /* msr ttbr0_el1, x0 */
	code[n++] = 0xd5182041; /* msr tcr_el1, x1 */
	code[n++] = 0xd518a202; /* msr mair_el1, x2 */
	code[n++] = 0xd5033fdf; /* isb */
	code[n++] = 0xd5181003; /* msr sctlr_el1, x3 */
	code[n++] = 0xd5033fdf; /* isb */
	code[n++] = 0xd503201f; /* nop: where the set-up ends */

	/* x0 accesses left, x1 address, x2 start, x5 end: eight bytes on, and round again */
	loop_sequential = n;
	code[n++] = 0xf8408424; /* ldr x4, [x1], #8 */
	code[n++] = 0xeb05003f; /* cmp x1, x5 */
	code[n++] = 0x9a810041; /* csel x1, x2, x1, eq */
	code[n++] = 0xf1000400; /* subs x0, x0, #1 */
	code[n] = 0x54000001 | (((loop_sequential - n) & 0x7ffff) << 5); /* b.ne loop */
	n++;
	code[n++] = 0x14000000; /* b end (patched) */
	unsigned patch = n - 1;

	/* x6 state, x7 mask of the offset: xorshift as in the other workloads */
	loop_random = n;
	code[n++] = 0xca0634c6; /* eor x6, x6, x6, lsl #13 */
	code[n++] = 0xca461cc6; /* eor x6, x6, x6, lsr #7 */
	code[n++] = 0xca0644c6; /* eor x6, x6, x6, lsl #17 */
	code[n++] = 0x8a0700c8; /* and x8, x6, x7 */
	code[n++] = 0xf8686844; /* ldr x4, [x2, x8] */
	code[n++] = 0xf1000400; /* subs x0, x0, #1 */
	code[n] = 0x54000001 | (((loop_random - n) & 0x7ffff) << 5); /* b.ne loop */
	n++;
	loop_end = n;
	code[n++] = 0xd503201f; /* nop */
	code[patch] = 0x14000000 | ((loop_end - patch) & 0x3ffffff);
}

static void set(int reg, uint64_t value)
{
	check(uc_reg_write(uc, reg, &value), "register");
}

static void start(void)
{
	void *data = mmap(NULL, DATA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}

	/* Every page is there before it is timed. */
	for (uint64_t at = 0; at < DATA_BYTES; at += 4096)
		((volatile char *)data)[at] = 1;
	build_tables();
	build_code();
	check(uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &uc), "uc_open");
	check(uc_mem_map(uc, CODE, 0x200000, UC_PROT_ALL), "map code");
	check(uc_mem_map(uc, TABLES, TABLES_BYTES, UC_PROT_ALL), "map tables");
	check(uc_mem_map_ptr(uc, DATA, DATA_BYTES, UC_PROT_ALL, data), "map data");
	check(uc_mem_write(uc, CODE, code, sizeof code), "code");
	check(uc_mem_write(uc, TABLES, tables, sizeof tables), "tables");
	set(UC_ARM64_REG_X0, TABLES);
	/* 39 bits of address, so that walks have three levels: with four, or with a reserved TG1, version 2.0.1 finds nothing. */
	set(UC_ARM64_REG_X1, 25 | (1ul << 23) | (3ul << 12) | (2ul << 30) | (5ul << 32));
	set(UC_ARM64_REG_X2, 0xff);
	set(UC_ARM64_REG_X3, 0x30d00801ul);
	check(uc_emu_start(uc, CODE, CODE + 6 * 4, 0, 0), "MMU on");
}

static void run(const char *workload, uint64_t accesses)
{
	int is_sequential = !strcmp(workload, "sequential");
	uint64_t bytes = !strcmp(workload, "l1-mixed-64") ? 64 * 4096ul : DATA_BYTES;
	set(UC_ARM64_REG_X0, accesses);
	set(UC_ARM64_REG_X1, DATA);
	set(UC_ARM64_REG_X2, DATA);
	set(UC_ARM64_REG_X5, DATA + DATA_BYTES);
	set(UC_ARM64_REG_X6, 88172645463325252ul);
	set(UC_ARM64_REG_X7, (bytes - 1) & ~7ul);
	check(uc_emu_start(uc, CODE + 4 * (is_sequential ? loop_sequential : loop_random), CODE + 4 * loop_end, 0, 0), workload);
	uint64_t left = 1;
	check(uc_reg_read(uc, UC_ARM64_REG_X0, &left), "register");
	if (left) {
		fprintf(stderr, "%s: %lu accesses left\n", workload, (unsigned long)left);
		exit(1);
	}
}

static long long now(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

int main(void)
{
	char verb[16], workload[32], by[16];
	unsigned long accesses;
	start();
	while (scanf("%15s %31s %lu %15s", verb, workload, &accesses, by) == 4) {
		clockid_t clock = strcmp(by, "cpu") ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
		long long began = now(clock);
		run(workload, accesses);
		printf("%lld\n", now(clock) - began);
		fflush(stdout);
	}
	return 0;
}
