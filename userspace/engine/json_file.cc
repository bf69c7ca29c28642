#include "engine/json_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "kit/error.h"
#include "kit/owned_fd.h"
#include "kit/read_file.h"

namespace belfry::engine {
namespace {

constexpr size_t kBytesLimit = 1 << 20;

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ReadGuardTexts(const std::string& file) {
  const auto text = kit::ReadFile(file, kBytesLimit);
  if (!text.ok()) return text.status();
  const auto refuse = [&](const char* cause) {
    return kit::Error(absl::StatusCode::kInvalidArgument, "reading " + file, cause, "write it with belfry mode, or remove it");
  };
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() || json.value("schema", nlohmann::json()) != 1) return refuse("not JSON of schema 1");
  const auto guards = json.find("guards");
  if (guards == json.end() || !guards->is_object()) return refuse("no \"guards\"");
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : guards->items()) {
    if (!value.is_string()) return refuse("a guard's value is not a text");
    texts[name] = value.get<std::string>();
  }
  return texts;
}

absl::Status WriteGuardTexts(const std::string& file, const std::map<std::string, std::string>& texts) {
  const std::string doing = "writing " + file, next = file + ".next";
  nlohmann::ordered_json json{{"schema", 1}, {"guards", nlohmann::ordered_json::object()}};
  for (const auto& [name, text] : texts) json["guards"][name] = text;
  const std::string bytes = json.dump() + "\n";
  const kit::OwnedFd fd(open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) return kit::ErrnoError(doing);
  if (write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) return kit::ErrnoError(doing);
  if (rename(next.c_str(), file.c_str()) != 0) return kit::ErrnoError(doing);
  return absl::OkStatus();
}

}  // namespace belfry::engine
