// The demo as a person reads it: a scene in three columns, and the table of all scenes. Pure; thread-safe.
#ifndef BELFRY_DEMO_STORY_H_
#define BELFRY_DEMO_STORY_H_

#include <string>
#include <vector>

#include "demo/result.h"

namespace belfry::demo {

struct Look {
  int width = 100;     // columns of the terminal
  bool color = false;  // SGR sequences; NO_COLOR and pipes have none
};

// Lines of `texts` side by side, each wrapped to its share of the width. No line is wider than look.width.
std::string Columns(const std::vector<std::vector<std::string>>& texts, int width);

std::string TellScene(const SceneResult& result, int number, int of, const Look& look);
std::string TellAll(const std::vector<SceneResult>& results, const std::string& backend, const Look& look);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_STORY_H_
