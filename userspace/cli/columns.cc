#include "cli/columns.h"

#include <algorithm>
#include <numeric>

namespace belfry::cli {
namespace {

constexpr size_t kBetween = 2;
constexpr size_t kNarrowestText = 8;

std::vector<size_t> Widths(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows,
                           size_t screen_width) {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns.size(); ++i) {
    size_t width = Columns(columns[i].title);
    for (const auto& row : rows) width = std::max(width, Columns(row[i]));
    widths.push_back(width);
  }
  const size_t wanted = std::accumulate(widths.begin(), widths.end(), kBetween * (columns.size() - 1));
  size_t widest = columns.size();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!columns[i].number && (widest == columns.size() || widths[i] > widths[widest])) widest = i;
  }
  if (wanted > screen_width && widest < columns.size()) {
    const size_t excess = wanted - screen_width;
    widths[widest] = std::max(kNarrowestText, widths[widest] > excess ? widths[widest] - excess : 0);
  }
  return widths;
}

std::string Cut(const std::string& cell, size_t width) {
  if (Columns(cell) <= width || cell.find('\x1b') != std::string::npos) return cell;
  size_t end = 0;
  for (size_t columns = 0; end < cell.size(); ++end) {
    if ((static_cast<unsigned char>(cell[end]) & 0xC0) != 0x80 && ++columns > width - 3) break;
  }
  return cell.substr(0, end) + "...";
}

std::string Line(const std::vector<std::string>& cells, const std::vector<Column>& columns,
                 const std::vector<size_t>& widths) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string cell = Cut(cells[i], widths[i]);
    const std::string padding(widths[i] - std::min(widths[i], Columns(cell)), ' ');
    line += i == 0 ? "" : std::string(kBetween, ' ');
    line += columns[i].number ? padding + cell : cell + padding;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line + "\n";
}

}  // namespace

std::string Table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows,
                  const Screen& screen) {
  const std::vector<size_t> widths = Widths(columns, rows, screen.width);
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  std::string table = screen.Paint(Colour::kDim, Line(titles, columns, widths));
  if (screen.colours) {  // the newline belongs after the colour ends
    table.erase(table.find('\n'), 1);
    table += '\n';
  }
  for (const auto& row : rows) table += Line(row, columns, widths);
  return table;
}

}  // namespace belfry::cli
