// Units where systemd looks for those of a user: which are there, writing them, removing them.
//
// A file that we did not write is never touched, and neither is a link, as "systemctl mask" makes them. What
// is written is complete or not there at all, mode 0644.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cli {

class UnitDirectory {
 public:
  // systemd/user below XDG_CONFIG_HOME, else below ~/.config. Nothing is made yet. Fails if what is there of
  // that path belongs to another user, as HOME does after some sudo.
  static base::Result<UnitDirectory> find();

  std::string path_of(std::string_view unit) const;

  // Its text; empty: there is none. Fails for what we did not write.
  base::Result<std::string> ours(std::string_view unit) const;

  base::Result<void> write(std::string_view unit, std::string_view text) const;
  // The links by which systemd enables it, too.
  base::Result<void> remove(std::string_view unit) const;

 private:
  explicit UnitDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace cli
