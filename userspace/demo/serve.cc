#include "demo/serve.h"

#include <poll.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "demo/interrupt.h"
#include "demo/result.h"
#include "demo/stage.h"
#include "kit/escape.h"

namespace belfry::demo {
namespace {

constexpr int kCannot = 2;

int Complain(const absl::Status& status) {
  fprintf(stderr, "belfry demo: %s\n", std::string(status.message()).c_str());
  return kCannot;
}

absl::StatusOr<std::vector<Entry>> ClientEntries() {
  const char* named = getenv("BELFRY_DEMO_CLIENT");
  if (named == nullptr || *named == '\0') return std::vector<Entry>();
  std::error_code error;
  const std::string program = std::filesystem::canonical(named, error).string();
  auto digest = DigestOf(error ? named : program);
  if (!digest.ok()) return digest.status();
  return std::vector<Entry>{{IdentityOf("client"), {"unix:path:" + program, "unix:sha256:" + *digest}}};
}

void Announce(const std::string& socket, const std::vector<Entry>& entries, bool json) {
  if (json) {
    printf("%s\n", Json{{"schema", 1}, {"socket", socket}, {"entries", EntriesJson(entries)}}.dump().c_str());
  } else {
    printf("SPIFFE_ENDPOINT_SOCKET=unix://%s\n\n", socket.c_str());
    for (const Entry& entry : entries) {
      printf("%s\n", entry.spiffe_id.c_str());
      for (const std::string& selector : entry.selectors) printf("  %s\n", kit::Escape(selector, 4096).c_str());
    }
    printf("\nBELFRY_DEMO_CLIENT=/path/to/your/client registers that program too. Ctrl-C ends it all.\n");
  }
  fflush(stdout);
}

}  // namespace

int Serve(const Programs& programs, const DemoOptions& options) {
  auto client = ClientEntries();
  if (!client.ok()) return Complain(client.status());
  auto stage = Stage::Set({.programs = programs, .more_entries = *client});
  if (!stage.ok()) return Complain(stage.status());
  Announce((*stage)->SocketOf(kGuard), (*stage)->entries(), options.json);
  pollfd told{InterruptFd(), POLLIN, 0};
  while (!Interrupted()) poll(&told, 1, -1);
  return 0;
}

}  // namespace belfry::demo
