/*
 * What malloc and free take for objects of one size, for the allocator that is in the process (LD_PRELOAD picks it).
 * It reads one request a line, "WORKLOAD SIZE OPERATIONS", and answers with the nanoseconds taken. An operation is one
 * allocation and one free; the object's first word is written after the one and read before the other.
 *
 *   pair      allocate, free at once
 *   fifo      allocate 1,024, free in the same order
 *   lifo      allocate 1,024, free in the reverse order
 *   random    of 100,000 live objects, replace a random one
 *   handoff   one thread allocates, another frees, through a ring of 4,096 places
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 1024, LIVE = 100000, RING = 4096 };

static void *slots[LIVE];
static size_t live_size;
static uint64_t seed = 0x9e3779b97f4a7c15u;
static volatile uint64_t sink;

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void *get(size_t size, uint64_t value)
{
    uint64_t *p = malloc(size);
    __asm__ volatile("" : "+r"(p) : : "memory");
    if (!p)
        exit(3);
    *p = value;
    return p;
}

static inline uint64_t put(void *p)
{
    uint64_t value = *(volatile uint64_t *)p;
    __asm__ volatile("" : "+r"(p) : : "memory");
    free(p);
    return value;
}

static uint64_t pair(size_t size, long n)
{
    uint64_t sum = 0;
    for (long i = 0; i < n; i++)
        sum += put(get(size, (uint64_t)i));
    return sum;
}

static uint64_t batch(size_t size, long n, int reversed)
{
    uint64_t sum = 0;
    for (long i = 0; i < n; i += BATCH) {
        for (int k = 0; k < BATCH; k++)
            slots[k] = get(size, (uint64_t)(i + k));
        if (reversed)
            for (int k = BATCH; k-- > 0;)
                sum += put(slots[k]);
        else
            for (int k = 0; k < BATCH; k++)
                sum += put(slots[k]);
    }
    return sum;
}

static void fill(size_t size)
{
    if (live_size == size)
        return;
    if (live_size)
        for (int k = 0; k < LIVE; k++)
            put(slots[k]);
    live_size = size;
    if (size)
        for (int k = 0; k < LIVE; k++)
            slots[k] = get(size, (uint64_t)k);
}

static uint64_t replace(size_t size, long n)
{
    uint64_t sum = 0, x = seed;
    for (long i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        uint32_t k = (uint32_t)(((x >> 32) * LIVE) >> 32);
        sum += put(slots[k]);
        slots[k] = get(size, (uint64_t)i);
    }
    seed = x;
    return sum;
}

static struct {
    _Alignas(128) _Atomic long head;
    _Alignas(128) _Atomic long tail;
    _Alignas(128) void *place[RING];
} ring;

struct side { size_t size; long n; };

static void pin(int index)
{
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof all, &all))
        return;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all) && index-- == 0)
            CPU_SET(cpu, &one);
    if (CPU_COUNT(&one))
        sched_setaffinity(0, sizeof one, &one);
}

static void *producer(void *arg)
{
    struct side *s = arg;
    long seen = atomic_load(&ring.tail);
    pin(0);
    for (long i = 0; i < s->n; i++) {
        void *p = get(s->size, (uint64_t)i);
        while (i - seen >= RING)
            seen = atomic_load_explicit(&ring.tail, memory_order_acquire);
        ring.place[i % RING] = p;
        atomic_store_explicit(&ring.head, i + 1, memory_order_release);
    }
    return 0;
}

static void *consumer(void *arg)
{
    struct side *s = arg;
    uint64_t sum = 0;
    long seen = 0;
    pin(1);
    for (long i = 0; i < s->n; i++) {
        while (i >= seen)
            seen = atomic_load_explicit(&ring.head, memory_order_acquire);
        sum += put(ring.place[i % RING]);
        atomic_store_explicit(&ring.tail, i + 1, memory_order_release);
    }
    sink += sum;
    return 0;
}

static void handoff(size_t size, long n)
{
    struct side s = { size, n };
    pthread_t threads[2];
    atomic_store(&ring.head, 0);
    atomic_store(&ring.tail, 0);
    if (pthread_create(&threads[0], 0, producer, &s) || pthread_create(&threads[1], 0, consumer, &s))
        exit(3);
    pthread_join(threads[0], 0);
    pthread_join(threads[1], 0);
}

int main(void)
{
    char name[32];
    size_t size;
    long n;
    while (scanf("%31s %zu %ld", name, &size, &n) == 3) {
        int is_random = !strcmp(name, "random");
        if (is_random || live_size)
            fill(is_random ? size : 0);
        uint64_t start = now();
        if (is_random)
            sink += replace(size, n);
        else if (!strcmp(name, "pair"))
            sink += pair(size, n);
        else if (!strcmp(name, "fifo") || !strcmp(name, "lifo"))
            sink += batch(size, n, name[0] == 'l');
        else if (!strcmp(name, "handoff"))
            handoff(size, n);
        else
            return 2;
        printf("%llu\n", (unsigned long long)(now() - start));
        fflush(stdout);
    }
    return 0;
}
