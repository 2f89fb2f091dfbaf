// From a chronicle (record/chronicle.h), the broker that a daemon had when it was killed.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "broker/broker.h"

namespace record {

struct Retold {
  // It has heard all that stands in the chronicle, and its outbox is empty. Its sessions have no pages, until
  // Broker::rejoin. The options are the new daemon's.
  std::unique_ptr<broker::Broker> broker;
  // What it has wanted since the beginning, in order: what has been carried out, and what has not. From the
  // first a daemon sees what is still on its way to a peer, if it knows how many bytes got there.
  std::vector<broker::Action> done;
  std::vector<broker::Action> left;
  std::string beside;  // As Chronicle::begin was given it.
  base::Instant at;    // Of the last entry.
  std::size_t entries = 0;
};

// Fails with a sentence where the chronicle is damaged, is no whole, or this build cannot read it, would lose
// something, or would have decided otherwise. Then nothing may be taken over.
base::Result<Retold> retell(std::span<const std::byte> block, broker::Options options);

}  // namespace record
