// What the sessions that are open have asked for: when config.json changes, it is resolved again.
//
// A client has the same environment for all its servers, so equal ones are kept once.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "app/config/resolve.h"
#include "core/environment.h"
#include "core/ids.h"

namespace app {

class Wishes {
 public:
  void keep(core::SessionId session, const Wish& wish);
  void forget(core::SessionId session);
  // In order of sessions. Nothing may be kept or forgotten meanwhile.
  void each(const std::function<void(core::SessionId, const Wish&)>& visit) const;

  // For the program that this one becomes.
  struct Saved {
    struct One {
      core::SessionId session;
      bool by_name = true;
      AttachWish attach;
      RunWish run;
      std::string cwd, cwd_lost;
      base::Inheritance inheritance;
      std::size_t environment = 0;  // Which of those below.
      static constexpr std::size_t fields = 8;
    };
    std::vector<One> wishes;
    std::vector<std::map<std::string, std::string>> environments;
    static constexpr std::size_t fields = 2;
  };
  Saved saved() const;
  void resume(Saved saved);

 private:
  struct Kept {
    Wish wish;  // But for its environment.
    core::Environment environment;
  };
  void keep(core::SessionId session, Kept kept);

  std::map<core::SessionId, Kept> all_;
};

}  // namespace app
