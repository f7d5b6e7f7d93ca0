// SPDX-License-Identifier: MIT
// record/walker.bpf.c - reads the accessed and dirty bits of the page tables of
// the recorded address spaces, from outside, without stopping anybody.
//
// An iterator over all tasks walks the four levels of each address space of
// the tree through the kernel's direct map of memory. No lock is taken: a table
// may be freed while it is read. Every read is one that may fail, no address
// outside of memory is read, and the number of tables is bounded, so the worst
// a torn table gives is a wrong bit in a sample. x86-64 with four levels.


#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "ring_record.h"

typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct mm_struct {
  u64* pgd;
};
struct task_struct {
  struct mm_struct* mm;
  int pid, tgid;
};
struct bpf_iter__task {
  struct task_struct* task;
};

#pragma clang attribute pop

#define ENTRIES 512
#define TABLE_BYTES 4096
#define P_PRESENT 0x1
#define P_ACCESSED_SHIFT 5
#define P_DIRTY_SHIFT 6
#define P_LARGE 0x80
#define P_FRAME 0x000ffffffffff000ULL

// The user half of the top table.
#define USER_ENTRIES 256
// Tables of 4 KiB entries one address space may have: 128 GiB.
#define MOST_TABLES 65536

struct task_state {
  u32 id;
  u32 pad;
  u64 mm;
  u64 shm_length;
};

// Shared with recorder.bpf.c.
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

struct table {
  u64 entry[ENTRIES];
};

// The table of each level that is being gone through.
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 4);
  __type(key, u32);
  __type(value, struct table);
} tables SEC(".maps");

// The address spaces that the present sample has been through.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, u64);
  __type(value, u64);
} walked SEC(".maps");

// Set by the recorder, before a sample.
unsigned long long direct_map = 0;   // where the kernel sees physical address 0
unsigned long long memory_end = 0;   // first physical address behind all memory
unsigned long long sample = 0;

// Told to it.
unsigned long long lost_tables = 0;
unsigned long long unread_tables = 0;

struct walk {
  u64 mm;
  u64 base1;  // address of the first byte under the present entry of the top level
  u64 base2;  // and of the one below
  u32 task;
  u32 left;  // tables that may still be read
};

static __always_inline int read_table(u32 level, u64 entry) {
  u64 frame = entry & P_FRAME;
  struct table* to = bpf_map_lookup_elem(&tables, &level);
  if (!to || frame >= memory_end) return 0;
  if (bpf_probe_read_kernel(to, sizeof(*to), (void*)(direct_map + frame)) == 0) return 1;
  __sync_fetch_and_add(&unread_tables, 1);
  return 0;
}

static __always_inline u64 entry_of(u32 level, u32 index) {
  struct table* table = bpf_map_lookup_elem(&tables, &level);
  return table ? table->entry[index & (ENTRIES - 1)] : 0;
}

static __always_inline struct qr_accessed* begin_record(struct walk* w, u64 base) {
  struct qr_accessed* r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
  if (!r) {
    __sync_fetch_and_add(&lost_tables, 1);
    return 0;
  }
  r->head.kind = QR_ACCESSED;
  r->head.flags = 0;
  r->head.aux = 0;
  r->head.task = w->task;
  r->head.time_ns = bpf_ktime_get_ns();
  r->mm = w->mm;
  r->base = base;
  return r;
}

static __noinline int emit_large(struct walk* w, u64 base, u64 entry) {
  if (!(entry >> P_ACCESSED_SHIFT & 1)) return 0;
  struct qr_accessed* r = begin_record(w, base);
  if (!r) return 0;
  u64 dirty = entry >> P_DIRTY_SHIFT & 1 ? ~0ULL : 0;
  for (int i = 0; i < QR_TABLE_WORDS; ++i) {
    r->accessed[i] = ~0ULL;
    r->dirty[i] = dirty;
  }
  bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
  return 0;
}

static __noinline int emit_table(struct walk* w, u64 base) {
  u32 level = 3;
  struct table* table = bpf_map_lookup_elem(&tables, &level);
  if (!table) return 0;
  struct qr_accessed* r = begin_record(w, base);
  if (!r) return 0;
  u64 any = 0;
  for (int word = 0; word < QR_TABLE_WORDS; ++word) {
    u64 accessed = 0, dirty = 0;
    for (int bit = 0; bit < 64; ++bit) {
      u64 entry = table->entry[word * 64 + bit];
      u64 present = entry & P_PRESENT;
      accessed |= (entry >> P_ACCESSED_SHIFT & present) << bit;
      dirty |= (entry >> P_DIRTY_SHIFT & present) << bit;
    }
    r->accessed[word] = accessed;
    r->dirty[word] = dirty;
    any |= accessed;
  }
  if (any) {
    bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
  } else {
    bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
  }
  return 0;
}

static long each_pmd(u32 index, struct walk* w) {
  u64 entry = entry_of(2, index);
  if (!(entry & P_PRESENT)) return 0;
  u64 base = w->base2 + ((u64)index << 21);
  if (w->left == 0) return 1;
  --w->left;
  if (entry & P_LARGE) {
    emit_large(w, base, entry);
  } else if (read_table(3, entry)) {
    emit_table(w, base);
  }
  return 0;
}

static long each_pud(u32 index, struct walk* w) {
  u64 entry = entry_of(1, index);
  if (!(entry & P_PRESENT) || entry & P_LARGE) return 0;
  if (!read_table(2, entry)) return 0;
  w->base2 = w->base1 + ((u64)index << 30);
  bpf_loop(ENTRIES, each_pmd, w, 0);
  return w->left == 0;
}

static long each_pgd(u32 index, struct walk* w) {
  u64 entry = entry_of(0, index);
  if (!(entry & P_PRESENT)) return 0;
  if (!read_table(1, entry)) return 0;
  w->base1 = (u64)index << 39;
  bpf_loop(ENTRIES, each_pud, w, 0);
  return w->left == 0;
}

static __always_inline void tell_end(struct walk* w, u32 tgid) {
  struct qr_accessed_end* r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
  if (!r) {
    __sync_fetch_and_add(&lost_tables, 1);
    return;
  }
  r->head.kind = QR_ACCESSED_END;
  r->head.flags = 0;
  r->head.aux = 0;
  r->head.task = w->task;
  r->head.time_ns = bpf_ktime_get_ns();
  r->mm = w->mm;
  r->sample = sample;
  r->pid = tgid;
  r->pad = 0;
  bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
}

SEC("iter/task")
int walk_task(struct bpf_iter__task* ctx) {
  struct task_struct* task = ctx->task;
  if (!task) return 0;
  struct task_state* state = bpf_task_storage_get(&tasks, task, 0, 0);
  struct mm_struct* mm = task->mm;
  if (!state || !mm || state->mm != (u64)mm) return 0;
  u64 key = (u64)mm, number = sample;
  u64* last = bpf_map_lookup_elem(&walked, &key);
  if (last && *last == number) return 0;
  bpf_map_update_elem(&walked, &key, &number, BPF_ANY);

  u32 level = 0;
  struct table* top = bpf_map_lookup_elem(&tables, &level);
  if (!top || bpf_probe_read_kernel(top, sizeof(*top), mm->pgd)) return 0;
  struct walk w = {.mm = (u64)mm, .task = state->id, .left = MOST_TABLES};
  bpf_loop(USER_ENTRIES, each_pgd, &w, 0);
  tell_end(&w, (u32)task->tgid);
  return 0;
}

// Where the page of an address of the caller is, by a base that is to be
// tried: the recorder compares with what pagemap says of it.
struct lookup_args {
  u64 direct_map;
  u64 address;
  u64 pgd;    // out
  u64 entry;  // out; 0: the walk met nothing
};

static __always_inline u64 next_entry(u64 base, u64 table, u64 index) {
  u64 entry = 0;
  u64 frame = table & P_FRAME;
  if (frame >= memory_end) return 0;
  if (bpf_probe_read_kernel(&entry, sizeof(entry), (void*)(base + frame + index * 8))) return 0;
  return entry & P_PRESENT ? entry : 0;
}

SEC("syscall")
int find_page(struct lookup_args* args) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task_btf();
  struct mm_struct* mm = task->mm;
  if (!mm) return 0;
  u64 address = args->address, base = args->direct_map, entry = 0;
  u64* pgd = BPF_CORE_READ(mm, pgd);
  args->pgd = (u64)pgd;
  args->entry = 0;
  if (bpf_probe_read_kernel(&entry, sizeof(entry), pgd + (address >> 39 & 511))) return 0;
  if (!(entry & P_PRESENT)) return 0;
  entry = next_entry(base, entry, address >> 30 & 511);
  if (!entry || entry & P_LARGE) return 0;
  entry = next_entry(base, entry, address >> 21 & 511);
  if (!entry || entry & P_LARGE) return 0;
  args->entry = next_entry(base, entry, address >> 12 & 511);
  return 0;
}

// The kernel lends some helpers only to programs under a licence compatible
// with its own.
char LICENSE[] SEC("license") = "Dual MIT/GPL";
