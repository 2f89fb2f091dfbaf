#include "core/suspects.h"

#include <algorithm>

#include "core/limits.h"

namespace core {
namespace {

bool guilty(const Suspect& suspect, base::Instant now) {
  return suspect.deaths >= limits::deaths_of_one_call && now - suspect.last < limits::suspect_kept;
}

}  // namespace

Suspect* Suspects::find(std::uint64_t digest) {
  const auto found = std::ranges::find(all_, digest, &Suspect::digest);
  return found != all_.end() ? &*found : nullptr;
}

void Suspects::died(const std::vector<Running>& running, const std::string& how, base::Instant now) {
  std::erase_if(all_, [&](const Suspect& one) { return now - one.last >= limits::suspect_kept; });
  std::uint32_t most = 0;
  for (const Running& call : running) {
    if (const Suspect* known = find(call.digest)) most = std::max(most, known->deaths);
  }
  std::vector<std::uint64_t> counted;
  for (const Running& call : running) {
    if (std::ranges::find(counted, call.digest) != counted.end()) continue;
    counted.push_back(call.digest);
    Suspect* suspect = find(call.digest);
    if ((suspect != nullptr ? suspect->deaths : 0) < most) continue;
    if (suspect == nullptr) {
      if (all_.size() >= limits::suspects_per_instance)
        all_.erase(std::ranges::min_element(all_, {}, &Suspect::deaths));
      suspect = &all_.emplace_back(Suspect{.digest = call.digest, .tool = call.tool, .how = {}, .last = now});
    }
    ++suspect->deaths;
    suspect->how = how;
    suspect->last = now;
  }
}

void Suspects::answered(std::uint64_t digest) {
  std::erase_if(all_, [&](const Suspect& one) { return one.digest == digest; });
}

const Suspect* Suspects::refuse(std::uint64_t digest, base::Instant now) {
  Suspect* suspect = find(digest);
  if (suspect == nullptr || !guilty(*suspect, now)) return nullptr;
  ++suspect->refused;
  return suspect;
}

std::vector<Suspect> Suspects::refused(base::Instant now) const {
  std::vector<Suspect> found;
  std::ranges::copy_if(all_, std::back_inserter(found), [&](const Suspect& one) { return guilty(one, now); });
  return found;
}

}  // namespace core
