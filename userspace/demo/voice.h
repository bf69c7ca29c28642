// What the agent says to the director: packets whole and in order, from any thread, without ever waiting for a director
// that is busy with its actors. The destructor says what is left.
#ifndef BELFRY_DEMO_VOICE_H_
#define BELFRY_DEMO_VOICE_H_

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "demo/wire.h"

namespace belfry::demo {

class Voice {
 public:
  explicit Voice(int control);  // not owned; outlives the voice
  ~Voice();

  void Say(const Json& body);

 private:
  void Speak();

  const int control_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Json> unsaid_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_VOICE_H_
