/* The driver's state and helpers; each .c file says what it holds. */
#ifndef ORACLE_DRIVER_H
#define ORACLE_DRIVER_H

#include <stdint.h>
#include "protocol.h"

#define NAME_BYTES 24

struct process {
	char name[NAME_BYTES];
	int is_live, channel, socket, pid, pidfd;
};

struct file {
	char name[NAME_BYTES];
	int mapped;                 /* the description that all mappings use */
	int io;                     /* the one for readfile and writefile */
	unsigned long inode;
	unsigned major, minor;
};

/* talk.c: processes, and one step in one of them */
extern unsigned long fence, heap;
extern int has_cold_file;
void start_main(void);
void end_all(void);
struct process *find_process(const char *name);
struct process *new_process(const char *name);
void quiesce(void);
void settle(void);
void touch_own_memory(struct process *p);
long own_table_pages(void);
long table_pages(struct process *p);
struct answer *ask(struct process *p, enum request_kind kind, long number, int fd, int fd_argument, const unsigned long *arguments);
struct answer *ask_call(struct process *p, long number, unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e);
void send_exit(struct process *p);

/* words.c: the words of a line, names, places, and what goes wrong */
extern int line_number;
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
int split_line(char *line);
int has_more(void);
char *next_word(void);
long next_number(void);
int accept_word(const char *word);
void expect_end(void);
unsigned long region_address(const char *name);
void define_region(const char *name, unsigned long address);
unsigned long next_place(void);
unsigned long next_slot(const char *owner);
const char *place_name(unsigned long address);
int is_shown(unsigned long start, unsigned long end);
int next_protection(void);
int next_advice(void);

/* print.c: lines of output */
void print_start(const struct process *p, const char *operation);
void print_end(void);
void print_result(const struct answer *a, int with_faults);
void print_file_result(const char *operation, int failed);
void print_bits(const unsigned char *bits, long count);

/* files.c */
extern struct file files[];
extern int file_count;
struct file *find_file(const char *name);
int run_file_operation(const char *operation);

/* views.c: what /proc shows */
void read_pagemap(struct process *p, unsigned long address, long count, uint64_t *entries);
const char *frame_change(uint64_t before, uint64_t after);
void show_areas(struct process *p);
void show_pagemap(struct process *p);
void show_frames(struct process *p);

/* host.c: swap space, memory limits, settings of huge pages */
void turn_swap_on(void);
void set_huge_pages(void);
void limit_memory(struct process *p);
void undo_host_changes(void);

#endif
