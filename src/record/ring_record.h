/* record/ring_record.h - the records of the ring, as the BPF program writes
 * them and every other source imitates them. Shared by C (BPF) and C++.
 *
 * A touch is 24 bytes: it is the only frequent one. Tasks have dense numbers
 * given by the source at fork; address spaces are the kernel's pointers, and
 * are named only where one begins or ends: between these a task's address
 * space is the one it was last given (flag QR_NEW_MM: the one its next exec
 * record names).
 */
#pragma once

#ifdef __cplusplus
#include <cstdint>
#define QR_U8 std::uint8_t
#define QR_U16 std::uint16_t
#define QR_U32 std::uint32_t
#define QR_U64 std::uint64_t
#define QR_I64 std::int64_t
#else
#define QR_U8 unsigned char
#define QR_U16 unsigned short
#define QR_U32 unsigned int
#define QR_U64 unsigned long long
#define QR_I64 long long
#endif

enum qr_kind {
  QR_TOUCH = 1,
  QR_FAULT_AROUND,
  QR_SYSCALL,      /* struct qr_syscall */
  QR_SYSCALL_FILE, /* struct qr_syscall_file */
  QR_FORK,
  QR_EXEC_ENTER, /* the first program is about to be executed */
  QR_EXEC,       /* then its QR_VMA records, then QR_EXEC_END */
  QR_VMA,
  QR_EXEC_END,
  QR_EXIT,
  QR_MM_GONE,
  QR_ACCESSED,     /* one page table of an address space that is being sampled, addresses rising */
  QR_ACCESSED_END, /* all of that address space has been told */
};

/* Flags of a touch: trace::TouchBits, and one of ours. */
#define QR_NEW_MM 0x80

/* head.aux of a system call: trace::Sys in the low byte, trace::Phase above. */

struct qr_head {
  QR_U8 kind;
  QR_U8 flags;
  QR_U16 aux;
  QR_U32 task;
  QR_U64 time_ns;
};

struct qr_touch {
  struct qr_head head;
  QR_U64 addr;
};

/* A file; ino 0 and dev 0: none. `dev` is the kernel's own coding. */
struct qr_file {
  QR_U32 dev;
  QR_U32 bits; /* trace::FileBits */
  QR_U64 ino;
  QR_U64 size;
  char name[64];
};

struct qr_fault_around {
  struct qr_head head;
  QR_U64 first;
  QR_U64 last;
  QR_U64 ino;
  QR_U32 dev;
  QR_U32 pad;
};

struct qr_syscall {
  struct qr_head head;
  QR_U64 args[6];
  QR_I64 result;
};

struct qr_syscall_file {
  struct qr_syscall call;
  struct qr_file file;
};

struct qr_fork {
  struct qr_head head; /* the parent */
  QR_U32 child;
  QR_U32 pid; /* of the child */
  QR_U64 clone_flags;
  QR_U64 child_mm;
};

struct qr_exec_enter {
  struct qr_head head;
  QR_U64 min_flt;
  QR_U64 maj_flt;
};

struct qr_exec {
  struct qr_head head;
  QR_U64 mm;
  QR_U64 start_brk;
  QR_U64 brk;
  QR_U64 arg_start;
  QR_U64 env_end;
  QR_U64 start_stack;
  char comm[16];
};

struct qr_vma {
  struct qr_head head;
  QR_U64 start;
  QR_U64 end;
  QR_U64 vm_flags; /* the kernel's bits */
  QR_U64 pgoff;
  struct qr_file file;
};

struct qr_exec_end {
  struct qr_head head;
};

struct qr_exit {
  struct qr_head head;
  QR_U64 min_flt;
  QR_U64 maj_flt;
};

struct qr_mm_gone {
  struct qr_head head;
  QR_U64 mm;
};

#define QR_TABLE_WORDS 8 /* of 64 entries each */

struct qr_accessed {
  struct qr_head head;
  QR_U64 mm;
  QR_U64 base; /* address of the first entry's page */
  QR_U64 accessed[QR_TABLE_WORDS];
  QR_U64 dirty[QR_TABLE_WORDS];
};

struct qr_accessed_end {
  struct qr_head head;
  QR_U64 mm;
  QR_U64 sample;
  QR_U32 pid; /* of a process that has this address space */
  QR_U32 pad;
};

#define QR_SYSCALLS 512 /* size of the tables of system call numbers */

#undef QR_U8
#undef QR_U16
#undef QR_U32
#undef QR_U64
#undef QR_I64
