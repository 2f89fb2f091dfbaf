// The user's own systemd, through `systemctl --user`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cli {

struct UnitState {
  std::string enabled;  // "enabled", "disabled"; empty: systemd does not know the unit.
  std::string active;   // "active", "inactive", "failed", …
};

class Systemctl {
 public:
  // Fails with ENOENT where there is no such program.
  static base::Result<Systemctl> find();

  // Whether a manager for this user runs and answers; the error says what systemctl says.
  base::Result<void> reach() const;
  // A command, like {"enable", "--now", "hearthd.socket"}.
  base::Result<void> run(const std::vector<std::string>& words) const;
  base::Result<UnitState> state_of(std::string_view unit) const;

 private:
  explicit Systemctl(std::string program);
  base::Result<std::string> output_of(const std::vector<std::string>& words) const;

  std::string program_;
  std::vector<std::string> variables_;
};

}  // namespace cli
