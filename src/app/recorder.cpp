#include "app/recorder.h"

#include <dirent.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "io/clock.h"
#include "io/system_error.h"

namespace app {
namespace {

// In one directory. Somebody may still want those that are there, so none is removed for a new one.
constexpr std::size_t recordings_max = 20;
constexpr std::string_view ending = ".recording";

// For the line that says why there are no more.
constexpr std::size_t last_line_bytes = 1024;
constexpr base::Duration end_patience = std::chrono::seconds(2);

std::string sentence_about(int code) {
  return "the file takes nothing more: " + std::string(std::strerror(code));
}

base::Result<std::string> new_name_in(const std::string& directory) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return io::system_failure("cannot make " + directory);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(directory.c_str()), closedir);
  if (!listing) return io::system_failure("cannot open " + directory);
  std::size_t count = 0;
  while (const dirent* entry = readdir(listing.get())) {
    if (std::string_view(entry->d_name).ends_with(ending)) ++count;
  }
  if (count >= recordings_max)
    return base::failure(directory + " holds " + std::to_string(count) + " recordings; remove some of them");
  const std::time_t seconds = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> time{};
  std::strftime(time.data(), time.size(), "%Y%m%dT%H%M%SZ", &parts);
  return directory + "/hearth-" + time.data() + '-' + std::to_string(getpid()) + std::string(ending);
}

// Made for one recording, and gone with its daemon.
base::Result<base::SipKey> new_key() {
  base::SipKey key;
  if (getentropy(&key, sizeof key) != 0) return io::system_failure("cannot make a key");
  return key;
}

}  // namespace

base::Result<std::unique_ptr<Recorder>> Recorder::start(io::Loop& loop, const RecordWish& wish,
                                                        const record::Header& header,
                                                        std::function<void(std::string)> say) {
  const std::string file = wish.file.empty() ? TRY(new_name_in(wish.directory)) : wish.file;
  const base::SipKey key = TRY(new_key());
  const auto last_line = [key](int code) {
    record::Mask mask(record::Contents::left_out, key);
    return record::written(mask, record::End{sentence_about(code)}, io::now());
  };
  io::Descriptor made_file = TRY(io::make_new_file(file));
  io::Scribe scribe = TRY(io::Scribe::start(std::move(made_file), last_line));
  std::unique_ptr<Recorder> made(new Recorder(std::move(scribe), file, wish.bytes_max,
                                              record::Mask(header.contents, key), std::move(say)));
  made->watch_ = TRY(loop.watch(made->scribe_.socket(), io::Interest::hang_up,
                                [recorder = made.get()] { recorder->look(); }));
  const bool whole = header.contents == record::Contents::whole;
  made->say_("everything that happens is recorded in " + file +
             (whole ? ", with the contents of messages" : ", without the contents of messages"));
  made->put(record::written(header), header.begun);
  return made;
}

Recorder::Recorder(io::Scribe scribe, std::string file, std::size_t bytes_max, record::Mask mask,
                   std::function<void(std::string)> say)
    : file_(std::move(file)),
      bytes_max_(bytes_max),
      mask_(std::move(mask)),
      say_(std::move(say)),
      scribe_(std::move(scribe)) {}

void Recorder::note(const broker::Event& event, base::Instant at) {
  if (!ended_) put(record::written(mask_, event, at), at);
}

void Recorder::note(const record::What& what, base::Instant at) {
  if (!ended_) put(record::written(mask_, what, at), at);
}

void Recorder::end(base::Instant at) {
  if (!ended_) scribe_.write(record::written(mask_, record::End{"the daemon ended"}, at));
  ended_ = true;
  watch_ = {};
  scribe_.finish(end_patience);
}

void Recorder::put(const std::string& line, base::Instant at) {
  // What the disk does not take waits in memory, which this bounds, too.
  if (bytes_ + line.size() > bytes_max_ - last_line_bytes) {
    const std::string why = "it has the " + std::to_string(bytes_max_ >> 10) + " KiB that it may have";
    scribe_.write(record::written(mask_, record::End{why}, at));
    ended_ = true;
    say_("the recording in " + file_ + " ends: " + why);
  } else {
    bytes_ += line.size();
    scribe_.write(line);
  }
  look();
}

// After every line, and whenever there is news.
void Recorder::look() {
  scribe_.flush();
  if (const std::optional<int> code = scribe_.trouble()) {
    if (!ended_) say_("the recording in " + file_ + " ends: " + sentence_about(*code));
    ended_ = true;
    watch_ = {};
  } else if (ended_ && scribe_.waiting() == 0) {
    watch_ = {};
    scribe_.no_more();
  } else if (const bool waits = scribe_.waiting() != 0; watch_ && waits != waits_) {
    waits_ = waits;
    watch_.set(waits ? io::Interest::write_or_hang_up : io::Interest::hang_up);
  }
}

}  // namespace app
