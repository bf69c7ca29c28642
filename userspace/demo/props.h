// What the demo needs on disk: a folder of its own, the trusted programs as copies of the actor, the impostor's own.
// The folder and everything in it is gone with the object, or with its janitor if the demo is killed.
// Not thread-safe.
#ifndef BELFRY_DEMO_PROPS_H_
#define BELFRY_DEMO_PROPS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "demo/child.h"
#include "demo/entries.h"
#include "kit/owned_fd.h"

namespace belfry::demo {

// Programs that were built or installed together with the running one; all absolute.
struct Programs {
  std::string belfryd, plugin, actor, foreign;
};
absl::StatusOr<Programs> FindPrograms();

// sha256 of a file's content, hex.
absl::StatusOr<std::string> DigestOf(const std::string& file);

inline constexpr uid_t kWorkloadUid = 65534;  // victim and attacker are the same user

class Props {
 public:
  static absl::StatusOr<Props> Lay(const Programs& programs);
  ~Props();
  Props(Props&&) = default;

  std::string folder() const { return folder_; }
  std::string At(const std::string& name) const { return folder_ + "/" + name; }
  std::string program(const std::string& name) const { return folder_ + "/bin/" + name; }

  // uid + path + sha256 of payments and of billing, as an operator would register them.
  absl::StatusOr<std::vector<Entry>> Entries() const;
  // A file of the same bytes takes the program's name, as a package upgrade does it.
  absl::Status Upgrade(const std::string& name) const;

 private:
  Props() = default;
  absl::Status MakeFolder();
  absl::Status CallJanitor(const std::string& actor);

  std::string folder_;
  kit::OwnedFd lifeline_;
  Child janitor_;
};

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_PROPS_H_
