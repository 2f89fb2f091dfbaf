// A small, real MCP server on stdio, for demos, tests and benches where Node is absent.
//
// Speaks 2024-11-05 to 2025-11-25. Tools: echo, add, counter (one for the whole process, so it shows who
// shares), slow (with progress, cancellable) and blob (an answer of any size). One thread; everything that a
// read brings is answered with one write. The pure half takes lines and a time and leaves text to be written;
// run_example_server() adds the descriptors and the clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "proto/envelope.h"
#include "proto/rpc.h"

namespace cli {

class Arguments;

class ExampleServer {
 public:
  void on_line(std::string_view line, base::Instant now);
  void on_time(base::Instant now);                // Progress that is due, answers that are done.
  std::optional<base::Instant> deadline() const;  // When to call on_time() next.

  std::string& output() { return output_; }  // Lines to be written; the caller empties it.

 private:
  struct Slow {
    std::string id;              // Raw JSON.
    std::string progress_token;  // Raw JSON; empty: none was asked for.
    base::Instant since;
    base::Instant due;
    base::Instant next_progress;
  };

  void on_message(std::string_view message, base::Instant now);
  void on_request(std::string_view message, const proto::Envelope& envelope, base::Instant now);
  void initialize(std::string_view id, std::string_view params);
  void call(std::string_view message, const proto::Envelope& envelope, base::Instant now);
  void read_resource(std::string_view id, std::string_view raw_uri);
  void report_progress(const Slow& slow, base::Instant now);
  void answer(std::string_view id, std::string_view raw_result);
  void answer_text(std::string_view id, std::string_view raw_string);
  void refuse(std::string_view id, proto::Code code, std::string_view sentence);

  std::string output_;
  std::vector<Slow> slow_;
  std::int64_t counter_ = 0;
};

int run_example_server(const Arguments& arguments);

}  // namespace cli
