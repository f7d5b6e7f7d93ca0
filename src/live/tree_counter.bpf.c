// live/tree_counter.bpf.c - the kernel's half of the tree counter.
//
// A task belongs to the tree from the watched process's execve, or from its
// fork by a member, until its exit. What each handler relies on in the kernel
// is said above it; docs/architecture/live.md tells the story in order.

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// The few kernel fields we read, found by name in the running kernel.
#define KERNEL_TYPE __attribute__((preserve_access_index))

typedef struct {
	int counter;
} KERNEL_TYPE atomic_t;

struct upid {
	int nr;
} KERNEL_TYPE;

struct pid {
	unsigned int level;
	struct upid numbers[1];
} KERNEL_TYPE;

struct signal_struct {
	atomic_t live;
	unsigned long maxrss;
} KERNEL_TYPE;

struct sched_entity {
	__u64 sum_exec_runtime;
} KERNEL_TYPE;

struct task_struct {
	struct sched_entity se;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct signal_struct *signal;
	unsigned long min_flt;
	unsigned long maj_flt;
} KERNEL_TYPE;

struct percpu_counter {
	__s64 count;
	__s32 *counters;
} KERNEL_TYPE;

struct mm_struct {
	struct percpu_counter rss_stat[4];
} KERNEL_TYPE;

struct bpf_map {
	__u32 id;
} KERNEL_TYPE;

struct bpf_array {
	void *pptrs[1];
} KERNEL_TYPE;

struct bpf_iter__bpf_map {
	struct bpf_map *map;
} KERNEL_TYPE;

struct folio {
	void *mapping;
} KERNEL_TYPE;

// The member of an anonymous enum keeps its name out of reach of a relocation;
// its value has been the same since the counters exist and is checked at start.
#define FILE_COUNTER 0
#define ANON_COUNTER 1
#define SHMEM_COUNTER 3
#define COLLAPSE_SUCCEEDED 1
#define MAPPING_ANON 1UL

#define MAX_ORDER 10
#define NO_ORDER 255
#define MAX_CPUS 16
#define NR_execve 59
#define NR_execveat 322

// Set before the programs are loaded.
const volatile __u32 thp_gfp_bits = 0;  // all set in an allocation for an anonymous huge fault
const volatile __u64 pidns_dev = 0;     // the caller's pid namespace
const volatile __u64 pidns_ino = 0;

// Set before the command is let go.
__u32 command_pid = 0;
__u32 summed_cpus = 0;           // 0: too many to sum at every change
__u64 cpu_offset[MAX_CPUS];      // from a per-cpu pointer to that cpu's copy

// For user space, which takes the difference: pointers may not be subtracted
// here.
__u32 here_id = 0;
__u64 here_percpu = 0;
__u64 here_address[MAX_CPUS];

// The answer.
__u64 folios[MAX_ORDER + 1];
__u64 collapsed;
__u64 other_large;
__u64 asked;
__u64 min_flt;
__u64 maj_flt;
__u64 peak_rss_pages;
__u64 cpu_ns;
__u64 tasks;
__u64 lost_tasks;
__s64 live_tasks;

struct member {
	__u64 pending;       // a huge folio just allocated, not yet mapped
	__u64 min_flt_base;  // what the task had before it was ours
	__u64 maj_flt_base;
	__u64 cpu_ns_base;
	__u32 pid;           // of its process, as the caller's namespace numbers it
	__u8 pending_order;
	__u8 counted_order;  // of the folio counted since the last allocation
	__u8 started;        // by a successful execve
	__u8 is_command;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);  // address of the task: the one name an execve by a thread does not change
	__type(value, struct member);
} members SEC(".maps");

// A per-cpu variable of our own, to learn where each cpu keeps its copies.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} here SEC(".maps");

// One byte when the last task of the tree has gone.
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} gone SEC(".maps");

static struct member *member_of(struct task_struct *task)
{
	__u64 key = (__u64)task;

	return bpf_map_lookup_elem(&members, &key);
}

static struct member *current_member(void)
{
	return member_of((struct task_struct *)bpf_get_current_task());
}

// The pid at the caller's level: members are never above it.
static __u32 process_id(struct task_struct *task, unsigned int level)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	struct upid *at = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
			  (__u64)level * bpf_core_type_size(struct upid);
	return BPF_CORE_READ(at, nr);
}

unsigned int command_level;

static void add_member(struct task_struct *task, const struct member *fresh)
{
	__u64 key = (__u64)task;

	if (bpf_map_update_elem(&members, &key, fresh, BPF_ANY) != 0) {
		__sync_fetch_and_add(&lost_tasks, 1);
		return;
	}
	__sync_fetch_and_add(&tasks, 1);
	__sync_fetch_and_add(&live_tasks, 1);
}

static int is_command(void)
{
	struct bpf_pidns_info ids = {};

	if (command_pid == 0 || bpf_get_ns_current_pid_tgid(pidns_dev, pidns_ino, &ids, sizeof(ids)) != 0)
		return 0;
	return ids.tgid == command_pid && ids.pid == command_pid;
}

// The tree begins at the command's execve; what the process did before is the
// caller's. A PATH search makes several, and each one starts anew until one
// succeeds.
SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long id)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct member *known;
	struct member fresh = {};

	if ((id != NR_execve && id != NR_execveat) || !is_command())
		return 0;
	known = member_of(task);
	if (known && known->started)
		return 0;
	fresh.min_flt_base = BPF_CORE_READ(task, min_flt);
	fresh.maj_flt_base = BPF_CORE_READ(task, maj_flt);
	fresh.cpu_ns_base = BPF_CORE_READ(task, se.sum_exec_runtime);
	fresh.pid = command_pid;
	fresh.pending_order = NO_ORDER;
	fresh.counted_order = NO_ORDER;
	fresh.is_command = 1;
	command_level = BPF_CORE_READ(task, thread_pid, level);
	if (known)
		*known = fresh;
	else
		add_member(task, &fresh);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	struct member *m = member_of(task);

	if (m)
		m->started = 1;
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct member fresh = {};

	if (!member_of(parent))
		return 0;
	fresh.pid = process_id(child, command_level);
	fresh.pending_order = NO_ORDER;
	fresh.counted_order = NO_ORDER;
	fresh.started = 1;
	add_member(child, &fresh);
	return 0;
}

static void raise_peak(__u64 pages)
{
	if (pages > peak_rss_pages)
		peak_rss_pages = pages;
}

// do_exit has taken this task off signal->live; when it was the last one, it has
// also put the process's largest resident size over all its execs into maxrss.
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u64 key = (__u64)task;
	struct member *m = bpf_map_lookup_elem(&members, &key);

	if (!m)
		return 0;
	__sync_fetch_and_add(&min_flt, BPF_CORE_READ(task, min_flt) - m->min_flt_base);
	__sync_fetch_and_add(&maj_flt, BPF_CORE_READ(task, maj_flt) - m->maj_flt_base);
	__sync_fetch_and_add(&cpu_ns, BPF_CORE_READ(task, se.sum_exec_runtime) - m->cpu_ns_base);
	if (summed_cpus == 0 && BPF_CORE_READ(task, signal, live.counter) == 0)
		raise_peak(BPF_CORE_READ(task, signal, maxrss));
	bpf_map_delete_elem(&members, &key);
	if (__sync_fetch_and_add(&live_tasks, -1) == 1) {
		__u8 byte = 1;

		bpf_ringbuf_output(&gone, &byte, sizeof(byte), BPF_RB_FORCE_WAKEUP);
	}
	return 0;
}

// An allocation that may become an anonymous huge fault's folio. Shared memory
// and migration ask with the same bits; on_rss tells them apart.
SEC("tp_btf/mm_page_alloc")
int BPF_PROG(on_alloc, void *page, unsigned int order, unsigned int gfp, int migratetype)
{
	struct member *m;

	if (!page || order < 2 || order > MAX_ORDER)
		return 0;
	m = current_member();
	if (!m)
		return 0;
	if ((gfp & thp_gfp_bits) != thp_gfp_bits) {
		__sync_fetch_and_add(&other_large, 1);
		return 0;
	}
	__sync_fetch_and_add(&asked, 1);
	m->pending = (__u64)page;
	m->pending_order = order;
	m->counted_order = NO_ORDER;
	return 0;
}

// A fault that lost a race gives its folio back before it does anything else;
// by the time the task's counters move again the block may be another's.
SEC("tp_btf/mm_page_free")
int BPF_PROG(on_free, void *page, unsigned int order)
{
	struct member *m;

	if (order < 2)
		return 0;
	m = current_member();
	if (m && m->pending == (__u64)page)
		m->pending = 0;
	return 0;
}

// A fault that keeps its folio adds it to the anonymous counter of the mm. A
// shared-memory folio is in its file's mapping by then.
static void settle_pending(struct member *m)
{
	struct folio *folio;
	__u64 mapping;
	__u32 order;

	folio = (struct folio *)m->pending;
	order = m->pending_order;
	m->pending = 0;
	mapping = (__u64)BPF_CORE_READ(folio, mapping);
	if (mapping != 0 && (mapping & MAPPING_ANON) == 0)
		return;
	if (order > MAX_ORDER)
		return;
	m->counted_order = order;
	__sync_fetch_and_add(&folios[order], 1);
}

// One of the counters of an address space, exactly: what the kernel's own peak
// leaves in the cpus' parts can be 32 pages a cpu.
static __s64 exact(struct mm_struct *mm, int counter)
{
	// The kernel's element is larger than ours, so its size must be asked for.
	struct percpu_counter *c = (void *)mm + bpf_core_field_offset(struct mm_struct, rss_stat) +
				   (__u64)counter * bpf_core_type_size(struct percpu_counter);
	__s64 sum = BPF_CORE_READ(c, count);
	__u64 parts = (__u64)BPF_CORE_READ(c, counters);
	__u32 cpu;

	for (cpu = 0; cpu < MAX_CPUS && cpu < summed_cpus; cpu++) {
		__s32 part = 0;

		bpf_probe_read_kernel(&part, sizeof(part), (void *)(parts + cpu_offset[cpu]));
		sum += part;
	}
	return sum;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(on_rss, struct mm_struct *mm, int counter)
{
	struct member *m = current_member();
	__s64 pages;

	if (!m)
		return 0;
	if (counter == ANON_COUNTER && m->pending != 0)
		settle_pending(m);
	if (summed_cpus == 0 || !m->started)
		return 0;
	pages = exact(mm, FILE_COUNTER) + exact(mm, ANON_COUNTER) + exact(mm, SHMEM_COUNTER);
	if (pages > 0)
		raise_peak(pages);
	return 0;
}

// Run once, before the command.
SEC("iter/bpf_map")
int find_cpus(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;
	__u32 zero = 0;
	__u32 cpu;

	if (!map || map->id != here_id)
		return 0;
	here_percpu = (__u64)BPF_CORE_READ((struct bpf_array *)map, pptrs[0]);
	for (cpu = 0; cpu < MAX_CPUS; cpu++) {
		void *copy = bpf_map_lookup_percpu_elem(&here, &zero, cpu);

		if (copy)
			here_address[cpu] = (__u64)copy;
	}
	return 0;
}

// MADV_COLLAPSE allocates and accounts as a fault does: take the count back.
SEC("?tp_btf/mm_collapse_huge_page")
int BPF_PROG(on_collapse, void *mm, int isolated, int status)
{
	struct member *m = current_member();
	__u32 order;

	if (!m)
		return 0;
	m->pending = 0;
	order = m->counted_order;
	m->counted_order = NO_ORDER;
	if (status != COLLAPSE_SUCCEEDED)
		return 0;
	__sync_fetch_and_add(&collapsed, 1);
	if (order <= MAX_ORDER)
		__sync_fetch_and_add(&folios[order], -1);
	return 0;
}
