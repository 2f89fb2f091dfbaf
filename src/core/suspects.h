// The calls that were running when their server died.
//
// A call that kills its server is made again, by a model that saw nothing but an error, or by other sessions,
// and takes the server from everybody each time. So a call that was running at several deaths is refused
// instead. The same call: the same tool with the same arguments. A death is put down to all that were
// running; but if some of them had been running at deaths before, only to those with the most. An answer
// clears a call, and so does time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/time.h"

namespace core {

struct Suspect {
  std::uint64_t digest = 0;  // Of the tool and its arguments.
  std::string tool;          // For people.
  std::uint32_t deaths = 0;  // In a row.
  std::string how;           // The last of them.
  base::Instant last;
  std::uint32_t refused = 0;  // Calls that were not sent for it.
  static constexpr std::size_t fields = 6;
};

class Suspects {
 public:
  struct Running {
    std::uint64_t digest = 0;
    std::string tool;
    static constexpr std::size_t fields = 2;
  };

  // The server died, `how` says of what, while these were running.
  void died(const std::vector<Running>& running, const std::string& how, base::Instant now);
  void answered(std::uint64_t digest);
  // Not null: the call is not to be sent; that is noted.
  const Suspect* refuse(std::uint64_t digest, base::Instant now);
  // A person wants the server started anew.
  void clear() { all_.clear(); }

  // The calls that are refused now.
  std::vector<Suspect> refused(base::Instant now) const;

  static constexpr std::size_t fields = 1;
  friend struct base::Fields;

 private:
  Suspect* find(std::uint64_t digest);

  std::vector<Suspect> all_;  // In order of their first death.
};

}  // namespace core
