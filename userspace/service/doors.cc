#include "service/doors.h"

#include <grp.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "kit/error.h"
#include "service/admin_door.h"
#include "service/attest_door.h"
#include "service/peer_gate.h"

namespace belfry::service {
namespace {

class BothDoors final : public Doors {
 public:
  BothDoors(std::unique_ptr<PeerGate> attest, std::unique_ptr<PeerGate> admin)
      : attest_(std::move(attest)), admin_(std::move(admin)) {}
  void Stop(std::chrono::milliseconds grace) override {
    attest_->Stop(grace);
    admin_->Stop(grace);
  }

 private:
  std::unique_ptr<PeerGate> attest_, admin_;
};

absl::StatusOr<Listener> Bind(kit::OwnedFd adopted, const std::string& path, mode_t mode, std::optional<gid_t> gid) {
  if (adopted) return Listener::Adopt(std::move(adopted));
  return Listener::Make(path, mode, gid.value_or(static_cast<gid_t>(-1)));
}

std::optional<gid_t> GroupId(const std::string& name) {
  char buffer[16384];
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, buffer, sizeof(buffer), &found) != 0 || found == nullptr) return std::nullopt;
  return found->gr_gid;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Doors>> OpenDoors(DoorsOptions options, Questions& questions) {
  if (mkdir(options.run_dir.c_str(), 0755) != 0 && errno != EEXIST) {
    return kit::ErrnoError("making " + options.run_dir, "make its parent folder, or choose another run_dir");
  }
  const std::optional<gid_t> admins = GroupId(options.admin_group);

  // Any process may knock: whether it is a guard's plugin is judged per question, by ancestry.
  absl::StatusOr<Listener> listener =
      Bind(std::move(options.attest_listener), options.run_dir + "/attest.sock", 0666, std::nullopt);
  if (!listener.ok()) return listener.status();
  auto attest = PeerGate::Open(*std::move(listener), GateOptions{}, [&questions](Connection& connection) {
    return std::make_unique<AttestDoor>(questions, connection);
  });
  if (!attest.ok()) return attest.status();

  absl::StatusOr<Listener> admin_listener =
      Bind(std::move(options.admin_listener), options.run_dir + "/admin.sock", admins ? 0660 : 0600, admins);
  if (!admin_listener.ok()) return admin_listener.status();
  GateOptions admin_options;
  admin_options.admits = [admins](const Credentials& who) { return IsRootOrMember(who, admins); };
  auto admin = PeerGate::Open(*std::move(admin_listener), admin_options, [&questions](Connection& connection) {
    return std::make_unique<AdminDoor>(questions, connection);
  });
  if (!admin.ok()) return admin.status();
  return std::make_unique<BothDoors>(*std::move(attest), *std::move(admin));
}

}  // namespace belfry::service
