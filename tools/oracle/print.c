/* Lines of output: one JSON object each, no blanks. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "driver.h"

void print_start(const struct process *p, const char *operation)
{
	printf("{\"l\":%d", line_number);
	if (p)
		printf(",\"p\":\"%s\"", p->name);
	printf(",\"op\":\"%s\"", operation);
}

void print_end(void) { printf("}\n"); }

static const char *errno_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "E?";
}

/* No answer: the process was killed. */
void print_result(const struct answer *a, int with_faults)
{
	if (!a) {
		printf(",\"r\":\"KILLED\"");
		return;
	}
	printf(",\"r\":\"%s\"", a->result == -1 ? errno_name(a->error) : "ok");
	if (with_faults)
		printf(",\"min\":%ld,\"maj\":%ld", a->minor, a->major);
}

void print_file_result(const char *operation, int failed)
{
	int error = errno;

	print_start(NULL, operation);
	printf(",\"r\":\"%s\"", failed ? errno_name(error) : "ok");
	print_end();
}

void print_bits(const unsigned char *bits, long count)
{
	long i;

	putchar('"');
	for (i = 0; i < count; i++)
		putchar('0' + (bits[i] & 1));
	putchar('"');
}
