#include "app/config/config_file.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "app/config/shown.h"
#include "io/aside.h"
#include "io/clock.h"

namespace app {
namespace {

// For a disk that has to wake up. Everybody waits meanwhile.
constexpr base::Duration patience = std::chrono::seconds(3);
// After that has been too short. So a mount that is dead costs everybody a tenth of the time at most.
constexpr base::Duration pause = std::chrono::seconds(30);

// More mistakes in a row than anybody leaves behind; of what was before them the oldest is forgotten.
constexpr std::size_t texts_most = 8;

Complaint about_all(const std::string& path, std::string what) {
  return {Severity::warning, path, 0, 0, std::move(what)};
}

bool broken_as_a_whole(const Config& config) {
  return config.garbled || std::ranges::any_of(config.complaints, [](const Complaint& complaint) {
           return is_error(complaint) && complaint.server.empty();
         });
}

std::string not_there(const Config& config, bool gone) {
  return config.path + (gone ? " is gone" : " is empty") +
         "; what it held before stays in force (write {} into it to have no servers)";
}

}  // namespace

std::optional<Config> after(const Config& before, Config now) {
  if (broken_as_a_whole(now)) return std::nullopt;
  for (auto refused = now.refused.begin(); refused != now.refused.end();) {
    const auto entry = before.entries.find(refused->first);
    if (entry == before.entries.end()) {
      ++refused;
      continue;
    }
    now.complaints.push_back({Severity::warning, now.path, 0, 0,
                              "server " + shown(entry->first) + " stays as it was before its mistake",
                              entry->first});
    now.entries.insert(*entry);
    refused = now.refused.erase(refused);
  }
  return now;
}

void ConfigFile::resume(Saved saved) {
  texts_ = std::move(saved.texts);
  told_ = std::move(saved.told);
  loaded_ = !texts_.empty();
  if (!loaded_) return;
  last_ = texts_.back();
  in_force_ = read_config(texts_.front(), path_);
  for (std::size_t i = 1; i < texts_.size(); ++i) {
    if (auto next = after(in_force_, read_config(texts_[i], path_))) in_force_ = std::move(*next);
  }
}

std::optional<Config> ConfigFile::load() {
  const std::string instead = loaded_ ? "what it held before stays in force" : "Hearth goes on without it";
  const auto late = [&] {
    stays({{Severity::error, path_, 0, 0,
            "cannot read " + path_ + ": its file system does not answer; " + instead}});
    return std::nullopt;
  };
  if (not_before_ && io::now() < *not_before_) return late();
  auto text = io::aside([this] { return read_config_text(path_); }, config_bytes_max, patience);
  if (!text && text.error().code == ETIMEDOUT) {
    not_before_ = io::now() + pause;
    return late();
  }
  not_before_.reset();
  if (loaded_ && text && last_ == *text) return std::nullopt;
  last_ = text ? std::optional(*text) : std::nullopt;
  return take_up(text);
}

std::optional<Config> ConfigFile::take_up(const base::Result<std::string>& text) {
  Config now = config_from(text, path_);
  if (!std::exchange(loaded_, true)) {
    texts_ = {text.value_or("")};
    in_force_ = std::move(now);
    return std::nullopt;
  }
  if (now.blank) {
    stays(in_force_.blank ? std::vector<Complaint>{}
                          : std::vector{about_all(path_, not_there(now, !text.has_value()))});
    return std::nullopt;
  }
  auto next = after(in_force_, now);
  if (!next) {
    if (!text) now.complaints.push_back(about_all(path_, "what " + path_ + " held before stays in force"));
    if (text)
      now.complaints.push_back(about_all(path_, path_ + " has mistakes; what it held before stays in force"));
    stays(std::move(now.complaints));
    return std::nullopt;
  }
  const bool all_new = std::ranges::none_of(next->complaints, [](const Complaint& complaint) {
    return is_error(complaint) && !complaint.server.empty();
  });
  if (all_new) texts_.clear();
  texts_.push_back(text.value_or(""));
  if (texts_.size() > texts_most) texts_.erase(texts_.begin());
  return std::exchange(in_force_, std::move(*next));
}

void ConfigFile::stays(std::vector<Complaint> complaints) {
  in_force_.path = path_;
  in_force_.complaints = std::move(complaints);
}

std::vector<ConfigFile::News> ConfigFile::news() {
  std::set<std::string> now;
  std::vector<News> news;
  for (const Complaint& complaint : in_force_.complaints) {
    std::string text = text_of(complaint);
    if (!now.insert(text).second || told_.contains(text)) continue;
    news.push_back({.mended = false, .text = std::move(text)});
  }
  if (now.empty() && !told_.empty())
    news.push_back({.mended = true, .text = path_ + " has no mistakes any more"});
  told_ = std::move(now);
  return news;
}

}  // namespace app
