// A recording: what one daemon's broker was told, and when. Fed to another broker, it gives the same actions.
//
// One line of JSON for each thing, in order; a reader ignores members that it does not know. The first line
// says what was recorded and with which options, the last one why it ends. Times are microseconds on the
// daemon's own line of time. What a line holds of a text is decided by record/mask.h; values of the
// environment and of headers are placeholders in any case.
//
//   {"hearth recording":1,"hearth":"0.14.0","contents":"left out","begun":81230000,…}
//   {"at":81231512,"what":"admitted","session":[0,1]}
//   {"at":81231512,"what":"SessionOpened","session":[0,1],"spec":{…},…}
//   {"at":81231990,"what":"SessionLine","session":[0,1],"line":{"text":"{\"jsonrpc\":\"2.0\",…}"}}
//   {"at":91231512,"what":"end","why":"the daemon ended"}
//
// Beside events a broker hears of sessions that are admitted or dismissed, and of the time (a tick). A line
// that stands in the file was written before the broker heard of the event, so what killed a daemon is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "broker/broker.h"
#include "record/mask.h"
#include "record/page.h"

namespace record {

inline constexpr int format = 2;

// A broker can only be told the same from the beginning on, so a recording that is full ends, and the
// beginning stays.
inline constexpr std::size_t bytes_max = std::size_t{64} << 20;

struct Header {
  std::string version;  // Of the Hearth that recorded.
  Contents contents = Contents::left_out;
  base::Instant begun;
  broker::Options options;  // Without hash_key, which stays a secret: nothing that the broker does shows it.
};

struct Admitted {
  broker::SessionId session;
};
struct Dismissed {
  broker::SessionId session;
};
struct Ticked {};
struct End {
  std::string why;
};

using What = std::variant<broker::Event, Admitted, Dismissed, Ticked, End>;

// Each returns one line, with its newline.
std::string written(const Header& header);
std::string written(Mask& mask, const What& what, base::Instant at);
std::string written(Mask& mask, const broker::Event& event, base::Instant at);

struct Entry {
  base::Instant at;
  What what;
  // Of SessionOpened: its page as it was, to be put where the event's `journal` has to point to. Absent: it
  // had none.
  std::optional<Page> page = {};
};

// A refusal is a sentence without the number of the line.
std::expected<Header, std::string> read_header(std::string_view line);
std::expected<Entry, std::string> read_entry(std::string_view line);

}  // namespace record
