// Numbers for people: how long, how many. Pure.
#ifndef BELFRY_CLI_AMOUNTS_H_
#define BELFRY_CLI_AMOUNTS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace belfry::cli {

// Two units at most: "3 d 4 h", "12 min", "41 s", "under 1 s".
std::string Span(uint64_t ns);

// "3 min ago" of two CLOCK_BOOTTIME instants; "at an unknown time" if `then` is 0, "just now" if it is not past.
std::string Ago(uint64_t then_ns, uint64_t now_ns);

std::string Grouped(uint64_t number);                           // "1,204,000"
std::string Counted(uint64_t number, const std::string& what);  // "1 connection", "2 connections"
std::string Joined(const std::vector<std::string>& words, const char* between = ", ");

}  // namespace belfry::cli

#endif  // BELFRY_CLI_AMOUNTS_H_
