/* Operations on files. Page i of a new file is filled with (i * 7 + 1) & 255. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "driver.h"

#define FILES_MAX 16
#define READ_PAGES_MAX 64
#define PUNCH_HOLE_KEEP_SIZE 3

extern char file_folder[];

struct file files[FILES_MAX];
int file_count;

static off_t to_bytes(long pages) { return pages * (off_t)PAGE_BYTES; }

struct file *find_file(const char *name)
{
	int i;

	for (i = 0; i < file_count; i++)
		if (!strcmp(files[i].name, name))
			return &files[i];
	fail("no file '%s'", name);
}

static void create(int is_shmem)
{
	unsigned char page[PAGE_BYTES];
	const char *name = next_word();
	long pages = next_number(), i;
	int read_only = accept_word("ro"), fd;
	struct file *f = &files[file_count];
	char path[512];
	struct stat status;

	expect_end();
	if (file_count == FILES_MAX)
		fail("too many files");
	snprintf(f->name, NAME_BYTES, "%s", name);
	if (is_shmem) {
		fd = (int)syscall(SYS_memfd_create, name, 1);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	} else {
		snprintf(path, sizeof path, "%s/oracle-%d-%d", file_folder, getpid(), file_count);
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	for (i = 0; i < pages; i++) {
		memset(page, (int)((i * 7 + 1) & 255), sizeof page);
		if (pwrite(fd, page, sizeof page, to_bytes(i)) != (ssize_t)sizeof page)
			fail("%s: %s", path, strerror(errno));
	}
	fsync(fd);
	f->mapped = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	f->io = open(path, O_RDWR | O_CLOEXEC);
	if (f->mapped < 0 || f->io < 0 || fstat(fd, &status))
		fail("%s: %s", path, strerror(errno));
	f->inode = status.st_ino;
	f->major = major(status.st_dev);
	f->minor = minor(status.st_dev);
	if (!is_shmem)
		unlink(path);
	close(fd);
	file_count++;
	print_file_result(is_shmem ? "shmfile" : "file", 0);
}

/* A description of its own, whose read-ahead knows nothing yet. */
static int open_again(const struct file *f)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/self/fd/%d", f->io);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	return fd;
}

static void evict(void)
{
	int fd = open_again(find_file(next_word())), error;

	expect_end();
	quiesce();
	fsync(fd);
	error = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	has_cold_file = 1;
	errno = error;
	print_file_result("evict", error != 0);
}

static void warm(void)
{
	static unsigned char page[PAGE_BYTES];
	int fd = open_again(find_file(next_word()));
	off_t offset = 0;

	expect_end();
	while (pread(fd, page, sizeof page, offset) > 0)
		offset += (off_t)sizeof page;
	close(fd);
	settle();
	print_file_result("warm", 0);
}

static void write_byte(void)
{
	struct file *f = find_file(next_word());
	long page = next_number();
	unsigned char value = (unsigned char)next_number();

	expect_end();
	quiesce();
	print_file_result("writefile", pwrite(f->io, &value, 1, to_bytes(page)) != 1);
}

static void read_pages(void)
{
	static unsigned char bytes[READ_PAGES_MAX * PAGE_BYTES];
	struct file *f = find_file(next_word());
	long page = next_number(), count = next_number();
	ssize_t read, at;

	expect_end();
	if (count < 1 || count > READ_PAGES_MAX)
		fail("readfile takes 1 to %d pages", READ_PAGES_MAX);
	quiesce();
	read = pread(f->io, bytes, (size_t)to_bytes(count), to_bytes(page));
	if (has_cold_file)
		settle();
	print_start(NULL, "readfile");
	printf(",\"bytes\":%zd,\"v\":[", read);
	for (at = 0; at < read; at += (ssize_t)PAGE_BYTES)
		printf("%s%d", at ? "," : "", bytes[at]);
	printf("]");
	print_end();
}

static void show_cached(void)
{
	static unsigned char bits[PAGES_MAX];
	struct file *f = find_file(next_word());
	long page = next_number(), count = next_number();
	void *window;

	expect_end();
	if (count < 1 || count > PAGES_MAX)
		fail("cached: bad length");
	window = mmap(NULL, (size_t)to_bytes(count), PROT_READ, MAP_SHARED, f->io, to_bytes(page));
	if (window == MAP_FAILED || mincore(window, (size_t)to_bytes(count), bits))
		fail("cached: %s", strerror(errno));
	munmap(window, (size_t)to_bytes(count));
	print_start(NULL, "cached");
	printf(",\"map\":");
	print_bits(bits, count);
	print_end();
}

static void change(const char *operation)
{
	struct file *f = find_file(next_word());
	long first, count;
	int failed;

	if (!strcmp(operation, "fsync")) {
		expect_end();
		failed = fsync(f->io);
	} else if (!strcmp(operation, "truncate")) {
		count = next_number();
		expect_end();
		quiesce();
		failed = ftruncate(f->io, to_bytes(count));
	} else {
		first = next_number();
		count = next_number();
		expect_end();
		quiesce();
		failed = fallocate(f->io, PUNCH_HOLE_KEEP_SIZE, to_bytes(first), to_bytes(count));
	}
	print_file_result(operation, failed);
}

int run_file_operation(const char *operation)
{
	if (!strcmp(operation, "file") || !strcmp(operation, "shmfile"))
		create(operation[0] == 's');
	else if (!strcmp(operation, "evict"))
		evict();
	else if (!strcmp(operation, "warm"))
		warm();
	else if (!strcmp(operation, "writefile"))
		write_byte();
	else if (!strcmp(operation, "readfile"))
		read_pages();
	else if (!strcmp(operation, "cached"))
		show_cached();
	else if (!strcmp(operation, "fsync") || !strcmp(operation, "truncate") || !strcmp(operation, "punch"))
		change(operation);
	else if (!strcmp(operation, "swapon"))
		turn_swap_on();
	else if (!strcmp(operation, "thpset"))
		set_huge_pages();
	else
		return 0;
	return 1;
}
