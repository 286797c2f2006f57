/*
 * The process whose memory is observed. It does one thing per request - one raw
 * system call, or one load or store of one byte - and answers with the result
 * and the faults that exactly this took. Before each step it touches everything
 * of its own that the step will need, so that no fault of its own is counted,
 * and it takes one signal, whose delivery touches pages as well.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "protocol.h"

#define FENCE_ALIGNMENT (512UL << 30)

static struct request request;
static struct answer answer;
static sigjmp_buf after_signal;
static volatile sig_atomic_t signal_number, signal_code;
static volatile unsigned char playground[2 * PAGE_BYTES];
static unsigned char *forbidden;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	signal_number = number;
	signal_code = info->si_code;
	siglongjmp(after_signal, 1);
}

static void finish_counting(const struct rusage *before)
{
	struct rusage now;

	getrusage(RUSAGE_THREAD, &now);
	answer.minor = now.ru_minflt - before->ru_minflt;
	answer.major = now.ru_majflt - before->ru_majflt;
}

static void __attribute__((noinline)) load_byte(const volatile unsigned char *place)
{
	struct rusage before;

	signal_number = signal_code = 0;
	answer.value = 0;
	getrusage(RUSAGE_THREAD, &before);
	if (sigsetjmp(after_signal, 1) == 0)
		answer.value = *place;
	finish_counting(&before);
	answer.result = signal_number ? -1 : 0;
	answer.signal = signal_number;
	answer.code = signal_code;
}

static void __attribute__((noinline)) store_byte(volatile unsigned char *place, unsigned char value)
{
	struct rusage before;

	signal_number = signal_code = 0;
	getrusage(RUSAGE_THREAD, &before);
	if (sigsetjmp(after_signal, 1) == 0)
		*place = value;
	finish_counting(&before);
	answer.value = value;
	answer.result = signal_number ? -1 : 0;
	answer.signal = signal_number;
	answer.code = signal_code;
}

static void __attribute__((noinline)) call(long number, const unsigned long *a)
{
	struct rusage before;

	getrusage(RUSAGE_THREAD, &before);
	errno = 0;
	answer.result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	answer.error = answer.result == -1 ? errno : 0;
	finish_counting(&before);
}

/* Stack, data and code of a step become present and private. */
static void __attribute__((noinline)) rehearse(void)
{
	static const unsigned long nothing[6];
	volatile unsigned char deep_stack[48 * 1024];
	size_t i;

	for (i = 0; i < sizeof deep_stack; i += PAGE_BYTES / 2)
		deep_stack[i] = 0;
	for (i = 0; i < sizeof answer.resident; i += PAGE_BYTES / 2)
		*(volatile unsigned char *)&answer.resident[i] = 0;
	*(volatile int *)&request.file_argument = request.file_argument;
	load_byte(playground);
	store_byte(playground + PAGE_BYTES, 1);
	store_byte(forbidden, 1);
	call(SYS_getpid, nothing);
	memset(&answer, 0, offsetof(struct answer, resident));
}

/*
 * Fills every hole of the mmap area above the lowest library, then everything
 * from there down to a 512 GiB boundary; on the boundary lies a page that merges
 * with nothing, the fence. Below it the kernel finds only what a script maps.
 */
static void raise_fence(unsigned long lowest)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	unsigned long boundary = (lowest - 2 * PAGE_BYTES) & ~(FENCE_ALIGNMENT - 1);
	unsigned long bytes = 1UL << 30;
	void *place;

	while (bytes >= PAGE_BYTES) {
		place = mmap(NULL, bytes, PROT_NONE, flags, -1, 0);
		if (place != MAP_FAILED && (uintptr_t)place > lowest)
			continue;
		if (place != MAP_FAILED)
			munmap(place, bytes);
		bytes /= 2;
	}
	answer.result = -1;
	place = mmap((void *)(boundary + PAGE_BYTES), lowest - boundary - PAGE_BYTES, PROT_NONE,
		     flags | MAP_FIXED_NOREPLACE, -1, 0);
	if (place != (void *)(boundary + PAGE_BYTES))
		return;
	place = mmap((void *)boundary, PAGE_BYTES, PROT_NONE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (place == (void *)boundary)
		answer.result = (long)boundary;
}

/* Takes the next request; an attached descriptor, or -1, is returned. */
static int receive(int channel)
{
	static char control[CMSG_SPACE(sizeof(int))];
	static struct iovec part = { &request, sizeof request };
	static struct msghdr message;
	struct cmsghdr *header;
	int attached = -1;

	message.msg_iov = &part;
	message.msg_iovlen = 1;
	message.msg_control = control;
	message.msg_controllen = sizeof control;
	if (recvmsg(CHANNEL_FD + channel, &message, 0) != (ssize_t)sizeof request)
		_exit(0);
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&attached, CMSG_DATA(header), sizeof attached);
	return attached;
}

static void reply(int channel)
{
	size_t bytes = offsetof(struct answer, resident) + (size_t)answer.resident_count;

	if (send(CHANNEL_FD + channel, &answer, bytes, 0) < 0)
		_exit(3);
}

/* Does one request. Returns the channel to listen on from now on: a child's is another. */
static int serve(int channel)
{
	const unsigned long *a = request.arguments;
	long child;

	switch (request.kind) {
	case REQUEST_CALL:
		call(request.number, a);
		break;
	case REQUEST_LOAD:
		load_byte((const volatile unsigned char *)a[0]);
		break;
	case REQUEST_STORE:
		store_byte((volatile unsigned char *)a[0], (unsigned char)a[1]);
		break;
	case REQUEST_RESIDENT:
		answer.result = syscall(SYS_mincore, a[0], a[1], answer.resident);
		answer.error = answer.result ? errno : 0;
		answer.resident_count = answer.result ? 0 : (int)(a[1] / PAGE_BYTES);
		break;
	case REQUEST_FORK:
		child = syscall(SYS_clone, (long)SIGCHLD, 0, 0, 0, 0);
		if (child == 0)
			return (int)a[0];
		answer.result = child;
		answer.error = child < 0 ? errno : 0;
		break;
	case REQUEST_FENCE:
		raise_fence(a[0]);
		break;
	case REQUEST_ALIGN_BREAK:
		answer.result = syscall(SYS_brk, 0);
		answer.result = syscall(SYS_brk, (answer.result + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1));
		break;
	case REQUEST_EXIT:
		_exit(0);
	}
	reply(channel);
	return channel;
}

int run_subject(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER };
	int channel = 0, attached;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	signal(SIGCHLD, SIG_IGN);
	forbidden = mmap(NULL, PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (;;) {
		attached = receive(channel);
		if (attached >= 0)
			request.arguments[request.file_argument] = (unsigned long)attached;
		rehearse();
		channel = serve(channel);
		if (attached >= 0)
			close(attached);
	}
}
