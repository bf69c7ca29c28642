#include "demo/player.h"

#include "kit/error.h"

namespace belfry::demo {
namespace {

constexpr int kMoveMs = 45000;  // a bound for a play that went wrong, longer than any move's own

Fetched FetchedFrom(const Json& value) {
  if (!value.is_object()) return {"", -1, "the play broke off"};
  return {value.value("identity", ""), value.value("code", -1), value.value("message", "")};
}

int NumberFrom(const Json& value) { return value.is_number_integer() ? value.get<int>() : -1; }

std::vector<std::string> Joined(std::string verb, const std::vector<std::string>& words) {
  std::vector<std::string> all{std::move(verb)};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

}  // namespace

void Player::Begin(const std::vector<std::string>& words, int pass) {
  if (trouble_->any()) return;
  trouble_->Note(SendPacket(control_.get(), Json(words), pass));
}

Json Player::Finish() {
  if (trouble_->any()) return nullptr;
  absl::StatusOr<Packet> packet = ReceivePacket(control_.get(), kMoveMs);
  if (!packet.ok()) {
    trouble_->Note(packet.status());
    return nullptr;
  }
  if (packet->body.value("ok", false)) return packet->body["value"];
  trouble_->Note(kit::Error(absl::StatusCode::kAborted, "play the scene", packet->body.value("error", "no reason")));
  return nullptr;
}

Json Player::Do(const std::vector<std::string>& words, int pass) {
  Begin(words, pass);
  return Finish();
}

int Player::Connect(const std::string& socket) { return NumberFrom(Do({"connect", socket})); }

void Player::ConnectAgain(int fd, const std::string& socket) {
  Do({"connect-again", std::to_string(fd), socket});
}

void Player::HandOver(int fd, Player& to, int* taken) {
  auto pair = ControlPair();
  if (!pair.ok()) return trouble_->Note(pair.status());
  const std::string here = std::to_string(NumberFrom(Do({"take"}, pair->first.get())));
  const std::string there = std::to_string(NumberFrom(to.Do({"take"}, pair->second.get())));
  Do({"give", here, std::to_string(fd)});
  *taken = NumberFrom(to.Do({"receive", there}));
}

int Player::TakeFrom(const Player& opener, int fd) {
  return NumberFrom(Do({"getfd", std::to_string(opener.pid()), std::to_string(fd)}));
}

Player Player::Fork() {
  auto pair = ControlPair();
  if (!pair.ok()) {
    trouble_->Note(pair.status());
    return Player(*trouble_, -1, Child(), kit::OwnedFd());
  }
  const int pid = NumberFrom(Do({"fork"}, pair->second.get()));
  pair->second.Reset();
  Player child(*trouble_, pid, Child(), std::move(pair->first));
  child.Finish();  // its first word
  return child;
}

void Player::Exec(const std::vector<std::string>& words) { Do(Joined("exec", words)); }
void Player::ExecFromThread(const std::vector<std::string>& words) { Do(Joined("exec-thread", words)); }
void Player::BeginExec(const std::vector<std::string>& words) { Begin(Joined("exec", words)); }

// No answer comes: the end of the control is the event.
void Player::Exit() {
  Begin({"exit"});
  if (trouble_->any()) return;
  absl::StatusOr<Packet> nothing = ReceivePacket(control_.get(), kMoveMs);
  if (nothing.ok() || !absl::IsUnavailable(nothing.status())) {
    trouble_->Note(kit::Error(absl::StatusCode::kAborted, "end an actor", "it is still there"));
  }
  child_.AwaitEnd(kMoveMs);
}

Fetched Player::Fetch(const std::string& socket) { return FetchedFrom(Do({"fetch", socket})); }
Fetched Player::FetchOver(int fd) {
  if (fd < 0 && !trouble_->any()) return {"", -1, "there is no descriptor to ask on"};
  return FetchedFrom(Do({"fetch-over", std::to_string(fd)}));
}
Fetched Player::FinishFetch() { return FetchedFrom(Finish()); }

}  // namespace belfry::demo
