// `belfry doctor`: the diagnosis for people, or as one JSON object. Pure.
#ifndef BELFRY_CLI_RENDER_DOCTOR_H_
#define BELFRY_CLI_RENDER_DOCTOR_H_

#include <string>

#include "cli/doctor.h"
#include "cli/screen.h"

namespace belfry::cli {

std::string RenderDoctor(const Diagnosis& diagnosis, const Screen& screen);

// {"schema":1,"health":...,"findings":[{section,severity,what,remedy}],"probes":[...],"status":{...} or null}
std::string DoctorJson(const Diagnosis& diagnosis, const Examination& examination);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_RENDER_DOCTOR_H_
