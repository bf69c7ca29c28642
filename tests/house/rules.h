// The rules of the house (README): each reads the tree and says what breaks it. Pure; thread-safe.
#ifndef BELFRY_TESTS_HOUSE_RULES_H_
#define BELFRY_TESTS_HOUSE_RULES_H_

#include <string>
#include <vector>

#include "house/tree.h"

namespace belfry::house {

// "path: what is wrong; what to do", sorted by path.
using Violations = std::vector<std::string>;
using Rule = Violations (*)(const Tree&);

// Rooms.
Violations IncludesGoDown(const Tree& tree);      // only downwards, never sideways
Violations OneDoorPerLibrary(const Tree& tree);   // libbpf, gRPC, yaml-cpp: one room each
Violations ProcIsReadInHost(const Tree& tree);    // no other room opens a path below /proc
Violations PluginStaysThin(const Tree& tree);     // kit, host, verdict and protos only; no libbpf
Violations EveryRoomHasALevel(const Tree& tree);  // a new folder of userspace/ must be placed

// Files.
Violations NoFileAboveLimit(const Tree& tree);          // 400 lines
Violations HeadersAreGuarded(const Tree& tree);         // BELFRY_ROOM_FILE_H_
Violations HeadersSayWhatFor(const Tree& tree);         // a header opens with a comment
Violations BpfFilesOpenWithHooks(const Tree& tree);     // one sentence, one line per hook
Violations KernelSideIsDualLicensed(const Tree& tree);  // bpf/ and wire.h

// Words.
Violations NamesSayWhat(const Tree& tree);            // no Manager, Handler, Helper, Util, Common, Base, Impl
Violations NoHostNorMachine(const Tree& tree);        // no registry's host name, no path of one machine
Violations ReadmeNamesEveryFolder(const Tree& tree);  // the table of rooms is complete

struct Sizes {
  int files = 0;
  int under_100 = 0;
  int above_250 = 0;
};
Sizes MeasureSources(const Tree& tree);

}  // namespace belfry::house

#endif  // BELFRY_TESTS_HOUSE_RULES_H_
