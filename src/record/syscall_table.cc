#include "record/syscall_table.h"

#include <sys/syscall.h>

namespace quire::record {

std::span<const KeptSyscall> kept_syscalls() {
  using trace::Sys;
  static constexpr KeptSyscall kTable[] = {
      {SYS_mmap, Sys::kMmap, When::kExit},
      {SYS_munmap, Sys::kMunmap, When::kEnterAndExit},
      {SYS_mremap, Sys::kMremap, When::kEnterAndExit},
      {SYS_mprotect, Sys::kMprotect, When::kExit},
      {SYS_pkey_mprotect, Sys::kMprotect, When::kExit},
      {SYS_brk, Sys::kBrk, When::kExit},
      {SYS_madvise, Sys::kMadvise, When::kExit},
      {SYS_mlock, Sys::kMlock, When::kExit},
      {SYS_mlock2, Sys::kMlock, When::kExit},
      {SYS_munlock, Sys::kMunlock, When::kExit},
      {SYS_mlockall, Sys::kMlockall, When::kExit},
      {SYS_munlockall, Sys::kMunlockall, When::kExit},
      {SYS_prctl, Sys::kPrctl, When::kExit},
      {SYS_shmat, Sys::kShmat, When::kExit},
      {SYS_shmdt, Sys::kShmdt, When::kEnterAndExit},
      {SYS_userfaultfd, Sys::kUserfaultfd, When::kExit},
      {SYS_process_madvise, Sys::kProcessMadvise, When::kExit},
      {SYS_remap_file_pages, Sys::kRemapFilePages, When::kExit},
      {SYS_vmsplice, Sys::kVmsplice, When::kExit},
      {SYS_process_vm_writev, Sys::kProcessVmWritev, When::kExit},
  };
  return kTable;
}

}  // namespace quire::record
