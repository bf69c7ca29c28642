// What the text is written for: how wide, and whether colours are welcome.
// Colours only on a terminal, not with NO_COLOR set to anything or TERM=dumb. Values; thread-safe.
#ifndef BELFRY_CLI_SCREEN_H_
#define BELFRY_CLI_SCREEN_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace belfry::cli {

enum class Colour { kNone, kBold, kDim, kGreen, kYellow, kRed };

struct Screen {
  size_t width = 100;  // columns; 40 to 200
  bool colours = false;

  std::string Paint(Colour colour, std::string_view text) const;
};

Screen ScreenOf(int fd);

// Columns that `text` takes: UTF-8 code points, colour sequences none. Wide characters count as one.
size_t Columns(std::string_view text);

// Makes text from elsewhere safe to print and keeps what kit::Escape has already escaped as it is.
std::string Plain(std::string_view text, size_t limit = 512);

// Breaks at spaces so that every line fits `width`; each but the first begins with `indent` spaces. A word that is too
// long stands alone on its line. No newline at the end.
std::string Wrap(std::string_view text, size_t width, size_t indent);

// The same, the first line also indented, newline at the end.
std::string Paragraph(std::string_view text, const Screen& screen, size_t indent);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_SCREEN_H_
