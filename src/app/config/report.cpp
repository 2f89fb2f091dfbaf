#include "app/config/report.h"

#include <cstddef>
#include <ranges>

#include "proto/json.h"

namespace app {
namespace {

// More than these are mended no sooner for being told of.
constexpr std::size_t mistakes_max = 100;

}  // namespace

std::string report_on(const Config& config) {
  proto::json::Writer json;
  json.object().key("mistakes").array();
  for (const Complaint& complaint : config.complaints | std::views::take(mistakes_max)) {
    json.object().key("severity").string(complaint.severity == Severity::warning ? "warning" : "error");
    json.key("text").string(text_of(complaint)).end();
  }
  json.end();
  if (config.http.port) json.key("port").number(*config.http.port);
  return json.end().text();
}

}  // namespace app
