// A program of 32 bits, for machines without a C library of 32 bits: audit_client32 PATH
// Connects to that unix socket by socketcall(2), as the C library of i386 does. Exit: 0, or the errno.
enum { kExit = 1, kSocketCall = 102, kSocket = 1, kConnect = 3, kUnix = 1, kStream = 1 };

static struct {
  unsigned short family;
  char path[108];
} address = {.family = kUnix};

static int Call(int number, int first, const void* second) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second) : "memory");
  return result;
}

__attribute__((used)) void Main(int argc, char** argv) {
  if (argc != 2) Call(kExit, 64, 0);
  for (unsigned i = 0; i + 1 < sizeof address.path && argv[1][i]; ++i) address.path[i] = argv[1][i];
  int result = Call(kSocketCall, kSocket, (const int[]){kUnix, kStream, 0});
  if (result >= 0) result = Call(kSocketCall, kConnect, (const int[]){result, (int)&address, sizeof address});
  Call(kExit, -result, 0);
}

__asm__(".globl _start\n_start: lea 4(%esp), %eax\n push %eax\n push 4(%esp)\n call Main\n");
