// One request on the daemon's socket, from its first byte to its answer.
//
// Gathers the request and the descriptors that came with it and hands both to the daemon, once. The
// connection is then either answered and closed, or taken over by a session.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/http_request.h"
#include "base/result.h"
#include "io/descriptor.h"
#include "io/loop.h"

namespace app {

class ControlConnection {
 public:
  struct Events {
    std::function<void(ControlConnection&)> on_request;
    std::function<void(ControlConnection&)> on_gone;  // Closed, broken, or too slow: let it go.
  };

  static base::Result<std::unique_ptr<ControlConnection>> open(io::Loop& loop, io::Descriptor connection,
                                                               Events events);

  HttpRequest& request() { return reader_.request(); }
  std::vector<io::Descriptor>& descriptors() { return descriptors_; }

  // Sends and then counts as gone; waits for a slow reader without holding anybody up.
  void answer(std::string text);
  // The connection itself, for a session.
  io::Descriptor release();

 private:
  ControlConnection(io::Loop& loop, io::Descriptor connection, Events events);
  void readable();
  void writable();
  void done();

  io::Descriptor connection_;
  io::Watch watch_;
  io::Timer patience_;
  Events events_;
  HttpRequestReader reader_;
  std::vector<io::Descriptor> descriptors_;
  std::string outgoing_;
  std::size_t sent_ = 0;
  bool answering_ = false;
};

}  // namespace app
