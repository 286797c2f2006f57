/* What passes between the driver and the processes that it observes. */
#ifndef ORACLE_PROTOCOL_H
#define ORACLE_PROTOCOL_H

#define PAGE_BYTES 4096UL
#define PAGES_MAX 4096          /* the longest range of an operation that looks at pages */
#define CHANNELS 12             /* processes in a script */
#define CHANNEL_FD 200          /* a subject's end of channel n is descriptor CHANNEL_FD + n */

enum request_kind {
	REQUEST_CALL,               /* a system call: number, six arguments */
	REQUEST_LOAD,               /* one byte from an address */
	REQUEST_STORE,              /* one byte to an address */
	REQUEST_RESIDENT,           /* mincore */
	REQUEST_FORK,               /* a child that answers on another channel */
	REQUEST_FENCE,              /* fill the mmap area above a boundary */
	REQUEST_ALIGN_BREAK,        /* put the break on a page boundary */
	REQUEST_EXIT,
};

struct request {
	enum request_kind kind;
	int file_argument;          /* the argument that the attached descriptor replaces */
	long number;
	unsigned long arguments[6];
};

struct answer {
	long result;                /* -1: see error; for an access: see signal */
	int error;
	int signal, code;
	unsigned value;             /* the byte that was read */
	long minor, major;          /* faults of exactly this step */
	int resident_count;
	unsigned char resident[PAGES_MAX];
};

int run_subject(void);          /* subject.c */

#endif
