// Does SPIRE's agent ask Belfry, and what will be different when it does? Pure.
#ifndef BELFRY_CLI_DOCTOR_SPIRE_H_
#define BELFRY_CLI_DOCTOR_SPIRE_H_

#include "cli/doctor.h"

namespace belfry::cli {

Section SpireSection(const Examination& examination);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_DOCTOR_SPIRE_H_
