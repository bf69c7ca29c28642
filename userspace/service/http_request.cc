#include "service/http_request.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace belfry::service {
namespace {

// The version that Prometheus' text format has; its reader is told by this.
constexpr char kExposition[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kPlain[] = "text/plain; charset=utf-8";

// absl::string_view, since Debian 12's abseil does not take std::string_view.
std::string Answer(absl::string_view status, absl::string_view type, absl::string_view body, absl::string_view more = "") {
  return absl::StrCat("HTTP/1.1 ", status, "\r\nContent-Type: ", type, "\r\nContent-Length: ", body.size(),
                      "\r\nConnection: close\r\n", more, "\r\n", body);
}

}  // namespace

HttpAsked ReadHttpRequest(std::string_view received) {
  size_t end = received.find("\r\n\r\n");
  if (end == std::string_view::npos) end = received.find("\n\n");
  if (std::min(end, received.size()) > kHttpHeadLimit) return HttpAsked::kTooLong;
  if (end == std::string_view::npos) return HttpAsked::kNotYet;
  std::string_view line = received.substr(0, received.find_first_of("\r\n"));
  const size_t method_ends = line.find(' '), target_ends = line.rfind(' ');
  if (method_ends == 0 || method_ends == std::string_view::npos || target_ends <= method_ends + 1 ||
      !line.substr(target_ends).starts_with(" HTTP/1."))
    return HttpAsked::kMalformed;
  if (line.substr(0, method_ends) != "GET") return HttpAsked::kNotGet;
  std::string_view target = line.substr(method_ends + 1, target_ends - method_ends - 1);
  target = target.substr(0, target.find('?'));
  return target == "/metrics" ? HttpAsked::kMetrics : HttpAsked::kOther;
}

std::string HttpMetrics(const std::string& text) { return Answer("200 OK", kExposition, text); }

std::string HttpUnavailable() { return Answer("503 Service Unavailable", kPlain, "belfryd is stopping\n"); }

std::string HttpRefusal(HttpAsked asked) {
  switch (asked) {
    case HttpAsked::kOther: return Answer("404 Not Found", kPlain, "only /metrics is here\n");
    case HttpAsked::kNotGet: return Answer("405 Method Not Allowed", kPlain, "only GET is answered\n", "Allow: GET\r\n");
    case HttpAsked::kTooLong: return Answer("431 Request Header Fields Too Large", kPlain, "at most 8192 bytes\n");
    default: return Answer("400 Bad Request", kPlain, "this is not HTTP/1\n");
  }
}

}  // namespace belfry::service
