// What an invented server says to requests that may be answered for several clients at once.
#include "sim/server.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

void Server::take_inquiry(Inquiry& inquiry) {
  Random& random = world.more;
  open_inquiries_.insert(inquiry.id);
  base::Duration wait = random.about(world.options.work * 2);
  if (random.permille(world.options.slow)) wait *= 1000;
  if (random.permille(world.options.never)) return;
  world.schedule.after(wait, [this, &inquiry] { tell(inquiry); });
}

void Server::tell(Inquiry& inquiry) {
  if (!running || open_inquiries_.erase(inquiry.id) == 0) return;
  Random& random = world.more;
  inquiry.body = "\"asked\":\"e" + std::to_string(inquiry.number) + "\"";
  inquiry.error = !world.kind && random.permille(world.options.error);
  if (inquiry.error) {
    // -32021 is about the client that asked, and no answer for others.
    const int code = random.permille(800) ? -32000 : -32021;
    return write({.kind = ServerLine::Kind::told,
                  .inquiry = &inquiry,
                  .error = true,
                  .text = error_line(inquiry.id, code, inquiry.body)});
  }
  inquiry.body += ",\"proc\":\"p" + std::to_string(number) + "\"";
  if (random.permille(200)) inquiry.body += ",\"pad\":\"" + std::string(random.below(2000), 'v') + "\"";
  std::string result = "{" + inquiry.body;
  if (inquiry.equal.contains("tools/list")) result += ",\"tools\":[{\"name\":\"t\"}]";
  if (inquiry.era == Era::modern) {
    const auto most = static_cast<std::size_t>(world.options.think.count()) / 50;  // In milliseconds.
    const std::size_t ttl = random.permille(300) ? 0 : random.below(most + 1);
    inquiry.good_for = std::chrono::milliseconds(ttl);
    inquiry.for_all = random.permille(500);
    result += ",\"resultType\":\"complete\",\"ttlMs\":" + std::to_string(ttl) + ",\"cacheScope\":\"" +
              (inquiry.for_all ? "public" : "private") + "\"";
  }
  write({.kind = ServerLine::Kind::told, .inquiry = &inquiry, .text = result_line(inquiry.id, result + "}")});
}

}  // namespace sim
