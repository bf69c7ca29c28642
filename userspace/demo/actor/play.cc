// The actor's loop: read a verb, make the move, answer.
#include <unistd.h>

#include "demo/actor/moves.h"
#include "kit/error.h"

namespace belfry::demo {
namespace {

absl::StatusOr<Json> Make(Move& move) {
  for (const MoveTable* table : {&SocketMoves(), &ProcessMoves(), &ImageMoves(), &FetchMoves()}) {
    auto found = table->find(move.words[0]);
    if (found != table->end()) return found->second(move);
  }
  return kit::Error(absl::StatusCode::kUnimplemented, "make a move", "no such verb: " + move.words[0]);
}

}  // namespace

int Play(Actor& actor) {
  while (true) {
    absl::StatusOr<Packet> packet = ReceivePacket(actor.control, -1);
    if (!packet.ok()) return 0;  // the director is gone: so is the play
    if (!packet->body.is_array() || packet->body.empty()) return 1;
    const auto words = packet->body.get<std::vector<std::string>>();
    Move move{actor, words, std::move(packet->fd)};
    absl::StatusOr<Json> made = Make(move);
    Json answer = made.ok() ? Json{{"ok", true}, {"value", *made}}
                            : Json{{"ok", false}, {"error", std::string(made.status().message())}};
    if (!SendPacket(actor.control, answer).ok()) return 0;
  }
}

}  // namespace belfry::demo
