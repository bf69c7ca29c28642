// What SPIRE's built-in `unix` attestor would conclude of a process at this moment, and what it would lead to.
// Thread-safe. Blocks for as long as the files it reads: a hostile filesystem can hold it.
#ifndef BELFRY_DEMO_STOCK_H_
#define BELFRY_DEMO_STOCK_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "demo/entries.h"
#include "demo/wire.h"

namespace belfry::demo {

struct StockView {
  std::vector<std::string> selectors;  // empty: it fails
  std::string path;                    // as it stands there; empty: cannot be read
  std::string sha256;
  std::string why_not;
};

// With discover_workload_path, as an entry on path and digest needs it.
StockView ReadStockView(pid_t pid);

// {"path","sha256","would_issue","identity","why_not"}; `alive` is what the agent's liveness check says.
Json StockJson(const StockView& view, const std::vector<Entry>& entries, bool alive);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_STOCK_H_
