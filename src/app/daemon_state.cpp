#include "app/daemon_state.h"

#include "save/codec.h"

namespace app {

WrittenState written(const DaemonState& state) {
  io::Passing writer;
  save::write(writer, state);
  std::vector<int> descriptors = writer.numbers();
  return {std::move(writer).finish(), std::move(descriptors)};
}

base::Result<DaemonState> state_from(std::string_view text) {
  save::Reader reader(text);
  auto state = save::read<DaemonState>(reader);
  TRY(reader.end("the state of the daemon before"));
  return state;
}

base::Result<void> can_go_on_from(std::string_view text) {
  const DaemonState state = TRY(state_from(text));
  TRY(io::Guard::can_resume(state.process.guard));
  const auto no_page = [](broker::SessionId) { return std::span<std::byte>(); };
  TRY(broker::Broker::restored({}, state.broker, no_page));
  return {};
}

}  // namespace app
