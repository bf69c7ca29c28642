#include "cli/reason_words.h"

namespace belfry::cli {
namespace {

constexpr ReasonWords kReasons[] = {
    {"exec_after_connect",
     "The process runs another program than the one that opened the connection: an identity would go to a program that "
     "never asked for it.",
     "If it is honest, let it exec first and connect after."},
    {"foreign_sender", "Another process than the one that opened the connection wrote to it.",
     "Give every process a connection of its own."},
    {"foreign_receiver", "Another process than the one that opened the connection read from it.",
     "Give every process a connection of its own."},
    {"fd_transferred",
     "The open connection was handed to another process (passed over a socket, copied with pidfd_getfd, or left to a "
     "child that kept it).",
     "Find out who holds it; an honest program opens its own connection, and closes on exec."},
    {"opener_exited", "The process that opened the connection has ended, but somebody keeps the connection alive.",
     "Find out who holds it; an honest helper opens its own connection."},
    {"ambiguous", "More than one process may have opened the connection: who it belongs to cannot be proven.",
     "Do not call connect on a shared socket from several processes."},
    {"foreign_acceptor", "Another process than the guard's listener took the connection.",
     "Find out who serves the guarded path; correct `listener` in belfry.yaml if it is the right one."},
    {"unrecorded", "Belfry did not see this connection being opened.",
     "Let the client connect again; if it stays so, `belfry doctor` tells which part of the kernel is not heard."},
    {"preexisting", "The connection is older than Belfry's watch, so nobody saw who opened it.",
     "Restart the client or let it connect again."},
    {"evidence_gap", "Something may have been missed while this connection was open (see gaps in `belfry status`).",
     "Let the client connect again; if gaps keep coming, `belfry doctor` tells why."},
    {"exe_replaced",
     "The kernel's record of what was executed and the executable the process shows now differ: it swapped its own "
     "executable without an exec.",
     "Treat it as an attack unless the program is a known self-checkpointing tool."},
    {"untrusted_code",
     "Foreign code may have been loaded into the program: preload variables in its environment, or an executable "
     "without a name on disk.",
     "If the preload is wanted, leave untrusted_code out of the guard's `withhold_on`; else find out who set it."},
    {"traced", "A debugger was attached to the process.", "Start the process again without a debugger."},
    {"memory_written", "Another process wrote into its memory.", "Find out who did; start the process again."},
    {"creds_changed", "Its user, group or capabilities grew after it connected.",
     "Change credentials first and connect after."},
    {"cgroup_moved", "It was moved to another service or container after it connected.",
     "Let it connect again from where it belongs."},
    {"fd_inherited", "Another live process (usually a child) also holds the open connection, unused so far.",
     "Open the connection with close-on-exec, or close it in the child."},
    {"not_allowed", "No rule of the guard's `allow` fits the process that opened the connection.",
     "`belfry policy explain PID GUARD` says which field of the nearest rule does not hold."},
    {"limit", "More connects than the guard's `limit` takes of one user, cgroup or executable.",
     "If it is honest, let it keep its connection or wait and try again; else raise the guard's `limit`."},
    {"no_such_process",
     "No process has this number as the asker counts, or it is no program (dead or a kernel thread).",
     "Ask again with a number from `ps`; in containers numbers differ from the host's."},
};

constexpr ReasonWords kUnknown = {"", "This version of belfry has no words for this reason; the daemon may be newer.",
                                  "Install the belfry that belongs to this belfryd."};

}  // namespace

const ReasonWords& WordsFor(std::string_view reason) {
  for (const ReasonWords& words : kReasons) {
    if (words.name == reason) return words;
  }
  return kUnknown;
}

}  // namespace belfry::cli
