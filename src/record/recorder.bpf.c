// SPDX-License-Identifier: MIT
// record/recorder.bpf.c - what runs in the kernel while a program is recorded.
//
// Every tracepoint handler asks first whether its task belongs to the recorded
// tree and, if so, reserves one record in the one ring: the order of
// reservation is the order of the recording. Nothing here waits, takes a lock
// of ours or looks at memory contents; what does not fit is counted as lost.
//
// The kernel's types are declared here with only the members we read, and are
// relocated at load: the build host's kernel does not matter.
#include <linux/bpf.h>
//
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "ring_record.h"

typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
  const unsigned char* name;
};
struct super_block {
  u32 s_dev;
  unsigned long s_magic;
};
struct inode {
  unsigned short i_mode;
  struct super_block* i_sb;
  unsigned long i_ino;
  long long i_size;
};
struct dentry {
  struct qstr d_name;
};
struct path {
  struct dentry* dentry;
};
struct file {
  struct inode* f_inode;
  struct path f_path;
};
struct fdtable {
  unsigned int max_fds;
  struct file** fd;
};
struct files_struct {
  struct fdtable* fdt;
};
struct address_space {
  struct inode* host;
};
struct mm_struct {
  unsigned long start_brk, brk, start_stack, arg_start, env_end;
};
struct vm_area_struct {
  unsigned long vm_start, vm_end, vm_flags, vm_pgoff;
  struct file* vm_file;
};
struct thread_info {
  u32 status;
};
struct task_struct {
  struct thread_info thread_info;
  struct mm_struct* mm;
  int pid;
  unsigned long min_flt, maj_flt;
  struct files_struct* files;
  int pagefault_disabled;
  char comm[16];
};
struct pt_regs {
  unsigned long di, si, dx, r10, r8, r9, orig_ax;
};

#pragma clang attribute pop

// The open-coded iterator over the mappings of a task, Linux 6.7 and later.
struct bpf_iter_task_vma {
  u64 __opaque[1];
} __attribute__((aligned(8)));
extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma* it, struct task_struct* task, u64 addr) __ksym;
extern struct vm_area_struct* bpf_iter_task_vma_next(struct bpf_iter_task_vma* it) __ksym;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma* it) __ksym;

#define CLONE_VM 0x100
#define TS_COMPAT 0x2
#define PR_SET_THP_DISABLE 41
#define MAP_SHARED 1
#define TMPFS_MAGIC 0x01021994
#define HUGETLBFS_MAGIC 0x958458f6
#define S_IFMT 0170000
#define S_IFCHR 0020000

enum touch_bits { kWrite = 1, kExecute = 2, kKernel = 4, kPresent = 8, kUncounted = 16 };
enum file_bits { kShmem = 1, kHugetlb = 2, kDevice = 4 };
enum sys_id { kMmap = 1, kMunmap = 2, kPrctl = 11, kShmat = 12, kShmdt = 13, kExecve = 255 };
enum phase { kExit = 0, kEnter = 1 };

// What is kept of a task of the recorded tree. `mm` is 0 until the first
// program is about to be executed: what happens before is the recorder's own.
struct task_state {
  u32 id;
  u32 pad;
  u64 mm;
  u64 shm_length;  // of the segment a running shmdt detaches
};

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 27);
} ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct task_state);
} tasks SEC(".maps");

// System call number -> trace::Sys (0: not kept), set before loading.
const volatile unsigned char sys_at_enter[QR_SYSCALLS];
const volatile unsigned char sys_at_exit[QR_SYSCALLS];

// Read by the recorder while this runs.
unsigned long long lost = 0;          // records that found no room
unsigned long long untracked = 0;     // tasks that could not be followed
unsigned long long compat_calls = 0;  // system calls of 32-bit programs: not understood
unsigned int last_task = 1;           // 1 is the first task, entered by the recorder
unsigned long long started = 0;       // tasks of the tree
unsigned long long exited = 0;

static __always_inline struct task_state* state_of(struct task_struct* task) {
  return bpf_task_storage_get(&tasks, task, 0, 0);
}

static __always_inline void* reserve(u64 size) {
  void* record = bpf_ringbuf_reserve(&ring, size, 0);
  if (!record) __sync_fetch_and_add(&lost, 1);
  return record;
}

// The recorder looks at the ring on a timer: no wake-up for each record.
static __always_inline void submit(void* record) { bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP); }

static __always_inline void set_head(struct qr_head* head, u8 kind, u32 task) {
  head->kind = kind;
  head->flags = 0;
  head->aux = 0;
  head->task = task;
  head->time_ns = bpf_ktime_get_ns();
}

// --- touches --------------------------------------------------------------

static __always_inline int touch(u64 address, u64 error, u8 flags) {
  if ((long long)address < 0) return 0;  // the kernel's half
  struct task_struct* task = bpf_get_current_task_btf();
  struct task_state* state = state_of(task);
  if (!state || !state->mm) return 0;
  struct qr_touch* r = reserve(sizeof(*r));
  if (!r) return 0;
  if (error & 1) flags |= kPresent;
  if (error & 2) flags |= kWrite;
  if (error & 16) flags |= kExecute;
  if (task->pagefault_disabled) flags |= kUncounted;
  if ((u64)task->mm != state->mm) flags |= QR_NEW_MM;
  set_head(&r->head, QR_TOUCH, state->id);
  r->head.flags = flags;
  r->addr = address;
  submit(r);
  return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(on_page_fault_user, unsigned long address, struct pt_regs* regs, unsigned long error) {
  return touch(address, error, 0);
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(on_page_fault_kernel, unsigned long address, struct pt_regs* regs, unsigned long error) {
  return touch(address, error, kKernel);
}

// --- files ----------------------------------------------------------------

static __always_inline u32 inode_bits(struct inode* inode) {
  u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);
  u32 bits = 0;
  if (magic == TMPFS_MAGIC) bits |= kShmem;
  if (magic == HUGETLBFS_MAGIC) bits |= kHugetlb;
  if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFCHR) bits |= kDevice;
  return bits;
}

static __always_inline void set_file(struct qr_file* out, struct file* file) {
  struct inode* inode = file ? BPF_CORE_READ(file, f_inode) : 0;
  if (!inode) {
    __builtin_memset(out, 0, sizeof(*out));
    return;
  }
  out->dev = BPF_CORE_READ(inode, i_sb, s_dev);
  out->ino = BPF_CORE_READ(inode, i_ino);
  out->size = (u64)BPF_CORE_READ(inode, i_size);
  out->bits = inode_bits(inode);
  const unsigned char* name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
  if (bpf_probe_read_kernel_str(out->name, sizeof(out->name), name) < 0) out->name[0] = 0;
}

static __always_inline struct file* file_of_fd(struct task_struct* task, u32 fd) {
  struct fdtable* fdt = BPF_CORE_READ(task, files, fdt);
  if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds)) return 0;
  struct file** slots = BPF_CORE_READ(fdt, fd);
  struct file* file = 0;
  bpf_probe_read_kernel(&file, sizeof(file), slots + fd);
  return file;
}

// The faulting task is the current one; the tracepoint does not name its mm.
SEC("tp_btf/mm_filemap_map_pages")
int BPF_PROG(on_map_pages, struct address_space* mapping, unsigned long first, unsigned long last) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct task_state* state = state_of(task);
  if (!state || !state->mm) return 0;
  struct qr_fault_around* r = reserve(sizeof(*r));
  if (!r) return 0;
  set_head(&r->head, QR_FAULT_AROUND, state->id);
  if ((u64)task->mm != state->mm) r->head.flags = QR_NEW_MM;
  struct inode* inode = mapping->host;
  r->first = first;
  r->last = last;
  r->ino = inode->i_ino;
  r->dev = inode->i_sb->s_dev;
  r->pad = 0;
  submit(r);
  return 0;
}

// --- system calls ----------------------------------------------------------

static __always_inline void set_call(struct qr_syscall* r, u8 kind, struct task_state* state, u32 sys,
                                     u32 phase, struct pt_regs* regs, long result) {
  set_head(&r->head, kind, state->id);
  r->head.aux = (__u16)(sys | phase << 8);
  r->args[0] = regs->di;
  r->args[1] = regs->si;
  r->args[2] = regs->dx;
  r->args[3] = regs->r10;
  r->args[4] = regs->r8;
  r->args[5] = regs->r9;
  r->result = result;
}

static __always_inline void emit_call(struct task_state* state, u32 sys, u32 phase, struct pt_regs* regs,
                                      long result) {
  struct qr_syscall* r = reserve(sizeof(*r));
  if (!r) return;
  set_call(r, QR_SYSCALL, state, sys, phase, regs, result);
  if (sys == kShmdt) r->args[3] = state->shm_length;
  submit(r);
}

// A call that made a mapping of a file at `result`. The mapping itself knows
// its file (also one the kernel made, also the lower one of an overlay); the
// descriptor is asked only when another thread has removed the mapping.
static __noinline int emit_file_call(struct task_struct* task, struct task_state* state, u32 sys,
                                     struct pt_regs* regs, long result) {
  struct qr_syscall_file* r = reserve(sizeof(*r));
  if (!r) return 0;
  set_call(&r->call, QR_SYSCALL_FILE, state, sys, kExit, regs, result);
  r->file.ino = 0;
  r->file.dev = 0;
  u64 length = 0;
  struct bpf_iter_task_vma it;
  bpf_iter_task_vma_new(&it, task, (u64)result);
  struct vm_area_struct* vma = bpf_iter_task_vma_next(&it);
  if (vma && vma->vm_start <= (u64)result) {
    set_file(&r->file, vma->vm_file);
    length = vma->vm_end - (u64)result;
  }
  bpf_iter_task_vma_destroy(&it);
  if (sys == kShmat) r->call.args[3] = length;
  if (sys == kMmap && !r->file.ino) set_file(&r->file, file_of_fd(task, (u32)regs->r8));
  submit(r);
  return 0;
}

static __always_inline int makes_file_mapping(u32 sys, struct pt_regs* regs, long result) {
  if (result < 0) return 0;
  if (sys == kShmat) return 1;
  return sys == kMmap && ((int)regs->r8 >= 0 || (regs->r10 & MAP_SHARED));
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs* regs, long result) {
  u64 nr = regs->orig_ax;
  if (nr >= QR_SYSCALLS) return 0;
  u32 sys = sys_at_exit[nr];
  if (!sys) return 0;
  struct task_struct* task = bpf_get_current_task_btf();
  struct task_state* state = state_of(task);
  if (!state || !state->mm) return 0;
  if (task->thread_info.status & TS_COMPAT) {
    __sync_fetch_and_add(&compat_calls, 1);
    return 0;
  }
  if (sys == kPrctl && regs->di != PR_SET_THP_DISABLE) return 0;
  if (sys == kMunmap && result == 0) return 0;  // told at enter
  if (makes_file_mapping(sys, regs, result)) return emit_file_call(task, state, sys, regs, result);
  emit_call(state, sys, kExit, regs, result);
  return 0;
}

// The length shmdt will remove: to be asked for while it is still mapped.
static __noinline u64 shm_length(struct task_struct* task, u64 addr) {
  u64 end = addr, inode = 0;
  struct bpf_iter_task_vma it;
  struct vm_area_struct* vma;
  bpf_iter_task_vma_new(&it, task, addr);
  while ((vma = bpf_iter_task_vma_next(&it))) {
    struct file* file = vma->vm_file;
    u64 its = file ? (u64)BPF_CORE_READ(file, f_inode) : 0;
    if (vma->vm_start != end || !its || (inode && its != inode)) break;
    inode = its;
    end = vma->vm_end;
  }
  bpf_iter_task_vma_destroy(&it);
  return end - addr;
}

// Only the first program's execve is told at its beginning: what its task
// faulted before is the recorder's, not the program's.
static __always_inline void first_exec_begins(struct task_struct* task, struct task_state* state) {
  struct qr_exec_enter* r = reserve(sizeof(*r));
  if (!r) return;
  set_head(&r->head, QR_EXEC_ENTER, state->id);
  r->min_flt = task->min_flt;
  r->maj_flt = task->maj_flt;
  state->mm = (u64)task->mm;
  submit(r);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs* regs, long nr) {
  if ((u64)nr >= QR_SYSCALLS) return 0;
  u32 sys = sys_at_enter[nr];
  if (!sys) return 0;
  struct task_struct* task = bpf_get_current_task_btf();
  struct task_state* state = state_of(task);
  if (!state || task->thread_info.status & TS_COMPAT) return 0;
  if (sys == kExecve) {
    if (state->id == 1) first_exec_begins(task, state);
    return 0;
  }
  if (!state->mm) return 0;
  if (sys == kShmdt) {
    state->shm_length = shm_length(task, regs->di);
    return 0;
  }
  emit_call(state, sys, kEnter, regs, 0);
  return 0;
}

// --- lives of tasks and address spaces --------------------------------------

// Runs in the parent, before the child can: a child's fork record always
// stands before all its others.
SEC("tp_btf/task_newtask")
int BPF_PROG(on_newtask, struct task_struct* child, u64 clone_flags) {
  struct task_state* parent = state_of(bpf_get_current_task_btf());
  if (!parent || !parent->mm) return 0;
  struct task_state* state = bpf_task_storage_get(&tasks, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!state) {
    __sync_fetch_and_add(&untracked, 1);
    return 0;
  }
  state->id = __sync_fetch_and_add(&last_task, 1) + 1;
  state->mm = (u64)child->mm;
  __sync_fetch_and_add(&started, 1);
  struct qr_fork* r = reserve(sizeof(*r));
  if (!r) return 0;
  set_head(&r->head, QR_FORK, parent->id);
  r->child = state->id;
  r->pid = (u32)child->pid;
  r->clone_flags = clone_flags;
  r->child_mm = state->mm;
  submit(r);
  return 0;
}

static __always_inline void emit_vma(u32 id, struct vm_area_struct* vma) {
  struct qr_vma* r = reserve(sizeof(*r));
  if (!r) return;
  set_head(&r->head, QR_VMA, id);
  r->start = vma->vm_start;
  r->end = vma->vm_end;
  r->vm_flags = vma->vm_flags;
  r->pgoff = vma->vm_pgoff;
  set_file(&r->file, vma->vm_file);
  submit(r);
}

static __always_inline void emit_exec(u32 id, struct task_struct* task) {
  struct qr_exec* r = reserve(sizeof(*r));
  if (!r) return;
  struct mm_struct* mm = task->mm;
  set_head(&r->head, QR_EXEC, id);
  r->mm = (u64)mm;
  r->start_brk = BPF_CORE_READ(mm, start_brk);
  r->brk = BPF_CORE_READ(mm, brk);
  r->arg_start = BPF_CORE_READ(mm, arg_start);
  r->env_end = BPF_CORE_READ(mm, env_end);
  r->start_stack = BPF_CORE_READ(mm, start_stack);
  bpf_probe_read_kernel_str(r->comm, sizeof(r->comm), task->comm);
  submit(r);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct task_state* state = state_of(task);
  if (!state || !state->mm) return 0;
  state->mm = (u64)task->mm;
  emit_exec(state->id, task);
  struct bpf_iter_task_vma it;
  struct vm_area_struct* vma;
  bpf_iter_task_vma_new(&it, task, 0);
  while ((vma = bpf_iter_task_vma_next(&it))) emit_vma(state->id, vma);
  bpf_iter_task_vma_destroy(&it);
  struct qr_exec_end* r = reserve(sizeof(*r));
  if (!r) return 0;
  set_head(&r->head, QR_EXEC_END, state->id);
  submit(r);
  return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct* task) {
  struct task_state* state = state_of(task);
  if (!state) return 0;
  __sync_fetch_and_add(&exited, 1);
  struct qr_exit* r = reserve(sizeof(*r));
  if (!r) return 0;
  set_head(&r->head, QR_EXIT, state->id);
  r->min_flt = task->min_flt;
  r->maj_flt = task->maj_flt;
  submit(r);
  return 0;
}

// May run in any task (the last one to let go of the address space), so all
// are told; the recorder knows which are ours.
SEC("tp_btf/exit_mmap")
int BPF_PROG(on_exit_mmap, struct mm_struct* mm) {
  struct task_state* state = state_of(bpf_get_current_task_btf());
  struct qr_mm_gone* r = reserve(sizeof(*r));
  if (!r) return 0;
  set_head(&r->head, QR_MM_GONE, state ? state->id : 0);
  r->mm = (u64)mm;
  submit(r);
  return 0;
}

// The kernel lends some helpers only to programs under a licence compatible
// with its own.
char LICENSE[] SEC("license") = "Dual MIT/GPL";
