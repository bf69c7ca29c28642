// The one question that the metrics door answers: GET /metrics. Pure; thread-safe.
#ifndef BELFRY_SERVICE_HTTP_REQUEST_H_
#define BELFRY_SERVICE_HTTP_REQUEST_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace belfry::service {

inline constexpr size_t kHttpHeadLimit = 8192;  // bytes

enum class HttpAsked { kNotYet, kMetrics, kOther, kNotGet, kMalformed, kTooLong };

// What has been received so far, from its beginning. Headers are not looked at, a body is not waited for.
HttpAsked ReadHttpRequest(std::string_view received);

// Whole answers; the connection ends after each.
std::string HttpMetrics(const std::string& text);
std::string HttpUnavailable();
std::string HttpRefusal(HttpAsked asked);  // of all but kNotYet and kMetrics

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_HTTP_REQUEST_H_
