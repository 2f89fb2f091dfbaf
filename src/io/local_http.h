// Requests in plain HTTP/1.1 to servers that listen on this machine (io/local_url.h), without libcurl.
//
// A request leaves in one write, and what is read of its answer is passed on from where it was read.
// Connections are kept and used again. One that breaks before anything was answered is replaced where that
// cannot do anything twice: no byte of the request had left, or it asks for nothing to be done.
//
// However fast a server sends, a turn of the loop takes one read from each connection, and small ones once
// all of them together have taken a budget.
//
// Callbacks come from the loop. Transfers must not outlive their LocalHttp.
#pragma once

#include <memory>

#include "io/http_client.h"
#include "io/local_url.h"
#include "io/loop.h"

namespace io {

class LocalHttp {
 public:
  explicit LocalHttp(Loop& loop);
  ~LocalHttp();
  LocalHttp(const LocalHttp&) = delete;
  LocalHttp& operator=(const LocalHttp&) = delete;

  // Whether a request can go this way, and where to. What libcurl is needed for cannot, nor what goes to a
  // server that has compressed an answer without being asked to.
  std::optional<LocalUrl> takes(const HttpClient::Request& request) const;

  // Exists as long as it is wanted. The request is one that takes() has admitted, with fields as HTTP allows.
  class Transfer {
   public:
    Transfer(LocalHttp& http, LocalUrl url, HttpClient::Request request, HttpClient::Events events);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

   private:
    friend class LocalHttp;
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace io
