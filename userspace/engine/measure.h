// The engine's state as plain numbers, copied at the moment somebody asks. Reads the world, changes nothing but that
// what the ring holds is applied first. Loop thread only.
#ifndef BELFRY_ENGINE_MEASURE_H_
#define BELFRY_ENGINE_MEASURE_H_

#include "effect/measures.h"
#include "engine/engine.h"

namespace belfry::engine {

effect::Measures MeasuresOf(Engine& engine);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_MEASURE_H_
