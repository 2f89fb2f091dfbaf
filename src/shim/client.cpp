#include "shim/client.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "io/system_error.h"
#include "proto/journal.h"

namespace shim {

namespace {

// Not a question of whether poll() works: a terminal can be polled, but its O_NONBLOCK would hit the shell
// too.
bool must_be_relayed(int fd) {
  struct stat about{};
  if (::fstat(fd, &about) != 0) return true;
  return !S_ISFIFO(about.st_mode) && !S_ISSOCK(about.st_mode);
}

base::Result<void> fill_standard_streams() {
  for (;;) {
    const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0) return io::system_failure("cannot open /dev/null");
    if (fd <= STDERR_FILENO) continue;
    ::close(fd);
    return {};
  }
}

base::Result<io::Descriptor> make_journal() {
  io::Descriptor journal(::memfd_create("hearth-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!journal || ::ftruncate(journal.get(), static_cast<off_t>(proto::journal_bytes)) != 0) {
    const int code = errno;
    // Under a limit of file sizes the session has none: each side that maps this gets an empty page of its
    // own.
    if (code == EFBIG) journal.reset(::open("/dev/zero", O_RDWR | O_CLOEXEC));
    if (code == EFBIG && journal) return journal;
    errno = code;
    return io::system_failure("cannot make the session's journal");
  }
  // Mapped by others: nobody may pull the ground from under them.
  ::fcntl(journal.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return journal;
}

}  // namespace

base::Result<Client> Client::open() {
  if (base::Result<void> filled = fill_standard_streams(); !filled) return std::unexpected(filled.error());
  Client client;
  client.input_flags_ = ::fcntl(STDIN_FILENO, F_GETFL);
  client.output_flags_ = ::fcntl(STDOUT_FILENO, F_GETFL);
  client.journal_ = TRY(make_journal());
  struct stat about{};
  client.survives_daemon_ = ::fstat(client.journal_.get(), &about) == 0 && S_ISREG(about.st_mode);
  if (client.survives_daemon_) {
    client.page_.emplace(TRY(io::MappedPage::map(client.journal_, proto::journal_bytes)));
  }
  const Relay::Needed needed{must_be_relayed(STDIN_FILENO), must_be_relayed(STDOUT_FILENO)};
  if (needed.input || needed.output) client.relay_ = TRY(Relay::open(needed));
  return client;
}

std::array<int, 3> Client::passed() const {
  std::array<int, 3> fds = {STDIN_FILENO, STDOUT_FILENO, journal_.get()};
  if (relay_ && relay_->input_for_daemon() >= 0) fds[0] = relay_->input_for_daemon();
  if (relay_ && relay_->output_for_daemon() >= 0) fds[1] = relay_->output_for_daemon();
  return fds;
}

base::Result<void> Client::put_back(std::string_view bytes) {
  if (!relay_) relay_ = TRY(Relay::open({}));
  return relay_->put_back(bytes);
}

void Client::restore() const {
  const auto set_back = [](int fd, int flags) {
    if (flags >= 0 && ::fcntl(fd, F_GETFL) != flags) ::fcntl(fd, F_SETFL, flags);
  };
  set_back(STDIN_FILENO, input_flags_);
  set_back(STDOUT_FILENO, output_flags_);
}

}  // namespace shim
