/*
 * The processes that a script names, and one step in one of them.
 *
 * All run on one CPU. Before each step the driver empties that CPU's batches of
 * LRU pages, which hold references and so decide between reuse and copy.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "driver.h"

#define SETTLE_US 20000         /* read-ahead that a step started has ended by then */
#define PATIENCE_MS 60000
#define OWN_PLACES_MAX 256
#define HUGE_BYTES (2UL << 20)

unsigned long fence, heap;
int has_cold_file;

static struct process processes[CHANNELS];
static int process_count;
static unsigned long own_places[OWN_PLACES_MAX];
static int own_place_count;
static long own_tables;
static void *spare_page;

void quiesce(void) { madvise(spare_page, PAGE_BYTES, MADV_COLD); }

void settle(void) { usleep(SETTLE_US); }

long own_table_pages(void) { return own_tables; }

struct process *find_process(const char *name)
{
	int i;

	for (i = 0; i < process_count; i++)
		if (processes[i].is_live && !strcmp(processes[i].name, name))
			return &processes[i];
	fail("no live process '%s'", name);
}

struct process *new_process(const char *name)
{
	int i;

	for (i = 0; i < process_count; i++)
		if (!strcmp(processes[i].name, name))
			fail("process '%s' exists", name);
	if (process_count == CHANNELS)
		fail("too many processes");
	snprintf(processes[process_count].name, NAME_BYTES, "%s", name);
	return &processes[process_count];
}

static void come_alive(struct process *p, int pid)
{
	process_count++;
	p->pid = pid;
	p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	p->is_live = 1;
}

static void transmit(struct process *p, struct request *request, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { request, sizeof *request };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *header;

	if (fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof control;
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(header), &fd, sizeof fd);
	}
	quiesce();
	if (sendmsg(p->socket, &message, 0) < 0)
		fail("cannot reach %s: %s", p->name, strerror(errno));
}

/* NULL where the process died instead of answering. */
static struct answer *hear(struct process *p)
{
	static struct answer answer;
	struct pollfd events[2] = { { p->socket, POLLIN, 0 }, { p->pidfd, POLLIN, 0 } };

	if (poll(events, 2, PATIENCE_MS) <= 0)
		fail("no answer from %s", p->name);
	if (!(events[0].revents & POLLIN)) {
		p->is_live = 0;
		close(p->pidfd);
		return NULL;
	}
	if (recv(p->socket, &answer, sizeof answer, 0) <= 0)
		fail("no answer from %s: %s", p->name, strerror(errno));
	return &answer;
}

struct answer *ask(struct process *p, enum request_kind kind, long number, int fd, int fd_argument, const unsigned long *arguments)
{
	struct request request = { .kind = kind, .number = number, .file_argument = fd_argument };
	struct answer *answer;

	if (arguments)
		memcpy(request.arguments, arguments, sizeof request.arguments);
	transmit(p, &request, fd);
	answer = hear(p);
	if (kind == REQUEST_FORK && answer && answer->result > 0)
		come_alive(&processes[arguments[0]], (int)answer->result);
	return answer;
}

struct answer *ask_call(struct process *p, long number, unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e)
{
	const unsigned long arguments[6] = { a, b, c, d, e, 0 };

	return ask(p, REQUEST_CALL, number, -1, 0, arguments);
}

void send_exit(struct process *p)
{
	if (ask(p, REQUEST_EXIT, 0, -1, 0, NULL))
		fail("%s did not exit", p->name);
}

long table_pages(struct process *p)
{
	char path[64], line[256];
	long kib = -1;
	FILE *status;

	snprintf(path, sizeof path, "/proc/%d/status", p->pid);
	status = fopen(path, "r");
	if (!status)
		fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof line, status) && sscanf(line, "VmPTE: %ld", &kib) != 1)
		;
	fclose(status);
	return kib * 1024 / (long)PAGE_BYTES;
}

/* A page in every 2 MiB of its own mappings, so that all processes have the same tables before any region. */
void touch_own_memory(struct process *p)
{
	unsigned long arguments[6] = { 0 };
	int i;

	for (i = 0; i < own_place_count; i++) {
		arguments[0] = own_places[i];
		ask(p, REQUEST_LOAD, 0, -1, 0, arguments);
	}
}

/* Notes the places of its own mappings; gives the lowest mapping of the library area. */
static unsigned long survey(struct process *p)
{
	unsigned long start, end, place, lowest = 0;
	char path[64], line[512], permissions[8];
	FILE *maps;

	snprintf(path, sizeof path, "/proc/%d/maps", p->pid);
	maps = fopen(path, "r");
	if (!maps)
		fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, permissions) != 3)
			continue;
		if (!lowest && start > heap && start >= 0x700000000000UL)
			lowest = start;
		if (permissions[0] != 'r' || strstr(line, "[v"))
			continue;
		for (place = start; place < end; place = (place | (HUGE_BYTES - 1)) + 1)
			if (own_place_count < OWN_PLACES_MAX)
				own_places[own_place_count++] = place;
	}
	fclose(maps);
	return lowest;
}

void start_main(void)
{
	unsigned long arguments[6] = { 0 };
	struct process *p;
	struct answer *answer;
	int ends[2], i, pid;

	for (i = 0; i < CHANNELS; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
			fail("socketpair: %s", strerror(errno));
		processes[i].socket = ends[0];
		processes[i].channel = i;
		dup2(ends[1], CHANNEL_FD + i);
		close(ends[1]);
	}
	spare_page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*(volatile char *)spare_page = 1;
	p = new_process("main");
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "oracle", "--subject", (char *)NULL);
		_exit(127);
	}
	come_alive(p, pid);
	answer = ask(p, REQUEST_ALIGN_BREAK, 0, -1, 0, NULL);
	if (!answer)
		fail("the first process did not start");
	heap = (unsigned long)answer->result;
	define_region("heap", heap);
	arguments[0] = survey(p);
	answer = ask(p, REQUEST_FENCE, 0, -1, 0, arguments);
	if (!answer || answer->result == -1)
		fail("cannot place the fence");
	fence = (unsigned long)answer->result;
	touch_own_memory(p);
	own_tables = table_pages(p);
}

void end_all(void)
{
	int i;

	for (i = 0; i < process_count; i++)
		if (processes[i].is_live) {
			struct pollfd event = { processes[i].pidfd, POLLIN, 0 };

			syscall(SYS_pidfd_send_signal, processes[i].pidfd, SIGKILL, NULL, 0);
			poll(&event, 1, 5000);
		}
}
