/*
 * The workloads of the suite `frames` on LLFree (https://github.com/luhsra/llfree-c), as a library that the harness calls.
 * It is built together with LLFree's own sources, which the user names; the interface used here is that of its public header:
 * llfree_init, llfree_get, llfree_put with flags that hold the order.
 *
 * As in the engine's workloads: F frames, T threads, thread t passes core t and has (F >> order) / T blocks to itself. Random
 * numbers are xorshift64 (13, 7, 17), an index is ((r >> 32) * n) >> 32. Live blocks are kept in a plain array.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "llfree_inner.h"

#define EXPORT __attribute__((visibility("default")))

enum { THREADS_MAX = 64, BULK_MAX = 100000 };

/* What is run; the numbers are those of the caller. */
enum workload { REPEAT_HALF, BULK_GET, BULK_PUT, BULK_SHUFFLED_PUT, BULK, REMOTE, REPLACE };

struct thread {
	_Alignas(128) uint64_t random;
	uint64_t *live;
	size_t filled;
	int64_t counted_ns;
};

struct bench {
	llfree_t llfree;
	enum workload workload;
	size_t threads, blocks, count, live, window;
	int64_t operations;
	llflags_t flags;
	pthread_barrier_t meeting;
	struct thread thread[THREADS_MAX];
};

static void *allocate(size_t bytes)
{
	size_t rounded = (bytes + 4095) & ~(size_t)4095;
	void *memory = aligned_alloc(4096, rounded);
	if (!memory)
		abort();
	return memset(memory, 0, rounded);
}

static size_t next(struct thread *thread, size_t n)
{
	uint64_t r = thread->random;
	r ^= r << 13;
	r ^= r >> 7;
	r ^= r << 17;
	thread->random = r;
	return ((r >> 32) * n) >> 32;
}

static inline uint64_t get(struct bench *bench, size_t core)
{
	llfree_result_t result = llfree_get(&bench->llfree, core, bench->flags);
	if (!llfree_is_ok(result)) {
		fprintf(stderr, "llfree: no block of order %d\n", bench->flags.order);
		abort();
	}
	return result.frame;
}

static inline void put(struct bench *bench, size_t core, uint64_t frame)
{
	if (!llfree_is_ok(llfree_put(&bench->llfree, core, frame, bench->flags))) {
		fprintf(stderr, "llfree: a block was refused\n");
		abort();
	}
}

static void fill(struct bench *bench, size_t core, size_t count)
{
	uint64_t *live = bench->thread[core].live;
	for (size_t i = 0; i < count; i++)
		live[i] = get(bench, core);
	bench->thread[core].filled = count;
}

static void empty(struct bench *bench, size_t core, const uint64_t *live, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(bench, core, live[i]);
}

static void shuffle(struct thread *thread, size_t count)
{
	for (size_t i = count; i-- > 1;) {
		size_t j = next(thread, i + 1);
		uint64_t block = thread->live[i];
		thread->live[i] = thread->live[j];
		thread->live[j] = block;
	}
}

static int64_t replace(struct bench *bench, size_t core, int64_t total)
{
	struct thread *thread = &bench->thread[core];
	uint64_t *live = thread->live;
	size_t window = bench->window;
	int64_t rounds = total / (int64_t)window + 1;
	for (int64_t round = 0; round < rounds; round++) {
		/* Distinct random blocks: a partial shuffle to the front. */
		for (size_t i = 0; i < window; i++) {
			size_t j = i + next(thread, bench->live - i);
			uint64_t block = live[j];
			live[j] = live[i];
			live[i] = block;
		}
		empty(bench, core, live, window);
		for (size_t i = 0; i < window; i++)
			live[i] = get(bench, core);
	}
	return rounds * (int64_t)window;
}

static int64_t now(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

/* Both halves alternate, so that each works on what the other left in the caches; only one of them counts. */
static int64_t bulk_half(struct bench *bench, size_t core, clockid_t clock)
{
	struct thread *thread = &bench->thread[core];
	int64_t rounds = (bench->operations + (int64_t)bench->count - 1) / (int64_t)bench->count;
	int64_t counted = 0;
	for (int64_t round = 0; round < rounds; round++) {
		int64_t start = now(clock);
		fill(bench, core, bench->count);
		int64_t filled = now(clock);
		if (bench->workload == BULK_SHUFFLED_PUT)
			shuffle(thread, bench->count);
		int64_t shuffled = now(clock);
		empty(bench, core, thread->live, bench->count);
		counted += bench->workload == BULK_GET ? filled - start : now(clock) - shuffled;
	}
	thread->counted_ns = counted;
	return rounds * (int64_t)bench->count;
}

static int64_t bulk(struct bench *bench, size_t core)
{
	size_t whose = bench->workload == REMOTE ? (core + 1) % bench->threads : core;
	int64_t rounds = (bench->operations + (int64_t)bench->count - 1) / (int64_t)bench->count;
	for (int64_t round = 0; round < rounds; round++) {
		fill(bench, core, bench->count);
		pthread_barrier_wait(&bench->meeting);
		empty(bench, core, bench->thread[whose].live, bench->count);
		pthread_barrier_wait(&bench->meeting);
	}
	return 2 * rounds * (int64_t)bench->count;
}

/* frames: managed memory in pages; percent and window: of REPLACE; operations: pairs of a round. Null where it cannot be. */
EXPORT void *frames_create(uint64_t frames, int order, int threads, int workload, int percent, int window, int64_t operations)
{
	if (threads < 1 || threads > THREADS_MAX)
		return NULL;
	struct bench *bench = allocate(sizeof *bench);
	llfree_meta_size_t sizes = llfree_metadata_size((size_t)threads, frames);
	llfree_meta_t meta = {
		.local = allocate(sizes.local),
		.trees = allocate(sizes.trees),
		.lower = allocate(sizes.lower),
	};
	if (!llfree_is_ok(llfree_init(&bench->llfree, (size_t)threads, frames, LLFREE_INIT_FREE, meta)))
		return NULL;
	bench->flags = llflags((size_t)order);
	bench->workload = (enum workload)workload;
	bench->threads = (size_t)threads;
	bench->blocks = (frames >> order) / (size_t)threads;
	bench->count = bench->blocks * 3 / 4 < BULK_MAX ? bench->blocks * 3 / 4 : BULK_MAX;
	bench->live = bench->blocks * (size_t)percent / 100;
	bench->window = (size_t)window < bench->live / 2 ? (size_t)window : bench->live / 2;
	bench->operations = operations;
	pthread_barrier_init(&bench->meeting, NULL, (unsigned)threads);
	for (int i = 0; i < threads; i++) {
		bench->thread[i].random = ((uint64_t)i + 1) * 0x9e3779b97f4a7c15u;
		bench->thread[i].live = allocate(bench->blocks * sizeof(uint64_t));
	}
	return bench;
}

/* Brings a thread's part to where a round starts. */
EXPORT void frames_prepare(struct bench *bench, int core)
{
	struct thread *thread = &bench->thread[core];
	size_t self = (size_t)core;
	switch (bench->workload) {
	case REPEAT_HALF:
		if (!thread->filled)
			fill(bench, self, bench->blocks / 2);
		break;
	case REPLACE:
		if (!thread->filled) {
			fill(bench, self, bench->live);
			replace(bench, self, (int64_t)bench->live);
		}
		break;
	default:
		break;
	}
}

/* One round of a thread's part; how many operations it did. The clock is wall time, or the thread's CPU time. */
EXPORT int64_t frames_run(struct bench *bench, int core, int is_cpu_time)
{
	size_t self = (size_t)core;
	switch (bench->workload) {
	case REPEAT_HALF:
		for (int64_t i = 0; i < bench->operations; i++)
			put(bench, self, get(bench, self));
		return bench->operations;
	case BULK_GET:
	case BULK_PUT:
	case BULK_SHUFFLED_PUT:
		return bulk_half(bench, self, is_cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC);
	case REPLACE:
		return replace(bench, self, bench->operations);
	default:
		return bulk(bench, self);
	}
}

/* Nanoseconds of the part of the last round that counts; -1 where all of it does. */
EXPORT int64_t frames_counted(struct bench *bench, int core)
{
	switch (bench->workload) {
	case BULK_GET:
	case BULK_PUT:
	case BULK_SHUFFLED_PUT:
		return bench->thread[core].counted_ns;
	default:
		return -1;
	}
}

EXPORT void frames_destroy(struct bench *bench)
{
	for (size_t i = 0; i < bench->threads; i++)
		free(bench->thread[i].live);
	free(bench->llfree.local);
	free((void *)bench->llfree.trees);
	free((void *)bench->llfree.lower.fields);
	pthread_barrier_destroy(&bench->meeting);
	free(bench);
}
