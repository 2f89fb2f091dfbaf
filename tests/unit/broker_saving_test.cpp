// A broker as bytes. That one which goes on from them does the same is shown by the simulation (--replaced);
// here is what comes of bytes that cannot be read.
#include <doctest/doctest.h>

#include <span>
#include <string>
#include <utility>

#include "base/siphash.h"
#include "modern_stage.h"

namespace {

using test::ModernStage;

// With a hash that is right, so that only the reader can find out.
std::string signed_again(std::string text) {
  const std::uint64_t hash = base::siphash({}, text);
  for (int i = 0; i < 8; ++i) text += static_cast<char>(hash >> (8 * i) & 0xff);
  return text;
}

auto restored(const std::string& saved) {
  return broker::Broker::restored({}, saved, [](core::SessionId) { return std::span<std::byte>(); });
}

}  // namespace

TEST_CASE_FIXTURE(ModernStage, "a broker that was saved is what it was") {
  const auto one = ready();
  says(one, R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":{}}})");
  hears(server());
  const std::string saved = broker.save();
  const auto again = restored(saved);
  REQUIRE(again);
  CHECK((*again)->save() == saved);
  CHECK((*again)->owed(one) == 1);
  CHECK((*again)->sessions().size() == broker.sessions().size());
}

TEST_CASE_FIXTURE(ModernStage,
                  "a state that ends anywhere is refused, and what was read of it goes in order") {
  const auto one = ready();
  says(one, R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":{}}})");
  says(one, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})");
  says(one, R"({"jsonrpc":"2.0","id":8,"method":"resources/subscribe","params":{"uri":"file:///a"}})");
  hears(server());
  const std::string saved = broker.save();
  REQUIRE(restored(saved));
  const std::string text = saved.substr(0, saved.size() - 8);
  for (std::size_t end = 0; end < text.size(); ++end) {
    const auto read = restored(signed_again(text.substr(0, end)));
    REQUIRE_FALSE(read);
    CHECK(read.error().what.starts_with("the state of the daemon before cannot be read: "));
  }
}
