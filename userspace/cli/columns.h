// A simple table: columns as wide as their widest cell, two spaces between, the widest text column cut to fit.
// Cells hold text that is safe to print (screen.h Plain). Pure.
#ifndef BELFRY_CLI_COLUMNS_H_
#define BELFRY_CLI_COLUMNS_H_

#include <string>
#include <vector>

#include "cli/screen.h"

namespace belfry::cli {

struct Column {
  std::string title;
  bool number = false;  // to the right
};

std::string Table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows,
                  const Screen& screen);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_COLUMNS_H_
