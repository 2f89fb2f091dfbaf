#include "sim/chronicler.h"

#include <span>
#include <utility>

namespace sim {
namespace {

// Now and then too small for what is to be told.
constexpr std::size_t block_bytes = std::size_t{1} << 20;

}  // namespace

Chronicler::Chronicler(std::uint64_t seed)
    : random_(~seed * 3),
      memory_(block_bytes / sizeof(std::uint64_t)),
      least_(random_.below(std::size_t{64} << 10)),
      chance_in_(random_.between(3, 100)) {}

// Each daemon finds the memory of the one before.
void Chronicler::begins(const broker::Options& options, const broker::Broker& broker,
                        std::span<const broker::Action> left) {
  chronicle_.emplace(std::as_writable_bytes(std::span(memory_)));
  (void)chronicle_->begin(options, broker.save(), left);
}

void Chronicler::turn_ends(const broker::Options& options, const broker::Broker& broker) {
  if (chronicle_->due(least_)) (void)chronicle_->begin(options, broker.save());
}

bool Chronicler::kills() {
  if (!chronicle_->whole() || random_.below(chance_in_) != 0) return false;
  ++kills_;
  return true;
}

base::Result<record::Retold> Chronicler::retold(broker::Options options) const {
  return record::retell(std::as_bytes(std::span(memory_)), std::move(options));
}

}  // namespace sim
