// A program without libraries: maps 256 KiB, writes every page, gives half back,
// forks, the child writes again, unmaps.
static long call(long n, long a, long b, long c, long d, long e, long f) {
  long r;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return r;
}
void _start(void) {
  long heap = call(12, 0, 0, 0, 0, 0, 0);
  call(12, heap + 0x4000, 0, 0, 0, 0, 0);
  *(volatile char*)heap = 1;
  const long bytes = 256 << 10;
  volatile char* p = (volatile char*)call(9, 0, bytes, 3, 0x22, -1, 0);
  for (long i = 0; i < bytes; i += 4096) p[i] = 1;
  call(28, (long)p, bytes / 2, 4, 0, 0, 0);  // MADV_DONTNEED
  volatile char sum = 0;
  for (long i = 0; i < bytes / 4; i += 4096) sum += p[i];
  long child = call(57, 0, 0, 0, 0, 0, 0);
  if (child == 0) {
    for (long i = 0; i < bytes; i += 16384) p[i] = 2;
    call(231, 7, 0, 0, 0, 0, 0);
  }
  call(61, child, 0, 0, 0, 0, 0);
  call(11, (long)p, bytes, 0, 0, 0, 0);
  call(231, 3, 0, 0, 0, 0, 0);
}
