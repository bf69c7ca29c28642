// Configured TCP ports as the kernel part recognises them, and both ends of a connection as people read them. Pure.
#ifndef BELFRY_ENGINE_GUARDED_PORTS_H_
#define BELFRY_ENGINE_GUARDED_PORTS_H_

#include <cstdint>
#include <vector>

#include "effect/entry.h"
#include "engine/guard.h"
#include "kernel/kernel.h"

namespace belfry::engine {

std::vector<kernel::GuardedPort> PortsOf(Guards& guards);
kernel::GuardedPort PortOf(const kit::Endpoint& endpoint, uint32_t guard, uint32_t socket);

effect::Address AddressOf(const belfry_address& address, uint16_t port);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_GUARDED_PORTS_H_
