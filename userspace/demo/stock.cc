#include "demo/stock.h"

#include "host/digest.h"
#include "host/process_files.h"

namespace belfry::demo {

StockView ReadStockView(pid_t pid) {
  StockView view;
  auto files = host::ProcessFiles::Open(pid);
  if (!files.ok()) {
    view.why_not = "no such process";
    return view;
  }
  auto status = files->Status();
  auto exe = files->OpenExePath();
  auto path = exe.ok() ? host::PathOf(exe->get()) : exe.status();
  if (path.ok()) view.path = *path;
  auto content = files->OpenExe();
  auto digest = content.ok() ? host::Sha256(content->get()) : content.status();
  if (digest.ok()) view.sha256 = *digest;
  if (!status.ok() || !path.ok() || !digest.ok()) {
    view.why_not = status.ok() ? "its executable cannot be read" : "its status cannot be read";
    return view;
  }
  view.selectors = {"uid:" + std::to_string(status->uid), "gid:" + std::to_string(status->gid), "path:" + view.path,
                    "sha256:" + view.sha256};
  return view;
}

Json StockJson(const StockView& view, const std::vector<Entry>& entries, bool alive) {
  const std::vector<std::string> earned = Earned(entries, view.selectors);
  const bool would_issue = alive && !earned.empty();
  std::string why = view.why_not;
  if (why.empty() && !alive) why = "the caller is gone";
  if (why.empty() && earned.empty()) why = "no entry matches";
  return {{"path", view.path},
          {"sha256", view.sha256},
          {"would_issue", would_issue},
          {"identity", would_issue ? earned.front() : ""},
          {"why_not", would_issue ? "" : why}};
}

}  // namespace belfry::demo
