#include "app/config/config_file.h"

#include <cerrno>
#include <utility>

#include "io/aside.h"
#include "io/clock.h"

namespace app {
namespace {

// For a disk that has to wake up. Everybody waits meanwhile.
constexpr base::Duration patience = std::chrono::seconds(3);
// After that has been too short. So a mount that is dead costs everybody a tenth of the time at most.
constexpr base::Duration pause = std::chrono::seconds(30);

}  // namespace

Config ConfigFile::load() {
  if (not_before_ && io::now() < *not_before_) return as_before();
  auto text = io::aside([this] { return read_config_text(path_); }, config_bytes_max, patience);
  if (!text && text.error().code == ETIMEDOUT) {
    not_before_ = io::now() + pause;
    return as_before();
  }
  not_before_.reset();
  text_ = text ? std::optional(*text) : std::nullopt;
  return config_from(text, path_);
}

std::vector<std::string> ConfigFile::news(const Config& config) {
  std::set<std::string> now;
  std::vector<std::string> news;
  for (const Complaint& complaint : config.complaints) {
    std::string text = text_of(complaint);
    if (!now.insert(text).second || told_.contains(text)) continue;
    news.push_back(std::move(text));
  }
  told_ = std::move(now);
  return news;
}

Config ConfigFile::as_before() const {
  Config config = text_ ? read_config(*text_, path_) : Config{};
  config.path = path_;
  const std::string instead = text_ ? "; what it held before is used" : "; Hearth goes on without it";
  config.complaints.push_back(
      {Severity::error, path_, 0, 0, "cannot read " + path_ + ": its file system does not answer" + instead});
  return config;
}

}  // namespace app
