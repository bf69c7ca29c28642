#include "demo/command.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "demo/child.h"
#include "kit/error.h"
#include "kit/escape.h"
#include "kit/owned_fd.h"

namespace belfry::demo {
namespace {

std::string LastLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return kit::Escape(text.substr(text.rfind('\n') + 1));
}

}  // namespace

absl::StatusOr<std::string> RunCommand(const std::vector<std::string>& words) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0) return kit::ErrnoError("run " + words[0]);
  kit::OwnedFd in(pipe[0]), out(pipe[1]);
  ChildOrder order;
  order.arguments = words;
  order.environment = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8"};
  order.log = out.get();
  auto child = Child::Start(order);
  if (!child.ok()) return child.status();
  out.Reset();
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = read(in.get(), buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR);) {
    if (got > 0) text.append(buffer, got);
  }
  if (child->Reap() == 0) return text;
  return kit::Error(absl::StatusCode::kAborted, "run " + words[0] + " " + (words.size() > 1 ? words[1] : ""),
                    LastLine(text));
}

}  // namespace belfry::demo
