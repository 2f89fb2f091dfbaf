#include "core/cache.h"

#include <doctest/doctest.h>

#include "core/limits.h"
#include "core/merging.h"
#include "numbers.h"

namespace {

using core::Cache;
using core::CacheKey;
using core::ListKind;
using core::Merging;
using proto::Method;
using std::chrono::seconds;

const base::Instant now{std::chrono::hours(1)};

CacheKey list(Method method, std::string params = "{}") {
  return {.method = method,
          .uri = {},
          .params = std::move(params),
          .circumstances = "{}",
          .principal = std::nullopt};
}
CacheKey read(std::string uri) {
  return {.method = Method::resources_read,
          .uri = uri,
          .params = R"({"uri":")" + uri + R"("})",
          .circumstances = "{}",
          .principal = std::nullopt};
}

}  // namespace

TEST_CASE("cache: what is kept is found while it is good, under what was asked and for whom") {
  Cache cache;
  cache.keep(list(Method::tools_list), {"{1}", now + seconds(5)}, now);
  REQUIRE(cache.find(list(Method::tools_list), now) != nullptr);
  CHECK(cache.find(list(Method::tools_list), now)->result == "{1}");
  CHECK(cache.find(list(Method::prompts_list), now) == nullptr);
  CHECK(cache.find(list(Method::tools_list, R"({"cursor":"2"})"), now) == nullptr);
  CacheKey hers = list(Method::tools_list);
  hers.principal = "";
  CHECK(cache.find(hers, now) == nullptr);
  CacheKey extended = list(Method::tools_list);
  extended.circumstances = R"({}{"x/y":{}})";
  CHECK(cache.find(extended, now) == nullptr);
  CHECK(cache.find(list(Method::tools_list), now + seconds(5)) == nullptr);
  CHECK(cache.size() == 0);
  CHECK(cache.bytes() == 0);
}

TEST_CASE("cache: a newer answer takes the place of an older one, even one that is not to be kept") {
  Cache cache;
  cache.keep(list(Method::tools_list), {"{1}", now + seconds(5)}, now);
  cache.keep(list(Method::tools_list), {"{2}", now + seconds(9)}, now);
  CHECK(cache.size() == 1);
  CHECK(cache.find(list(Method::tools_list), now + seconds(8))->result == "{2}");
  cache.keep(list(Method::tools_list), {"{3}", now}, now);
  CHECK(cache.size() == 0);
  CHECK(cache.bytes() == 0);
}

TEST_CASE("cache: a change makes old what it is about") {
  Cache cache;
  for (const Method method :
       {Method::tools_list, Method::prompts_list, Method::resources_list, Method::resources_templates_list})
    cache.keep(list(method), {"{}", now + seconds(5)}, now);
  cache.keep(read("file:///a"), {"{}", now + seconds(5)}, now);
  cache.keep(read("file:///a/b"), {"{}", now + seconds(5)}, now);
  cache.keep(read("file:///c"), {"{}", now + seconds(5)}, now);
  const auto forget = [&](auto what) {
    cache.forget([&](const CacheKey& key) { return core::about(key, what); });
  };
  forget(ListKind::tools);
  CHECK(cache.find(list(Method::tools_list), now) == nullptr);
  CHECK(cache.size() == 6);
  forget(ListKind::resources);
  CHECK(cache.find(list(Method::prompts_list), now) != nullptr);
  CHECK(cache.size() == 4);
  forget(std::string_view("file:///a/b"));
  CHECK(cache.find(read("file:///a"), now) == nullptr);
  CHECK(cache.find(read("file:///c"), now) != nullptr);
  CHECK(cache.size() == 2);
  forget(ListKind::prompts);
  cache.clear();
  CHECK(cache.bytes() == 0);
}

TEST_CASE("cache: it is bounded, and what was used longest ago goes first") {
  Cache cache;
  SUBCASE("in entries") {
    for (std::size_t i = 0; i < core::limits::cache_entries; ++i)
      cache.keep(read(std::to_string(i)), {"{}", now + seconds(5)}, now);
    CHECK(cache.size() == core::limits::cache_entries);
    CHECK(cache.find(read("0"), now) != nullptr);
    cache.keep(read("new"), {"{}", now + seconds(5)}, now);
    CHECK(cache.size() == core::limits::cache_entries);
    CHECK(cache.find(read("0"), now) != nullptr);
    CHECK(cache.find(read("1"), now) == nullptr);
  }
  SUBCASE("in bytes") {
    const std::string large(core::limits::cache_bytes_each - 100, 'x');
    for (int i = 0; i < 9; ++i) cache.keep(read(std::to_string(i)), {large, now + seconds(5)}, now);
    CHECK(cache.bytes() <= core::limits::cache_bytes);
    CHECK(cache.size() == 4);
    CHECK(cache.find(read("8"), now) != nullptr);
    cache.keep(read("huge"), {large + std::string(200, 'x'), now + seconds(5)}, now);
    CHECK(cache.find(read("huge"), now) == nullptr);
    CHECK(cache.size() == 4);
  }
  SUBCASE("and what is old goes before all else") {
    for (std::size_t i = 0; i < core::limits::cache_entries; ++i)
      cache.keep(read(std::to_string(i)), {"{}", now + seconds(i == 7 ? 1 : 5)}, now);
    cache.keep(read("new"), {"{}", now + seconds(5)}, now + seconds(1));
    CHECK(cache.find(read("0"), now + seconds(1)) != nullptr);
    CHECK(cache.size() == core::limits::cache_entries);
  }
}

TEST_CASE("merging: the newest of those that are under way is joined, unless it hangs") {
  Merging merging;
  CHECK(merging.leader(list(Method::tools_list), now) == std::nullopt);
  merging.leads(list(Method::tools_list), 1_call, now);
  CHECK(merging.leader(list(Method::tools_list), now) == 1_call);
  CHECK(merging.leader(list(Method::prompts_list), now) == std::nullopt);
  merging.joins(1_call, 2_call);
  CHECK(merging.leader(list(Method::tools_list), now + core::limits::join_within) == std::nullopt);
  merging.leads(list(Method::tools_list), 3_call, now + core::limits::join_within);
  CHECK(merging.leader(list(Method::tools_list), now + core::limits::join_within) == 3_call);
  const auto first = merging.ended(1_call);
  REQUIRE(first);
  CHECK(first->joined == std::vector<core::CallId>{2_call});
  CHECK(merging.leader(list(Method::tools_list), now + core::limits::join_within) == 3_call);
  CHECK(!merging.ended(1_call));
  CHECK(merging.ended(3_call)->joined.empty());
  CHECK(merging.leader(list(Method::tools_list), now + core::limits::join_within) == std::nullopt);
}

TEST_CASE("merging: a call that has left does not get the answer") {
  Merging merging;
  merging.leads(list(Method::tools_list), 1_call, now);
  CHECK(merging.one_joined(1_call) == std::nullopt);
  merging.joins(1_call, 2_call);
  merging.joins(1_call, 3_call);
  CHECK(merging.one_joined(1_call) == 2_call);
  merging.leaves(1_call, 2_call);
  merging.leaves(7_call, 2_call);
  CHECK(merging.one_joined(1_call) == 3_call);
  CHECK(merging.ended(1_call)->joined == std::vector<core::CallId>{3_call});
}

TEST_CASE("merging: what has changed since is not joined, and its answer not to be kept") {
  Merging merging;
  merging.leads(list(Method::tools_list), 1_call, now);
  merging.leads(read("file:///a"), 2_call, now);
  merging.outdate([](const CacheKey& key) { return core::about(key, ListKind::tools); });
  CHECK(merging.leader(list(Method::tools_list), now) == std::nullopt);
  CHECK(merging.leader(read("file:///a"), now) == 2_call);
  merging.close();
  CHECK(merging.leader(read("file:///a"), now) == std::nullopt);
  CHECK(merging.ended(1_call)->outdated);
  CHECK(!merging.ended(2_call)->outdated);
}
