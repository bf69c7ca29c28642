#include "verdict/selectors.h"

#include "absl/strings/str_cat.h"
#include "kit/escape.h"

namespace belfry::verdict {
namespace {

// A protobuf string must be valid UTF-8; a value that is not cannot be an entry's selector either, so it is absent.
void Say(std::vector<std::string>& out, const char* key, const std::string& value) {
  if (kit::IsValidUtf8(value)) out.push_back(absl::StrCat(key, ":", value));
}

void SayId(std::vector<std::string>& out, const char* id_key, const char* name_key, uint32_t id,
           const NameOf& name_of) {
  out.push_back(absl::StrCat(id_key, ":", id));
  if (const std::optional<std::string> name = name_of ? name_of(id) : std::nullopt) Say(out, name_key, *name);
}

}  // namespace

std::vector<std::string> UnixSelectors(const Evidence& evidence, const NameOf& user, const NameOf& group) {
  std::vector<std::string> out;
  SayId(out, "uid", "user", evidence.uid, user);
  SayId(out, "gid", "group", evidence.gid, group);
  for (const uint32_t gid : evidence.supplementary_gids) {
    SayId(out, "supplementary_gid", "supplementary_group", gid, group);
  }
  if (evidence.path) Say(out, "path", *evidence.path);
  if (evidence.sha256) Say(out, "sha256", *evidence.sha256);
  return out;
}

// Only good states: SPIRE matches positively, so a bad state as a selector would be a way to get an identity by it.
std::vector<std::string> BelfrySelectors(const Evidence& evidence, const NameOf& user, const NameOf& group) {
  std::vector<std::string> out = UnixSelectors(evidence, user, group);
  if (evidence.exe) Say(out, "exe", *evidence.exe);
  if (evidence.uid != 0) out.emplace_back("nonroot:true");
  if (evidence.preload_none) out.emplace_back("preload:none");
  if (evidence.traced_no) out.emplace_back("traced:no");
  for (const std::string& fact : evidence.facts)
    if (kit::IsValidUtf8(fact)) out.push_back(fact);
  if (!evidence.provenance.empty()) Say(out, "evidence", evidence.provenance);
  if (!evidence.backend.empty()) Say(out, "backend", evidence.backend);
  return out;
}

}  // namespace belfry::verdict
