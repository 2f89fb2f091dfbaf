#include "cli/serve.h"

#include <charconv>

#include "cli/output.h"
#include "io/daemon_start.h"
#include "io/handover.h"
#include "io/paths.h"
#include "io/unix_socket.h"

namespace cli {

namespace {

// Where a session has started the daemon, it is asked to hand over. Returns where there is nothing to take
// over: whoever starts a daemon says why it cannot.
base::Result<void> take_over(const io::Paths& paths, const std::string& binary,
                             const std::vector<std::string>& options, const io::Activation& activation) {
  if (!io::hands_over(paths)) return {};
  const auto peer = io::connect_for_packets_to(paths.handover);
  if (!peer) return {};
  TRY(io::check_peer(peer->get()));
  return std::unexpected(io::take_the_daemons_place(paths, binary, options, *peer, activation));
}

}  // namespace

int run_serve(const Arguments& arguments) {
  std::vector<std::string> options = {"--foreground", "yes"};
  const std::string_view port = arguments.value("--port");
  if (arguments.has("--port")) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc() || end != port.data() + port.size()) {
      complain("--port is a number from 0 to 65535, not '" + std::string(port) + "'");
      return exit_usage;
    }
    options.insert(options.end(), {"--port", std::string(port)});
  }
  if (arguments.has("--address"))
    options.insert(options.end(), {"--address", std::string(arguments.value("--address"))});
  // The daemon has a directory of its own.
  for (const char* file : {"--certificate", "--key", "--record"}) {
    if (!arguments.has(file)) continue;
    const auto path = io::absolute(std::string(arguments.value(file)));
    if (!path) return complain(path.error().what);
    options.insert(options.end(), {file, *path});
  }

  if (arguments.has("--record-contents")) {
    if (!arguments.has("--record")) {
      complain("--record-contents is of use with --record FILE only");
      return exit_usage;
    }
    options.insert(options.end(), {"--record-contents", "yes"});
  }

  const auto paths = io::paths_of(arguments.home_wanted());
  if (!paths) return complain(paths.error().what);
  const auto binary = io::find_daemon_binary();
  if (!binary) return complain(binary.error().what);
  auto activation = io::take_activation(paths->socket);
  if (!activation) return complain(activation.error().what);
  if (activation->port && arguments.has("--port"))
    return complain("the service manager has passed a port already; leave out --port");
  // A recording is of one daemon from its beginning.
  if (!arguments.has("--record")) {
    if (const auto taken = take_over(*paths, *binary, options, *activation); !taken)
      return complain(taken.error().what);
  }
  return complain(io::become_the_daemon(*paths, *binary, options, std::move(*activation)).what);
}

}  // namespace cli
