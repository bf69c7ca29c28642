#include "cli/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "kit/escape.h"

namespace belfry::cli {
namespace {

constexpr size_t kNarrowest = 40, kWidest = 200, kNoTerminal = 100;

const char* Sequence(Colour colour) {
  switch (colour) {
    case Colour::kBold:
      return "\x1b[1m";
    case Colour::kDim:
      return "\x1b[2m";
    case Colour::kGreen:
      return "\x1b[32m";
    case Colour::kYellow:
      return "\x1b[33m";
    case Colour::kRed:
      return "\x1b[31m";
    case Colour::kNone:
      break;
  }
  return "";
}

}  // namespace

std::string Screen::Paint(Colour colour, std::string_view text) const {
  if (!colours || colour == Colour::kNone) return std::string(text);
  return std::string(Sequence(colour)).append(text).append("\x1b[0m");
}

Screen ScreenOf(int fd) {
  Screen screen{.width = kNoTerminal};
  if (!isatty(fd)) return screen;
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    screen.width = std::clamp<size_t>(size.ws_col, kNarrowest, kWidest);
  const char* terminal = getenv("TERM");
  screen.colours = getenv("NO_COLOR") == nullptr && terminal != nullptr && std::string_view(terminal) != "dumb";
  return screen;
}

size_t Columns(std::string_view text) {
  size_t columns = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++columns;
    }
  }
  return columns;
}

std::string Plain(std::string_view text, size_t limit) {
  std::string out;
  for (size_t from = 0; from <= text.size();) {
    const size_t backslash = std::min(text.find('\\', from), text.size());
    out += kit::Escape(text.substr(from, backslash - from), limit);
    if (backslash < text.size()) out += '\\';
    from = backslash + 1;
  }
  if (out.size() <= limit) return out;
  size_t cut = limit < 3 ? 0 : limit - 3;
  while (cut > 0 && (static_cast<unsigned char>(out[cut]) & 0xC0) == 0x80) --cut;  // never inside a character
  return out.substr(0, cut) + "...";
}

std::string Wrap(std::string_view text, size_t width, size_t indent) {
  std::string out;
  size_t column = indent;  // the caller has written the first line's indent
  bool first_word = true;
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    const size_t columns = Columns(word);
    if (!first_word && column + 1 + columns > width) {
      out.append("\n").append(indent, ' ');
      column = indent;
    } else if (!first_word) {
      out += ' ';
      ++column;
    }
    out += word;
    column += columns;
    first_word = false;
  }
  return out;
}

std::string Paragraph(std::string_view text, const Screen& screen, size_t indent) {
  return std::string(indent, ' ') + Wrap(text, screen.width, indent) + "\n";
}

}  // namespace belfry::cli
