// Which requests of 2026-07-28 share a desk, and what the desks of one server share.
//
// Nothing is told to a client but what concerns its own requests, so a desk may serve many; but it is one
// session to the broker, and with a server that knows sessions one there, too. So its requests must be of one
// caller, for one server and one project, and of clients that declare the same.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/fields.h"
#include "core/ids.h"
#include "transport/param_headers/param_headers.h"

namespace app {

struct DeskKey {
  std::string caller;
  std::string server;
  std::string project;
  std::string capabilities;  // A name for what is declared: the same in other words has the same.

  auto operator<=>(const DeskKey&) const = default;
  static constexpr std::size_t fields = 4;
};

class DeskTable {
 public:
  std::optional<core::SessionId> find(const DeskKey& key) const;
  void add(DeskKey key, core::SessionId desk) { by_key_.emplace(std::move(key), desk); }
  // No further request is to find it.
  void forget(core::SessionId desk);

  // What the desks of a server know of its tools: it stays where it is until each has given it back.
  transport::ParamHeaders& borrow_params(const std::string& server, const std::string& project);
  void give_back_params(const std::string& server, const std::string& project);
  // Of a desk that has borrowed them already.
  transport::ParamHeaders& params_of(const std::string& server, const std::string& project) {
    return params_[{server, project}].headers;
  }

  std::size_t size() const { return by_key_.size(); }

  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  struct Params {
    transport::ParamHeaders headers;
    std::size_t borrowers = 0;
    static constexpr std::size_t fields = 2;
  };

  std::map<DeskKey, core::SessionId> by_key_;
  std::map<std::pair<std::string, std::string>, Params> params_;  // By server and project.
};

}  // namespace app
