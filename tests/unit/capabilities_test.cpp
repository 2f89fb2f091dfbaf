#include "core/capabilities.h"

#include <doctest/doctest.h>

namespace {

using core::Capabilities;
using core::may_be_asked;
using core::Mode;
using proto::Method;

TEST_CASE("capabilities: which session may be asked what") {
  const struct {
    const char* declared;
    bool roots, sampling, form, url, vendor;
  } table[] = {
      {"{}", false, false, false, false, false},
      {"[]", false, false, false, false, false},
      {R"({"roots":{}})", true, false, false, false, false},
      {R"({"roots":{"listChanged":true}})", true, false, false, false, false},
      {R"({"sampling":{}})", false, true, false, false, false},
      {R"({"sampling":{"tools":{}}})", false, true, false, false, false},
      {R"({"sampling":true})", false, false, false, false, false},
      {R"({"elicitation":{}})", false, false, true, false, false},
      {R"({"elicitation":{"form":{}}})", false, false, true, false, false},
      {R"({"elicitation":{"url":{}}})", false, false, false, true, false},
      {R"({"elicitation":{"form":{},"url":{}}})", false, false, true, true, false},
      {R"({"experimental":{"x":{}}})", false, false, false, false, true},
      {R"({"extensions":{"com.x/y":{}}})", false, false, false, false, true},
      {R"({"tasks":{},"unknown":{}})", false, false, false, false, false},
  };
  for (const auto& row : table) {
    CAPTURE(row.declared);
    const Capabilities all = core::capabilities_of(row.declared);
    CHECK(may_be_asked(all, Method::roots_list, Mode::none) == row.roots);
    CHECK(may_be_asked(all, Method::sampling_create_message, Mode::none) == row.sampling);
    CHECK(may_be_asked(all, Method::elicitation_create, Mode::form) == row.form);
    CHECK(may_be_asked(all, Method::elicitation_create, Mode::none) == row.form);
    CHECK(may_be_asked(all, Method::elicitation_create, Mode::url) == row.url);
    CHECK(may_be_asked(all, Method::other, Mode::none) == row.vendor);
  }
}

TEST_CASE("capabilities: none declared at all") {
  const Capabilities none = core::capabilities_of("");
  for (const Method method :
       {Method::roots_list, Method::sampling_create_message, Method::elicitation_create, Method::other}) {
    CHECK_FALSE(may_be_asked(none, method, Mode::none));
  }
}

TEST_CASE("capabilities: what is passed on is kept as it was spelt") {
  const Capabilities all =
      core::capabilities_of(R"({ "sampling" : { "tools":{} , "x" : 1.0 },)"
                            R"("experimental":{"a/b":{"\u0061":[ ]}},"extensions":{ } })");
  CHECK(all.sampling_raw == R"({ "tools":{} , "x" : 1.0 })");
  CHECK(all.experimental_raw == R"({"a/b":{"\u0061":[ ]}})");
  CHECK(all.extensions_raw == "{ }");
}

}  // namespace
