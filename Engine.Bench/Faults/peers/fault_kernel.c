/*
 * What the kernel of this machine charges for the workloads of the suite `faults`.
 *
 * Lines on standard input: "prepare WORKLOAD PAGES CLOCK" and "run WORKLOAD PAGES CLOCK"; each is answered by the nanoseconds
 * that it took, of wall time or (CLOCK is "cpu") of the thread's CPU time: pipes and the caller are not in it. A run of "fork" makes
 * many, each made ready like the first, and answers with what one took on average. Large pages are off for the region
 * (MADV_NOHUGEPAGE), so that a fault is a fault of one page.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define FORKS_PER_ROUND 20

static char *region;
static size_t region_bytes;
static pid_t child;
static unsigned long sink;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void drop(void)
{
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		child = 0;
	}
	if (region)
		munmap(region, region_bytes);
	region = NULL;
}

static void map(size_t pages)
{
	drop();
	region_bytes = pages * PAGE;
	region = mmap(NULL, region_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region == MAP_FAILED)
		die("mmap");
	madvise(region, region_bytes, MADV_NOHUGEPAGE);
}

static void write_all(void)
{
	for (size_t at = 0; at < region_bytes; at += PAGE)
		*(volatile char *)(region + at) = 1;
}

static void start_child(void)
{
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		pause();
		_exit(0);
	}
}

static void prepare(const char *what, size_t pages)
{
	map(!strcmp(what, "mmap-munmap") || !strcmp(what, "mprotect") ? 3 : pages);
	if (strcmp(what, "anon-write") && strcmp(what, "zero-read"))
		write_all();
	if (!strcmp(what, "cow"))
		start_child();
}

static void run(const char *what, size_t pages)
{
	if (!strcmp(what, "anon-write") || !strcmp(what, "cow")) {
		write_all();
	} else if (!strcmp(what, "zero-read")) {
		for (size_t at = 0; at < region_bytes; at += PAGE)
			sink += *(volatile char *)(region + at);
	} else if (!strcmp(what, "mmap-munmap")) {
		for (size_t i = 0; i < pages; i++) {
			char *one = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			munmap(one, PAGE);
		}
	} else if (!strcmp(what, "mprotect")) {
		for (size_t i = 0; i < pages; i++) {
			mprotect(region + PAGE, PAGE, PROT_READ);
			mprotect(region + PAGE, PAGE, PROT_READ | PROT_WRITE);
		}
	}
}

static long long now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static long long run_forks(size_t pages, clockid_t clock)
{
	long long spent = 0;

	for (int i = 0; i < FORKS_PER_ROUND; i++) {
		long long start;

		if (i > 0)
			prepare("fork", pages);
		start = now(clock);
		start_child();
		spent += now(clock) - start;
	}
	return spent / FORKS_PER_ROUND;
}

int main(void)
{
	char verb[16], what[32], by[16];
	size_t pages;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (scanf("%15s %31s %zu %15s", verb, what, &pages, by) == 4) {
		clockid_t clock = strcmp(by, "cpu") ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
		long long spent, start = now(clock);

		if (!strcmp(verb, "prepare")) {
			prepare(what, pages);
			spent = now(clock) - start;
		} else if (!strcmp(what, "fork")) {
			spent = run_forks(pages, clock);
		} else {
			run(what, pages);
			spent = now(clock) - start;
		}
		printf("%lld\n", spent);
	}
	drop();
	return 0;
}
